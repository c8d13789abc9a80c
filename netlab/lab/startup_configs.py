"""A user's own router configurations, checked line by line by the router's own program before anything is made."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from netlab.model.errors import HostError, Position, Problem, TopologyError
from netlab.model.plan import LabPlan, NodePlan
from netlab.runtime.base import Runtime
from netlab.runtime.choice import by_name


def check(plan: LabPlan, runtime: Runtime) -> None:
    """TopologyError with every line that the program refuses, HostError where it cannot be run."""
    if not any(node.startup_check for node in plan.nodes):
        return
    with ThreadPoolExecutor() as pool:  # of subprocesses; each takes 0.1 s
        problems = list(chain.from_iterable(pool.map(lambda node: _problems(node, runtime), plan.nodes)))
    if problems:
        raise TopologyError(*problems)


def check_where_possible(plan: LabPlan) -> tuple[str, ...]:
    """The same on a machine that need not have the routers' programs; a sentence for each file that goes unchecked."""
    try:
        check(plan, by_name(plan.runtime))
    except HostError as error:
        files = dict.fromkeys(node.startup_check.file.name for node in plan.nodes if node.startup_check)
        return (f"{', '.join(files)}: not checked line by line: {error}",) if files else ()
    return ()


def _problems(node: NodePlan, runtime: Runtime) -> list[Problem]:
    if node.startup_check is None:
        return []
    text = node.startup_check.text
    if text is None:
        text = next(file.content for file in node.files if file.path == node.startup_check.path)
    output = runtime.try_out(node, node.startup_check.argv, text)
    lines = text.splitlines()
    program = Path(node.startup_check.argv[0]).name
    whose = f"{program} of {node.rootfs}" if node.rootfs else f"this host's {program}"
    whose = f"{program} of its image" if runtime.traits.images else whose
    problems = []
    for found in re.finditer(node.startup_check.file.wrong_place, output, re.MULTILINE):
        said = re.sub(r"\[\d+\]: *", ": ", found["message"].strip())
        where = _position(node.startup_check.file.name, int(found["line"]), lines)
        problems.append(Problem(said, where, f"{whose} says so"))
    return problems


def _position(source: str, number: int, lines: list[str]) -> Position:
    text = lines[number - 1] if 0 < number <= len(lines) else ""
    return Position(source, number, len(text) - len(text.lstrip()) + 1)
