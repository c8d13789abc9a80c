"""Whether this host lets a lab be made, tried out."""

from __future__ import annotations

import tempfile
from pathlib import Path

from netlab.model.errors import HostError, NetlabError
from netlab.model.plan import LabPlan, NodePlan, Role
from netlab.runtime.netns.build import Build


def trial() -> NetlabError | None:
    """Make a lab of one empty node and throw it away; what went wrong, or None."""
    try:
        with tempfile.TemporaryDirectory(prefix="netlab-doctor-") as folder:
            node = NodePlan("doctor", "linux", Role.HOST, "doctor", "Linux")
            plan = LabPlan("doctor", f"{folder}/none", "netns", (node,), ())
            with Build(plan, Path(folder, "labs", "doctor")) as build:
                build.launch()
                build.make_nodes()
    except NetlabError as error:
        return error.__cause__ if isinstance(error.__cause__, HostError) else error
    except OSError as error:
        return HostError(f"cannot make a temporary folder: {error.strerror}", "set TMPDIR to a folder of yours")
    return None
