"""The kinds of node: what a node of the topology becomes. netlab.kinds.base holds the contract.

Another package brings a kind by an entry point of the group `netlab.kinds` that names a `Kind` (docs/kinds.md).

    base.py         what a kind is: its functions, and the values that pass between them and the planner
    common.py       what the kinds share: option models, sysctls, a machine's plan, interface names
    bgp.py          BGP in the topology, for every kind of router
    hashing.py      how a router's kernel picks one of several next hops, and what must differ from router to router
    forwarding.py   `forwarding: per-packet`
    serving.py      `serve`: a router that holds VIPs and answers on them
    http_server.py  the HTTP server of such a router, or of an emulated pod
    templating.py   rendering a configuration's template
    schema.py       the topology file as a JSON Schema
    linux/          a host; with an image of FRR, a router
    bridge/         a switch inside the lab
    frr/            a router that runs FRR
    bird/           a router that runs BIRD
    vyos/           a router with a VyOS configuration
    k8s/            a Kubernetes cluster, emulated or real
    ext_container/  a container that somebody else made
"""

from __future__ import annotations

from typing import Any

from netlab.kinds.base import Kind
from netlab.registry import Registry

KINDS: Registry[Kind[Any]] = Registry(
    "netlab.kinds",
    "kind",
    Kind,
    {
        "linux": "netlab.kinds.linux:KIND",
        "bridge": "netlab.kinds.bridge:KIND",
        "frr": "netlab.kinds.frr:KIND",
        "vyos": "netlab.kinds.vyos:KIND",
        "vyosnetworks_vyos": "netlab.kinds.vyos:KIND",
        "ext-container": "netlab.kinds.ext_container:KIND",
        "bird": "netlab.kinds.bird:KIND",
        "k8s": "netlab.kinds.k8s:KIND",
        "k8s-kind": "netlab.kinds.k8s:KIND",
    },
)

names = KINDS.names
load = KINDS.load
usable = KINDS.usable
