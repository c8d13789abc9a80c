"""Commands in nodes, their logs and their configurations."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.lab import state
from netlab.model.errors import InputError, LabError, Problem
from netlab.model.lab import Lab, LabNode
from netlab.model.plan import FilePlan

if TYPE_CHECKING:
    from netlab.runtime.base import Finished, Invocation

_CONFIGURATIONS = ("/etc/frr/frr.conf", "/etc/bird/bird.conf")


def execute(node: str, argv: tuple[str, ...], lab: str | None, environment: dict[str, str]) -> int:
    """Run a command in a node with this process's standard streams; its exit code."""
    from netlab.runtime.choice import by_name

    running = state.choose(lab)
    if argv[:1] == ("vtysh",):
        _check_vtysh(running, node)
    return by_name(running.runtime).execute(running, _node(running, node), argv, environment)


def capture(lab: Lab, node: str, invocation: Invocation) -> Finished:
    """Run a command in a node of that very lab and keep its output."""
    from netlab.runtime.choice import by_name

    running = state.choose(lab)
    return by_name(running.runtime).capture(running, _node(running, node), invocation)


def _check_vtysh(lab: Lab, node: str) -> None:
    """InputError where the router's daemon has no vtysh: a program of that name may be there all the same."""
    planned = next((planned for planned in state.load_plan(lab).nodes if planned.name == node), None)
    if planned and planned.routing and planned.routing.daemon == "bird":
        raise InputError(Problem(f"{node} runs BIRD, which has no vtysh", hint=f"netlab exec {node} -- birdc"))


def _node(lab: Lab, name: str) -> LabNode:
    try:
        return lab.node(name)
    except KeyError:
        raise unknown_node(name, [known.name for known in lab.nodes], lab) from None


def configuration(node: str, file: Path | None, lab: Lab | str | None, with_source: bool = False) -> str:
    """The routing configuration that netlab made for a node, of a lab or of a topology file.

    With `with_source`, comments before a line say what it was made from, where the node's kind keeps a record of it.
    """
    if file is not None:
        from netlab.plan import plan_file

        plan = plan_file(file)
    else:
        plan = state.load_plan(state.choose(lab, dead_too=True))
    try:
        found = plan.node(node)
    except KeyError:
        raise unknown_node(node, [known.name for known in plan.nodes]) from None
    for planned in found.files:
        if planned.path in _CONFIGURATIONS:
            return annotated(planned) if with_source else planned.content
    raise LabError(f"{node} runs no routing daemon, so netlab made no configuration for it")


def annotated(planned: FilePlan) -> str:
    """The file with the sources of each line as comments before it."""
    if not planned.sources:
        return "# what these lines were made from is not recorded for this kind of node\n" + planned.content
    lines = []
    for line, sources in zip(planned.content.splitlines(), planned.sources, strict=True):
        indent = line[: len(line) - len(line.lstrip(" "))]
        for source in sources:
            where = f"{source.position.file}:{source.position.line}: " if source.position else ""
            lines.append(f"{indent}! {where}{_one_line(source.text)}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """The text without anything that could end the comment."""
    return "".join(char if char.isprintable() else " " for char in text)


def unknown_node(node: str, known: list[str], lab: Lab | None = None) -> InputError:
    """What to raise for a node that is not there: with the nearest name, or a cluster's machines."""
    near = difflib.get_close_matches(node, known, 1)
    hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(known)}"
    if f"{node}-control-plane" in known:
        machines = [name for name in known if name.startswith((f"{node}-control-plane", f"{node}-worker"))]
        hint = f"a cluster is several: {', '.join(machines)}"
    where = f"lab {lab.name}" if lab else "the topology"
    return InputError(Problem(f"{where} has no node {node}", hint=hint))
