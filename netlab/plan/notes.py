"""What a user should know of a file before it is deployed: keys that are taken and not used, and what runs instead.

One note for each reason, however many nodes it is about, with the place of the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from netlab.model.errors import Position
from netlab.model.topology import NodeSpec, Topology, WrittenKey
from netlab.registry.runtimes import with_traits
from netlab.topology import containerlab
from netlab.topology.written_keys import IMPORT_ENVIRONMENT

_MOST_NAMED = 3
_OWN_PROGRAM = frozenset({"linux"})
"""The kinds whose nodes run `cmd`."""
_CONTAINERS_ONLY = frozenset({"user", "ports", "mgmt", "cap-add", "privileged", "devices", "tmpfs", "security-opts"})
_CONTAINERS_ONLY |= frozenset({"shm-size", "cpu", "cpu-set", "memory"})
_NETLABS_TOO = frozenset({"cmd", "mgmt"})
"""Keys that a file written for netlab has as well."""
_NO_NETWORK = "there is no management network; mgmt: true gives a node docker's"
_REASONS = {
    "network-mode": _NO_NETWORK,
    "group": "no such group stands under groups, so it gives the node nothing",
    "wait-for": "netlab starts all nodes at once and waits for what each needs",
    IMPORT_ENVIRONMENT: "a lab does not depend on who deploys it: name the variables under env",
    **containerlab.reasons(containerlab.IgnoredKeys),
}
_TOP_REASONS = containerlab.reasons(containerlab.IgnoredTopKeys)


def notes(topology: Topology, joined: Collection[str] = ()) -> Iterator[str]:
    """Every note. `joined` are the existing containers that are nodes of the lab's own clusters."""
    yield from _not_used(topology)
    if topology.runtime.images:
        yield from _ports(topology)
    else:
        yield from _images(topology)
        yield from _foreign(topology, joined)
    yield from _programs(topology)
    yield from _binds(topology)
    yield from _bridges(topology)


def of_containerlab(topology: Topology) -> bool:
    """Whether the file was written for containerlab, as far as that shows."""
    suffixes = "".join(topology.file.suffixes[-2:])
    theirs = any(use.key not in _NETLABS_TOO for use in topology.written)
    return theirs or topology.prefix is not None or suffixes in {".clab.yml", ".clab.yaml"}


def _not_used(topology: Topology) -> Iterator[str]:
    by_reason: defaultdict[str, list[WrittenKey]] = defaultdict(list)
    for use in topology.written:
        reason = (_TOP_REASONS if use.top else _REASONS).get(use.key)
        if reason is None and use.key in _CONTAINERS_ONLY and not topology.runtime.images:
            reason = f"no container engine runs the nodes; --runtime {_with_images()} does"
        if reason is not None:
            by_reason[reason].append(use)
    for reason, uses in by_reason.items():
        keys = ", ".join(dict.fromkeys(use.key for use in uses))
        yield f"{_places(use.position for use in uses)}: not used: {keys} ({reason})"


def _ports(topology: Topology) -> Iterator[str]:
    without = [n for n in topology.nodes if n.container.ports and not n.container.management]
    if without:
        yield f"{_nodes(without)}: ports are published only for a node with mgmt: true"
    privileged = [n for n in topology.nodes if n.container.privileged]
    if privileged:
        yield f"{_nodes(privileged)}: a privileged container can change this host"


def _images(topology: Topology) -> Iterator[str]:
    by_image: defaultdict[str, list[NodeSpec]] = defaultdict(list)
    for node in topology.nodes:
        if node.image is not None and node.kind != "bridge":
            by_image[node.image].append(node)
    for image, nodes in by_image.items():
        yield f"{_nodes(nodes)}: {topology.runtime.name} runs this host's programs, not those of the image {image}"


def _foreign(topology: Topology, joined: Collection[str]) -> Iterator[str]:
    nodes = [node for node in topology.nodes if node.kind == "ext-container" and node.name not in joined]
    if nodes:
        cannot = f"{topology.runtime.name} cannot deploy this file, --runtime {_with_images()} can"
        yield f"{_nodes(nodes)}: an existing container: {cannot}"


def _programs(topology: Topology) -> Iterator[str]:
    nodes = [
        n for n in topology.nodes if (n.container.command or n.container.entrypoint) and n.kind not in _OWN_PROGRAM
    ]
    if nodes:
        kinds = ", ".join(dict.fromkeys(node.kind for node in nodes))
        yield f"{_nodes(nodes)}: cmd and entrypoint are not used: netlab starts what a node of kind {kinds} runs"


def _binds(topology: Topology) -> Iterator[str]:
    binds = [bind for node in topology.nodes for bind in node.binds if bind.kept_from_writing]
    if binds:
        sources = ", ".join(dict.fromkeys(str(bind.source) for bind in binds))
        yield f"{_places(bind.position for bind in binds)}: bound for reading alone: {sources}"


def _bridges(topology: Topology) -> Iterator[str]:
    nodes = [node for node in topology.nodes if node.kind == "bridge"]
    if nodes and of_containerlab(topology):
        yield f"{_nodes(nodes)}: a bridge of the lab's own, where containerlab takes an existing one of the host"


def _with_images() -> str:
    return with_traits(lambda traits: traits.images)


def _places(positions: Iterable[Position]) -> str:
    """The first place, and how many others there are."""
    first, *others = dict.fromkeys(positions)
    return f"{first} and {len(others)} more" if others else str(first)


def _nodes(nodes: Sequence[NodeSpec]) -> str:
    """The place of the first node, and their names."""
    named = ", ".join(node.name for node in nodes[:_MOST_NAMED])
    rest = f" and {len(nodes) - _MOST_NAMED} more" if len(nodes) > _MOST_NAMED else ""
    return f"{nodes[0].position}: {named}{rest}"
