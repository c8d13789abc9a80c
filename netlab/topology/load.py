"""A topology file, read and checked for everything that needs no knowledge of a kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from netlab.model.errors import Position, Problem, TopologyError
from netlab.model.runtime import Traits
from netlab.model.topology import LayerSpec, NodeSpec, Topology, WrittenKey
from netlab.registry.runtimes import RUNTIMES, USUAL, traits
from netlab.topology import containerlab
from netlab.topology.checking import check
from netlab.topology.links import link_specs
from netlab.topology.merge import layer, merge, text_of
from netlab.topology.names import lab_name_problem, node_name_problem
from netlab.topology.nodes import Place, check_layer, node_spec
from netlab.topology.problems import Problems, did_you_mean, nearest
from netlab.topology.schema import FileKeys
from netlab.topology.source import MAX_VALUES, read
from netlab.topology.tree import Branch, Entry, Scalar, Tree, located
from netlab.topology.written_keys import written_keys

SAME_KIND: Mapping[str, str] = {"k8s-kind": "k8s", "vyosnetworks_vyos": "vyos"}
"""containerlab's names of kinds that have another name here."""


def load(file: Path, kind_names: Collection[str] | None = None) -> Topology:
    """The topology in `file`.

    `kind_names` are the kinds that exist; without them any kind is taken. A kind's own options are left to the kind.
    Raises TopologyError with every problem of the file, by position, and InputError where it cannot be read.
    """
    topology, problems = parse(file, kind_names)
    if topology is None or problems:
        raise TopologyError(*problems)
    return topology


def parse(file: Path, kind_names: Collection[str] | None = None) -> tuple[Topology | None, list[Problem]]:
    """As much of the topology as can be understood, and everything that is wrong with it, by position.

    With problems, nodes and links may be missing, never half there: a link of it names two of its nodes. None where
    the file is no topology at all. Raises InputError where the file cannot be read.
    """
    problems = Problems()
    tree = read(file, problems)
    topology = None if tree is None else _Reader(file, kind_names, problems).topology(tree)
    return topology, problems.sorted()


