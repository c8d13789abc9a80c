"""What a topology file from somewhere else would do on this host: told before it is done."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from netlab.model.plan import LabPlan, Role


def deeds_from_outside(plan: LabPlan, folder: Path | None) -> tuple[str, ...]:
    """The commands that a lab runs in its nodes and the paths of the host that it binds, one sentence each.

    Empty where the topology file, its links followed, lies in `folder` (the working directory) or below it: that is
    the user's own work. None stands for a working directory that is gone. What the kinds themselves run is not told.
    """
    file = Path(plan.topology_file).resolve()
    if folder is not None and file.is_relative_to(folder.resolve()):
        return ()
    told = tuple(dict.fromkeys(_deeds(plan)))  # a cluster's machines share what its node says
    return (f"{file} is not in this folder or below; what it makes the lab do:", *told) if told else ()


def _deeds(plan: LabPlan) -> Iterator[str]:
    for node in plan.nodes:
        if node.rootfs:
            yield f"{node.owner} runs the programs of {node.rootfs}"
        if node.role is Role.HOST:  # the processes of the other roles are the kinds' own
            yield from (f"{node.owner} runs from the start on: {shlex.join(p.argv)}" for p in node.processes)
        yield from (f"{node.owner} runs once it is ready: {shlex.join(argv)}" for argv in node.exec)
        for bind in node.binds:
            verb = "reads" if bind.read_only else "can write to"
            yield f"{node.owner} {verb} {bind.source} of this host, as {bind.target}"
