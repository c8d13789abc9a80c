"""The kinds of node: what a node of the topology becomes. netlab.kinds.base holds the contract.

Another package brings a kind by an entry point of the group `netlab.kinds` that names a `Kind` (docs/kinds.md).
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