class _Reader:
    """The steps of parse(), which share the sections of the file."""

    def __init__(self, file: Path, kind_names: Collection[str] | None, problems: Problems) -> None:
        self.file = file.parent.resolve() / file.name
        self.kind_names = kind_names
        self.problems = problems
        self.defaults: Branch | None = None
        self.kinds: dict[str, Branch | None] = {}
        self.groups: dict[str, Branch | None] = {}
        self.layers: list[LayerSpec] = []
        self.auto: set[str] = set()
        self.size = 0
        self.lab = ""
        self.written: list[WrittenKey] = []

    def topology(self, tree: Tree) -> Topology | None:
        _, found = check(FileKeys, located(tree), "the file")
        self.problems.extend(found)
        top = _entries(tree)
        self.lab = self._lab_name(top)
        self.written += written_keys(tree, containerlab.IgnoredTopKeys, top=True)
        sections = _entries(_at(top, "topology"))
        if not sections:
            return None
        self._read_layers(sections)
        declared = _entries(_at(sections, "nodes"))
        nodes = tuple(node for name, entry in declared.items() if (node := self._node(name, entry)) is not None)
        links = link_specs(_items(_at(sections, "links")), declared, self.auto, self.problems)
        names = {node.name for node in nodes}
        return Topology(
            name=self.lab,
            file=self.file,
            runtime=self._runtime(text_of(tree, "runtime")),
            nodes=nodes,
            links=tuple(link for link in links.links if names.issuperset(end.node for end in link.endpoints)),
            layers=tuple(self.layers),
            dummies=tuple(dummy for dummy in links.dummies if dummy.endpoint.node in names),
            prefix=text_of(tree, "prefix"),
            written=tuple(dict.fromkeys(self.written)),  # an anchor's keys count once
        )

    def _runtime(self, name: str | None) -> Traits:
        """What runs it; the usual one in place of a name that the check has refused."""
        return traits(name if name in RUNTIMES.names() else USUAL)

    def _lab_name(self, top: Mapping[str, Entry]) -> str:
        tree = _at(top, "name")
        name = tree.value if isinstance(tree, Scalar) and isinstance(tree.value, str) else ""
        if name and tree is not None:
            self._check_name("lab", name, lab_name_problem(name), tree.position)
        return name

    def _check_name(self, whose: str, name: str, reason: str | None, position: Position) -> None:
        if reason is not None:
            self.problems.add(f'"{name}" cannot be the name of a {whose}', position, reason)

    def _read_layers(self, sections: Mapping[str, Entry]) -> None:
        defaults = dict(_entries(_at(sections, "defaults")))
        for key in ("ipv4", "ipv6"):
            entry = defaults.pop(key, None)
            if entry is not None and isinstance(entry.tree, Scalar) and entry.tree.value == "auto":
                self.auto.add(key)
            elif entry is not None:
                message = f'"{key}" in defaults must be "auto"'
                self.problems.add(message, entry.tree.position, "write addresses on the links")
        if "defaults" in sections:
            self.defaults = self._layer(Branch(sections["defaults"].tree.position, entries=defaults))
        for name, entry in _entries(_at(sections, "kinds")).items():
            self._refuse("kind", entry.tree)
            kind = SAME_KIND.get(name, name)
            if kind in self.kinds:
                self.problems.add(f'"{name}" is kind {kind}, which stands here twice', entry.key_position, "join them")
            elif self._known_kind(name, entry.key_position):
                self.kinds[kind] = self._layer(entry.tree, kind)
        for name, entry in _entries(_at(sections, "groups")).items():
            self._refuse("group", entry.tree)
            self.groups[name] = self._layer(entry.tree)

    def _refuse(self, key: str, tree: Tree) -> None:
        if key in _entries(tree):
            self.problems.add(f'"{key}" cannot stand here', _entries(tree)[key].key_position, "remove it")

    def _layer(self, tree: Tree, kind: str | None = None) -> Branch | None:
        made = layer(tree)
        if made is None:
            return None
        self.written += written_keys(made, containerlab.NodeOnlyKeys)
        spec = check_layer(made, Place(self.file.parent, self.lab), self.problems)
        if kind is None and "kind" in (made.entries or {}):
            kind = text_of(made, "kind")
            if kind is None or not self._known_kind(kind, _entries(made)["kind"].tree.position):
                return made
        self.layers.append(LayerSpec(kind and SAME_KIND.get(kind, kind), spec.options, spec.startup_config_position))
        return made

    def _known_kind(self, kind: str, position: Position) -> bool:
        if self.kind_names is None or kind in self.kind_names or SAME_KIND.get(kind) in self.kind_names:
            return True
        if kind in containerlab.KINDS:
            known = f"netlab has {', '.join(sorted(self.kind_names))}"
            self.problems.add(f'kind "{kind}" is containerlab\'s alone', position, known)
        else:
            self.problems.add(f'unknown kind "{kind}"', position, did_you_mean(kind, self.kind_names))
        return False

    def _node(self, name: str, entry: Entry) -> NodeSpec | None:
        self._check_name("node", name, node_name_problem(name), entry.key_position)
        self.written += written_keys(entry.tree, containerlab.NodeOnlyKeys)
        empty = isinstance(entry.tree, Scalar) and entry.tree.value is None
        own = Branch(entry.key_position, entries={}) if empty else layer(entry.tree)
        if own is None:
            return None
        group = self._group((own, self.defaults))
        kind = self._kind(name, entry.key_position, (own, group, self.defaults))
        place = Place(self.file.parent, self.lab, name)
        if kind is None:
            check_layer(own, place, self.problems)
            return None
        if text_of(self.kinds.get(kind), "group") is not None:
            group = self._group((own, self.kinds.get(kind)))
        merged = merge((self.defaults, self.kinds.get(kind), group), own)
        self.size += merged.size
        if self.size > MAX_VALUES:
            self.problems.add(
                f"defaults, kinds and groups write more than {MAX_VALUES} values into the nodes up to here",
                entry.key_position,
                "split the lab",
            )
            raise TopologyError(*self.problems.sorted())
        return node_spec(kind, merged, entry.key_position, place=place, problems=self.problems)

    def _group(self, layers: tuple[Branch | None, ...]) -> Branch | None:
        """The keys of the first group that a layer names. One without keys is a word for containerlab's graph."""
        for one in layers:
            name = text_of(one, "group")
            if name is None or one is None:
                continue
            entry = _entries(one)["group"]
            if name not in self.groups and nearest(name, self.groups):
                hint = did_you_mean(name, self.groups)
                self.problems.add(f'unknown group "{name}"', entry.tree.position, hint)
            elif name not in self.groups:
                self.written.append(WrittenKey("group", entry.key_position))
            return self.groups.get(name)
        return None

    def _kind(self, name: str, position: Position, layers: tuple[Branch | None, ...]) -> str | None:
        for one in layers:
            entry = _entries(one).get("kind")
            if entry is None:
                continue
            kind = text_of(one, "kind")
            if kind is None:
                return None  # no text, which the check of the layer reports
            return SAME_KIND.get(kind, kind) if self._known_kind(kind, entry.tree.position) else None
        self.problems.add(f'node "{name}" has no kind', position, "write kind: here, or in defaults")
        return None


def _entries(tree: Tree | None) -> Mapping[str, Entry]:
    return tree.entries if isinstance(tree, Branch) and tree.entries is not None else {}


def _items(tree: Tree | None) -> tuple[Tree, ...]:
    return tree.items if isinstance(tree, Branch) else ()


def _at(entries: Mapping[str, Entry], key: str) -> Tree | None:
    return entries[key].tree if key in entries else None
