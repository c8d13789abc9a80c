"""kubectl for a lab's cluster: the user's own, or the one in the control plane's container."""

from __future__ import annotations

import os

from netlab.cluster import tools
from netlab.cluster.paths import kubeconfig
from netlab.lab import state
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import InputError, LabError, Problem
from netlab.model.lab import LabRecord
from netlab.model.parameters import parameter
from netlab.registry.runtimes import traits, with_traits
from netlab.runtime.choice import by_name


def run(argv: tuple[str, ...], lab: str | None, cluster: str | None) -> int:
    """Run it with this process's standard streams; its exit code. Where the host has kubectl, this becomes it."""
    running = state.choose(lab)
    chosen = _choose(running, cluster)
    program = tools.find("kubectl")
    if program is not None:
        folder = running.directory  # what it keeps goes with the lab
        own = {"KUBECONFIG": str(kubeconfig(folder, chosen.name)), "KUBECACHEDIR": f"{folder}/kubectl"}
        environment = {**os.environ, **own}
        os.execve(program, ["kubectl", *argv], environment)
    node = running.node(chosen.control_plane.machine)
    inside = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", *argv)
    return by_name(running.runtime).execute(running, node, inside, {})


def _choose(lab: LabRecord, name: str | None) -> ClusterPlan:
    plan = state.load_plan(lab)
    known = [cluster.name for cluster in plan.clusters]
    if not known:
        emulated = plan.services and traits(lab.runtime).clusters == "emulated"
        what = "its cluster is emulated" if emulated else "it has no cluster"
        real = with_traits(lambda one: one.clusters == "real")
        mend = f"'netlab deploy --runtime {real}' makes a real one"
        raise LabError(f"lab {lab.name} has no Kubernetes to ask, {what}: {mend}")
    if name is None and len(known) > 1:
        raise InputError(
            Problem("the lab has several clusters", hint=f"say which with {parameter('cluster')} ({', '.join(known)})")
        )
    if name is not None and name not in known:
        message = f"{parameter('cluster')} {name}: no such cluster"
        raise InputError(Problem(message, hint=f"there is {', '.join(known)}"))
    return next(cluster for cluster in plan.clusters if name in (None, cluster.name))
