"""Starting a lab's processes, the builder's side: what inside.starter is asked, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netlab import daemons
from netlab.daemons.base import Accounts
from netlab.model.errors import InputError, LabError, NetlabError, Position, Problem
from netlab.model.plan import LabPlan, NodePlan, ProcessPlan, UserFile
from netlab.runtime.inside import accounts
from netlab.runtime.inside.rights import DEFAULT_CAPABILITIES

if TYPE_CHECKING:
    from netlab.runtime.inside.messages import Answer, Process, StartRequest


def waves(plan: LabPlan) -> Iterator[tuple[NodePlan, ...]]:
    """The machines in the rounds in which they start: each once those of its `start_after` are ready."""
    waiting = {node.name: node for node in plan.nodes}
    ready: set[str] = set()
    while waiting:
        wave = tuple(node for node in waiting.values() if ready.issuperset(node.start_after))
        if not wave:
            raise LabError(f"{', '.join(waiting)}: each would have to start after another")
        yield wave
        for node in wave:
            del waiting[node.name]
            ready.add(node.name)


def capabilities(node: NodePlan) -> frozenset[str]:
    """What the commands in a machine may do, by name: what every machine has, and what its own processes ask for."""
    return DEFAULT_CAPABILITIES.union(*(process.capabilities for process in node.processes))


def accounts_of(node: NodePlan) -> Accounts | None:
    """The names that become root's in a machine: those of the routing daemon that it runs."""
    daemon = daemons.running_in(node)
    return daemon.accounts if daemon else None


def account_files(node: NodePlan) -> tuple[str, ...]:
    """The files in which they do, unless a bind makes them the user's own."""
    files = (accounts.PASSWD, accounts.GROUP) if accounts_of(node) else ()
    return tuple(path for path in files if not any(f"{path}/".startswith(f"{bind.target}/") for bind in node.binds))


def request(node: NodePlan, timeout: float) -> StartRequest:
    """What the starter of a machine is told; `timeout` in seconds."""
    return {
        "env": dict(node.env),
        "processes": [_process_request(process) for process in node.processes],
        "exec": [list(command) for command in node.exec],
        "timeout": timeout,
    }


def _process_request(process: ProcessPlan) -> Process:
    return {
        "name": process.name,
        "argv": list(process.argv),
        "after": list(process.after),
        "sockets": list(process.sockets),
        "port": process.port,
        "oneshot": process.oneshot,
        "if_present": process.if_present,
        "refuse_output": process.refuse_output,
        "retry_output": process.retry_output,
    }


def failure(node: NodePlan, answer: Answer) -> NetlabError:
    """Why a process failed: where it checks a file of the user's, the places in that file that it complains of."""
    checked = next((process.checks for process in node.processes if process.name == answer["process"]), None)
    problems = _wrong_places(checked, answer["output"]) if checked else []
    if problems:
        return InputError(*problems)
    output = f": {_last_lines(answer['output'])}" if answer["output"].strip() else ""
    return LabError(f"{node.name}: {answer['process']} {answer['message']}{output}")


def _wrong_places(file: UserFile, output: str) -> list[Problem]:
    problems, before = [], list[str]()
    for line in output.splitlines():
        found = re.search(file.wrong_place, line)
        if found:
            place = found.groupdict()
            position = _place(file, int(place["line"] or 1), max(1, int(place.get("column") or 1)))
            message, by = (place["message"] or "wrong").strip(), place.get("by")
            why = "; ".join(before) if by else ""
            problems.append(Problem(f"{by} refuses: {message}" if by else message, position, why or None))
            before = []
        elif line.strip() and not (file.said_anyway and re.match(file.said_anyway, line)):
            before.append(line.strip())
    return problems


def _place(file: UserFile, line: int, column: int) -> Position | None:
    """The place in the user's file; a line that netlab added to a translation has none."""
    if not file.places:
        return Position(file.name, line, column)
    return file.places[line - 1] if line <= len(file.places) else None


def _last_lines(output: str) -> str:
    return " / ".join(line.strip() for line in output.strip().splitlines()[-4:])
