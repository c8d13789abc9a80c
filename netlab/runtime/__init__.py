"""Who runs a node. A runtime knows NodePlan and never a kind; wiring and measuring are the agent's.

base.py      what a runtime is to the packages above it
choice.py    a runtime's functions, by its name
starting.py  starting a lab's processes, the builder's side
kept.py      the record of clusters that outlive a deployment that fails
inside/      what runs inside a machine, under every runtime
netns/       machines of namespaces
docker/      machines of containers
"""
