"""Who runs a node. A runtime knows NodePlan and never a kind; wiring and measuring are the agent's."""
