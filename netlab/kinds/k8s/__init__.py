"""Kind `k8s`, also called `k8s-kind`: a Kubernetes cluster whose load balancer is MetalLB in BGP mode.

Where namespaces run the lab it is emulated, and nothing but a plan: a namespace per node with a BGP speaker in the
place of MetalLB's and nftables in kube-proxy's, a namespace per pod behind its node with a small HTTP server. Where
Docker runs the lab it is a real cluster that kind makes (kind_cluster.py). Machines are named as kind names them.
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.k8s.check import check
from netlab.kinds.k8s.expand import expand
from netlab.kinds.k8s.options import K8sOptions
from netlab.kinds.k8s.render import render

KIND = Kind(check, expand, render, options=K8sOptions, wants_startup_config=True, files=("manifests",))
