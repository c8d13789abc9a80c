"""A real Kubernetes cluster: kind makes it, MetalLB announces its services."""
