"""Kind `k8s`, also called `k8s-kind`: a Kubernetes cluster whose load balancer is MetalLB in BGP mode.

Where namespaces run the lab it is emulated, and nothing but a plan: a namespace per node with a BGP speaker in the
place of MetalLB's and nftables in kube-proxy's, a namespace per pod behind its node with a small HTTP server. Where
Docker runs the lab it is a real cluster that kind makes (kind_cluster.py). Machines are named as kind names them.

    options.py       its options
    check.py         what does not fit together in them
    kind_check.py    what of them only an emulated cluster could do, and a real one's name
    kindconfig.py    the configuration that kind takes, in a file of the user's
    cluster.py       what follows from the options alone: pods, addresses, VIPs
    expand.py        its machines, and the links between nodes and pods
    services.py      its services as the lab knows them, and who is to announce them
    render.py        what the machines of an emulated cluster are made of
    speaker.py       the BGP speakers of its workers
    templates/       configurations of these speakers, and kube-proxy's rules
    kind_cluster.py  what a real cluster is made of
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.k8s.check import check
from netlab.kinds.k8s.expand import expand
from netlab.kinds.k8s.options import K8sOptions
from netlab.kinds.k8s.render import render

KIND = Kind(check, expand, render, options=K8sOptions, wants_startup_config=True, files=("manifests",))
