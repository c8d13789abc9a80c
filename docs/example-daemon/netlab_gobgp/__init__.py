"""Kind `gobgp`: a server that holds virtual IPs and announces them by GoBGP, as Cilium and kube-router do.

daemon.py  what GoBGP is to netlab, and the image that has it
kind.py    the options of a node, and what its machine is made of
image/     the image's Dockerfile
"""
