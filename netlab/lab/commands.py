"""Commands in nodes, their logs and their configurations."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.lab import state
from netlab.model.errors import InputError, LabError, Problem
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import FilePlan

if TYPE_CHECKING:
    from netlab.runtime.base import Finished, Invocation


def execute(
    node: str, argv: tuple[str, ...], lab: str | None, environment: dict[str, str], *, of_daemon: bool = False
) -> int:
    """Run a command in a node with this process's standard streams; its exit code.

    `of_daemon`: it is the command line of a routing daemon. InputError where the node runs another, though a program of
    that name may be there.
    """
    from netlab.runtime.choice import by_name

    running = state.choose(lab)
    if of_daemon:
        _check_command_line(running, node, argv[0])
    return by_name(running.runtime).execute(running, _node(running, node), argv, environment)


def run(lab: LabRecord, node: str, invocation: Invocation) -> Finished:
    """Run a command in a node of that very lab and keep its output."""
    from netlab.runtime.choice import by_name

    running = state.choose(lab)
    return by_name(running.runtime).run(running, _node(running, node), invocation)


def _check_command_line(lab: LabRecord, node: str, program: str) -> None:
    from netlab import daemons

    planned = next((planned for planned in state.load_plan(lab).nodes if planned.name == node), None)
    daemon = daemons.running_in(planned) if planned else None
    if daemon is None:
        return
    own = daemon.command_line.program
    if own != program:
        message = f"{node} runs {daemon.title}, which has no {program}"
        raise InputError(Problem(message, hint=f"netlab exec {node} -- {own}"))


def _node(lab: LabRecord, name: str) -> LabMachine:
    try:
        return lab.node(name)
    except KeyError:
        raise unknown_node(name, [known.name for known in lab.nodes], lab) from None


def configuration(node: str, file: Path | None, lab: LabRecord | str | None, with_source: bool = False) -> str:
    """The routing configuration that netlab made for a node, of a lab or of a topology file.

    With `with_source`, comments before a line say what it was made from, where the node's kind keeps a record of it.
    """
    from netlab import daemons

    if file is not None:
        from netlab.plan import plan_file

        plan = plan_file(file)
    else:
        plan = state.load_plan(state.choose(lab, dead_too=True))
    try:
        found = plan.node(node)
    except KeyError:
        raise unknown_node(node, [known.name for known in plan.nodes]) from None
    daemon = daemons.running_in(found)
    for planned in found.files:
        if daemon is not None and planned.path == daemon.configuration:
            return annotated(planned, daemon.comment) if with_source else planned.content
    raise LabError(f"{node} runs no routing daemon, so netlab made no configuration for it")


def annotated(planned: FilePlan, comment: str) -> str:
    """The file with the sources of each line as comments before it."""
    if not planned.sources:
        return "# what these lines were made from is not recorded for this kind of node\n" + planned.content
    lines = []
    for line, sources in zip(planned.content.splitlines(), planned.sources, strict=True):
        indent = line[: len(line) - len(line.lstrip(" "))]
        for source in sources:
            where = f"{source.position.file}:{source.position.line}: " if source.position else ""
            lines.append(f"{indent}{comment} {where}{_one_line(source.text)}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """The text without anything that could end the comment."""
    return "".join(char if char.isprintable() else " " for char in text)


def unknown_node(node: str, known: list[str], lab: LabRecord | None = None) -> InputError:
    """What to raise for a node that is not there: with the nearest name, or a cluster's machines."""
    near = difflib.get_close_matches(node, known, 1)
    hint = f'did you mean "{near[0]}"?' if near else f"there is {', '.join(known)}"
    if f"{node}-control-plane" in known:
        machines = [name for name in known if name.startswith((f"{node}-control-plane", f"{node}-worker"))]
        hint = f"a cluster is several: {', '.join(machines)}"
    where = f"lab {lab.name}" if lab else "the topology"
    return InputError(Problem(f"{where} has no node {node}", hint=hint))
