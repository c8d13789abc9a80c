"""The kinds of node: what a node of the topology becomes. netlab.kinds.base holds the contract.

Another package brings a kind by an entry point of the group `netlab.kinds` that names a `Kind`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netlab.kinds.base import Kind

GROUP = "netlab.kinds"

_OWN = {
    "linux": "netlab.kinds.linux",
    "bridge": "netlab.kinds.bridge",
    "frr": "netlab.kinds.frr",
    "vyos": "netlab.kinds.vyos",
    "bird": "netlab.kinds.bird",
    "k8s": "netlab.kinds.k8s",
    "k8s-kind": "netlab.kinds.k8s",
}
"""netlab's own kinds. They need no entry point, so that netlab runs from a checkout that was never installed."""


@cache
def _foreign() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in _OWN}


def names() -> tuple[str, ...]:
    """The name of every kind there is."""
    return (*_OWN, *_foreign())


@cache
def load(name: str) -> Kind[Any]:
    """The kind of that name, imported when it is first asked for. KeyError where there is none."""
    module = _OWN.get(name)
    kind: Kind[Any] = import_module(module).KIND if module else _foreign()[name].load()
    return kind
