"""Topology -> LabPlan: every machine, address, route, file and process of the lab, computed before anything exists.

`read` does all the I/O (the topology file and the startup-configs that it names); `plan` is pure.
"""

from __future__ import annotations

from pathlib import Path

from netlab.model.plan import LabPlan
from netlab.plan.planning import plan
from netlab.plan.reading import CheckedTopology, read

__all__ = ["CheckedTopology", "plan", "plan_file", "read"]


def plan_file(file: Path) -> LabPlan:
    """The plan of the lab that a topology file describes.

    Raises TopologyError with every problem, InputError where the file cannot be read.
    """
    return plan(read(file))
