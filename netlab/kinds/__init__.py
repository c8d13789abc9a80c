"""The kinds of node: what a node of the topology becomes. netlab.kinds.base holds the contract.

Another package brings a kind by an entry point of the group `netlab.kinds` that names a `Kind` (docs/kinds.md).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from netlab.model.errors import HostError

if TYPE_CHECKING:
    from netlab.kinds.base import Kind

GROUP = "netlab.kinds"
_MEND = "mend or uninstall that package"

_OWN = {
    "linux": "netlab.kinds.linux",
    "bridge": "netlab.kinds.bridge",
    "frr": "netlab.kinds.frr",
    "vyos": "netlab.kinds.vyos",
    "vyosnetworks_vyos": "netlab.kinds.vyos",
    "ext-container": "netlab.kinds.ext_container",
    "bird": "netlab.kinds.bird",
    "k8s": "netlab.kinds.k8s",
    "k8s-kind": "netlab.kinds.k8s",
}
"""netlab's own kinds. They need no entry point, so that netlab runs from a checkout that was never installed."""


@cache
def _foreign() -> dict[str, list[EntryPoint]]:
    """Other packages' kinds. A name of netlab's own is never another's."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in _OWN:
            found.setdefault(entry.name, []).append(entry)
    return found


def names() -> tuple[str, ...]:
    """The name of every kind there is."""
    return (*_OWN, *_foreign())


@cache
def load(name: str) -> Kind[Any]:
    """The kind of that name, imported when it is first asked for.

    KeyError where there is none; HostError where another package's cannot be used.
    """
    module = _OWN.get(name)
    if module is None:
        return _load_foreign(name, _foreign()[name])
    kind: Kind[Any] = import_module(module).KIND
    return kind


def usable() -> tuple[str, ...]:
    """The name of every kind that can be loaded: another package's broken one does not stand in the others' way."""
    return tuple(name for name in names() if _is_usable(name))


def _is_usable(name: str) -> bool:
    try:
        load(name)
    except HostError:
        return False
    return True


def _load_foreign(name: str, entries: list[EntryPoint]) -> Kind[Any]:
    from netlab.kinds.base import Kind

    packages = sorted({_package(entry) for entry in entries})
    if len(packages) > 1:
        raise HostError(f"several packages bring a kind {name}: {', '.join(packages)}", "uninstall all but one")
    try:
        kind = entries[0].load()
    except (Exception, SystemExit) as error:  # the package's own code runs: anything may come out of it
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise HostError(f"kind {name} of the package {packages[0]} cannot be loaded: {why}", _MEND) from error
    if not isinstance(kind, Kind):
        found = type(kind).__name__
        raise HostError(f"kind {name} of the package {packages[0]} is a {found}, no netlab.kinds.base.Kind", _MEND)
    return kind


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
