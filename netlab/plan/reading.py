"""Read a topology and the files that it names, let every kind check its nodes, wire and address them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netlab import kinds
from netlab.kinds.base import Expansion, SourceText
from netlab.model.errors import Position, Problem, TopologyError
from netlab.model.topology import BoundFile, NodeSpec, Topology
from netlab.plan.addressing import AddressedMachines, address_lab
from netlab.plan.inherited_keys import layer_problems, no_startup_config
from netlab.plan.wiring import WiredLab, wire_lab
from netlab.registry.runtimes import traits
from netlab.topology import parse
from netlab.topology.paths import inside, read_regular
from netlab.topology.problems import Problems

MAX_CONFIG_BYTES = 1_000_000
MAX_ALL_CONFIGS = 4_000_000
"""Characters of all nodes' startup-configs, one that several nodes name counted for each."""
_TOO_MUCH = "the startup-configs up to here are larger than 4 MB together"


@dataclass(frozen=True)
class CheckedTopology:
    """A topology whose nodes' options were checked by their kinds, wired and addressed: what a plan is made from."""

    topology: Topology
    options: Mapping[str, Any]
    """By the node's name."""
    wired: WiredLab
    addressed: AddressedMachines


def read(file: Path, runtime: str | None = None, name: str | None = None) -> CheckedTopology:
    """Read and check a topology file; `runtime` is to run it in place of the one that it names, and `name` is what the
    lab is called in place of its name there.

    Raises TopologyError with every problem of the file, of the nodes' options, of the startup-configs and of the
    addresses; InputError where the file cannot be read.
    """
    topology, found = parse(file, kinds.names())
    problems = Problems(found)
    if topology is None:
        problems.raise_any()
        raise TopologyError(Problem("the file is no topology", Position(str(file), 1, 1)))
    topology = replace(topology, deployed_as=name)
    if runtime is not None:
        topology = replace(topology, runtime=traits(runtime))
    options = {}
    expansions: dict[str, Expansion] = {}
    machines = size = 0
    for node in topology.nodes:
        with problems.gather():
            source = _startup_config(node, topology, file)
            bound = _bound_files(node, topology.file.parent, file.parent)
            _check_named_files(node, topology.file.parent, problems)
            size += len(source.text) if source else 0
            size += sum(len(one.text) for one in bound)
            kind = kinds.load(node.kind)
            options[node.name] = kind.check(replace(node, bound=bound), topology, source)
            expansions[node.name] = kind.expand(node, options[node.name])
            machines += len(expansions[node.name].machines)
        if machines > topology.runtime.capacity:
            problems.add(f"more than {topology.runtime.capacity} machines up to here", node.position, "split the lab")
            problems.raise_any()
        if size > MAX_ALL_CONFIGS:
            problems.add(_TOO_MUCH, node.startup_config_position, "split the lab")
            problems.raise_any()
    # A wrong key of a layer is told once, and in the words of the node that has it.
    told = {problem.position for problem in problems.sorted()}
    problems.extend(problem for problem in layer_problems(topology.layers) if problem.position not in told)
    # What is left without the wrong nodes still shows wrong addresses.
    usable = _without_the_wrong(topology, expansions)
    checked = None
    with problems.gather():
        wired = wire_lab(usable, expansions)
        checked = CheckedTopology(usable, options, wired, address_lab(wired))
    problems.raise_any()
    assert checked is not None
    return checked


def _without_the_wrong(topology: Topology, right: Collection[str]) -> Topology:
    """The topology with nothing but these nodes and what is between them."""
    return replace(
        topology,
        nodes=tuple(node for node in topology.nodes if node.name in right),
        links=tuple(link for link in topology.links if all(end.node in right for end in link.endpoints)),
        dummies=tuple(dummy for dummy in topology.dummies if dummy.endpoint.node in right),
    )


def _startup_config(node: NodeSpec, topology: Topology, file: Path) -> SourceText | None:
    if node.startup_config is None and node.embedded_config is None:
        return None
    if not kinds.load(node.kind).wants_startup_config:
        raise TopologyError(no_startup_config(node.kind, node.startup_config_position))
    if node.startup_config is None:
        # As many empty lines before it as the file has, so that places in it are the file's.
        before = node.startup_config_position.line if node.startup_config_position else 0
        return SourceText(str(file), "\n" * before + (node.embedded_config or ""))
    return _source(node.startup_config, node.startup_config_position, topology.file.parent, file.parent)


def _bound_files(node: NodeSpec, folder: Path, shown_folder: Path) -> tuple[BoundFile, ...]:
    """The files that the node's kind looks into, as far as binds show them."""
    found: list[BoundFile] = []
    if not node.binds:
        return ()
    for path in kinds.load(node.kind).reads:
        covering = [bind for bind in node.binds if f"{path}/".startswith(f"{bind.target}/")]
        bind = max(covering, key=lambda bind: len(bind.target), default=None)
        source = bind and bind.source / path[len(bind.target) + 1 :]
        if bind and source and source.resolve().is_relative_to(folder) and source.is_file():
            text = _source(source, bind.position, folder, shown_folder)
            found.append(BoundFile(path, text.file, text.text))
    return tuple(found)


def _check_named_files(node: NodeSpec, folder: Path, problems: Problems) -> None:
    """That the files which the node's own keys name are there. What is no path is the kind's to report."""
    for key in kinds.load(node.kind).files:
        written = node.options.value.get(key)
        for index, name in enumerate(written if isinstance(written, list) else ()):
            where = node.options.at(key, index)
            path = inside(folder, name, where, problems) if isinstance(name, str) and name else None
            if path is not None and not path.is_file():
                problems.add(f'"{name}" is no file', where, "name a file")


def _source(path: Path, position: Position | None, folder: Path, shown_folder: Path) -> SourceText:
    """The text of a startup-config. Positions in it show its path as the user would write it."""
    shown = str(shown_folder / path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
    try:
        data = read_regular(path, MAX_CONFIG_BYTES)
    except OSError as error:
        raise TopologyError(Problem(f"{shown}: {error.strerror}", position, "name a readable file")) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise TopologyError(Problem(f"{shown} is larger than 1 MB", position, "name a configuration"))
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode()
        where = Position(shown, data.count(b"\n", 0, error.start) + 1, len(before) + 1)
        raise TopologyError(Problem("not UTF-8", where, "save the file as UTF-8")) from None
    problems = Problems()
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not character.isprintable() and character != "\t":
                what = "control" if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else "unprintable"
                message = f"{what} character U+{ord(character):04X}"
                problems.add(message, Position(shown, number, column), "remove it")
                break
    problems.raise_any()
    return SourceText(shown, text)
