"""A lab: its state folder, plan, topology, configurations and logs, whatever state it is in."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

from netlab.lab import state
from netlab.lab.support import nodes
from netlab.lab.support.bundle import Bundle
from netlab.model.errors import NetlabError
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan


def collect(bundle: Bundle, name: str) -> None:
    """Everything of a lab, running, dead, unfinished or damaged."""
    folder, top = state.directory(name), f"labs/{name}"
    bundle.attempt(f"{top}/state.txt", lambda: bundle.add(f"{top}/state.txt", _listing(name, folder)))
    for file in ("lab.json", "plan.json"):
        bundle.attempt(f"{top}/{file}", lambda file=file: _document(bundle, f"{top}/{file}", folder / file))  # type: ignore[misc]
    bundle.add_file(f"{top}/init.log", folder / "init.log", last=True)
    for log in sorted(folder.glob("logs/*/*.log")):
        bundle.add_file(f"{top}/nodes/{log.parent.name}/logs/{log.name}", log, last=True)
    try:
        lab = state.load(name)
    except NetlabError as error:
        bundle.left_out[top] = f"its record: {error}"
        return
    bundle.attempt(f"{top}/topology", lambda: _topology(bundle, lab))
    plan: LabPlan | None = None
    try:
        plan = state.load_plan(lab)
    except NetlabError as error:
        bundle.left_out[f"{top}/nodes"] = f"what the plan made for them: {error}"
    for node in plan.nodes if plan else ():
        for file_plan in node.files:
            bundle.add(f"{top}/nodes/{node.name}/files{file_plan.path}", file_plan.content)
    if not state.is_alive(lab):
        bundle.left_out[f"{top}/nodes"] = "what their kernels and daemons say: the lab is dead"
        return
    planned = {node.name: node for node in plan.nodes} if plan else {}
    for machine in lab.nodes:
        nodes.collect(bundle, lab, machine, planned.get(machine.name))


def _listing(name: str, folder: Path) -> str:
    lines = [f"{name} in {folder}, lock {'held' if state.is_locked(name) else 'free'}, boot {state.boot_id()}"]
    for place, _, files in os.walk(folder):
        for entry in (place, *(f"{place}/{file}" for file in sorted(files))):
            about = Path(entry).lstat()
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about.st_mtime))
            size = about.st_size
            lines.append(f"{stat.filemode(about.st_mode)} {about.st_uid:6d} {size:9d} {when} {entry}")
    return "\n".join(lines) + "\n"


def _document(bundle: Bundle, path: str, file: Path) -> None:
    try:
        bundle.add_document(path, json.loads(file.read_bytes()))
    except ValueError:  # damaged: as it is
        bundle.add_file(path, file)


def _topology(bundle: Bundle, lab: LabRecord) -> None:
    """The topology as it is now, with the startup configurations that it names."""
    file = Path(lab.topology_file)
    top = f"labs/{lab.name}/topology"
    bundle.add_file(f"{top}/{file.name}", file)
    from netlab.plan import read

    for node in read(file).topology.nodes:
        if node.startup_config:
            bundle.add_file(f"{top}/startup-config/{node.name}", node.startup_config)
