"""Topology -> LabPlan: every machine, address, route, file and process of the lab, computed before anything exists.

`read` does all the I/O (the topology file and the startup-configs that it names); `plan` is pure.

    reading.py         a topology and the files that it names, read and checked
    inherited_keys.py  the kinds' own keys in `defaults`, `kinds` and `groups`, checked
    wiring.py          nodes become machines, links get both ends, joined links become LANs
    addressing.py      every interface's addresses
    planning.py        the recipe, once all of this is known
    routes.py          paths through the routers, and the static routes of hosts and cluster nodes
    anycast.py         services whose endpoints are machines that hold the VIP themselves
    checks.py          which routers ecmp-check will look at
    notes.py           what a user should know of a file: keys without effect, and what runs instead
    host_access.py     what a file from somewhere else would do on this host
"""

from __future__ import annotations

from pathlib import Path

from netlab.model.errors import InputError, Problem
from netlab.model.plan import LabPlan
from netlab.plan.planning import plan
from netlab.plan.reading import CheckedTopology, read
from netlab.topology.names import lab_name_problem

__all__ = ["CheckedTopology", "plan", "plan_file", "read"]


def plan_file(file: Path, name: str | None = None, runtime: str | None = None) -> LabPlan:
    """The plan of the lab that a topology file describes, under another name or for another runtime where one is given.

    What is computed from the name in the file (hash seeds) stays, so that copies of a lab forward alike.
    Raises TopologyError with every problem, InputError where the file cannot be read or the name cannot be one.
    """
    problem = None if name is None else lab_name_problem(name)
    if problem:
        raise InputError(Problem(f'"{name}" cannot be the name of a lab', hint=problem))
    return plan(read(file, runtime, name))
