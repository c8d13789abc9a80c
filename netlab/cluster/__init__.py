"""A real Kubernetes cluster: kind makes it, MetalLB announces its services.

clusters.py     a lab's clusters while it is deployed, repaired and destroyed
kindconfig.py   kind's configuration of a cluster
node_image.py   which image the nodes run, and what it brings
creation.py     the kind command, at work in the background
pod_network.py  the pods' network, where the node image brings none
documents.py    what a lab asks of its cluster, as Kubernetes objects
manifests.py    MetalLB's own manifest, and what netlab changes in it
yamlfile.py     manifests as files: read as kubectl reads them
install.py      MetalLB and a lab's services put into a cluster, and taken out again
attached.py     taking what a lab has applied away from somebody else's cluster
reuse.py        handing running clusters over to a lab's next deployment
readiness.py    what a cluster still lacks until its services are there
settled.py      whether what Kubernetes says of pods holds in the nodes' kernels
facts.py        what Kubernetes and MetalLB say of services
labels.py       label selectors
client.py       the Kubernetes API, through the package `kubernetes`
retry.py        which refusals of that API are worth another try
credentials.py  what kind is asked with, and a cluster's credentials
paths.py        where a lab keeps what belongs to a cluster
tools.py        kind and kubectl on this host
"""
