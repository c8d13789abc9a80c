"""Clusters that were there before a deployment, while it is under way: what fails or is killed, they run on.

Their record (runtime/kept.py) is written before anything is done to the lab that they are of, or to somebody else's
cluster, and removed when the deployment has succeeded. In between, the guard of a killed netlab leaves what it names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from netlab.lab import state
from netlab.lab.destroy import destroy, detach
from netlab.lab.progress import Progress
from netlab.lab.wired import only, wiring_of
from netlab.model.errors import LabError, NetlabError
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan
from netlab.runtime import kept
from netlab.runtime.choice import by_name
from netlab.runtime.kept import Kept
from netlab.statefolder import lab_folder


class Custody:
    """A context around a deployment of the lab `name`. Left without `succeeded`, it takes back what the deployment did
    to those clusters, keeps the lab's own, and says how to go on."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._name = name
        self._directory = state.directory(name)
        self._progress = progress
        self.is_ours = False
        """Whether this deployment has written the record; a lab may be whole beside an older one."""

    def __enter__(self) -> Custody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_ours and (left := kept.read(self._directory)) is not None:
            self._leave(left)

    def take_over(self, plan: LabPlan) -> LabPlan:
        """The plan with the clusters of the lab that it replaces, and nothing else left of that lab.

        LabError, with nothing changed, where that cannot be.
        """
        from netlab.cluster import reuse

        lab = state.load(self._name)
        old = state.load_plan(lab)
        plan = reuse.checked(old, plan, lab.engine)
        if not any(cluster.reused for cluster in plan.clusters):
            destroy(self._name, self._progress)
            return plan
        _refuse_taken(lab, plan)
        with _locked(self._directory) as is_free:
            if not is_free:
                raise LabError(f"lab {self._name} is being built or repaired by another netlab: wait for it")
            found = kept.of(lab, old)
            kept.write(self._directory, found)
            self.is_ours = True
            self._progress.step(f"replacing {self._name} around its cluster")
            for sentence in detach(lab, old):
                self._progress.note(sentence)
            reuse.leave(found)
        return plan

    def remember(self, lab: LabRecord, plan: LabPlan) -> None:
        """Record the clusters that were there, before anything is done in them."""
        left = kept.of(lab, plan, own=any(cluster.reused for cluster in plan.clusters))
        if left.plan.clusters:
            kept.write(self._directory, left)
            self.is_ours = True

    def succeeded(self) -> None:
        """The lab's own record says all from now on."""
        kept.forget(self._directory)

    def _leave(self, left: Kept) -> None:
        try:
            if left.clusters:
                self._keep_clusters(left)
            else:
                destroy(self._name, self._progress)
        except NetlabError as failed:
            self._progress.note(" ".join(failed.lines()))
        except OSError as failed:
            self._progress.note(f"{failed.filename or self._directory}: {failed.strerror}")
        if left.clusters and kept.is_there(self._directory):
            names = ", ".join(cluster.name for cluster in left.plan.clusters if not cluster.existing)
            self._progress.note(f"{names}: its Kubernetes cluster runs on with all that is in it: {kept.mend(left)}")

    def _keep_clusters(self, left: Kept) -> None:
        from netlab.cluster import reuse

        with _locked(self._directory) as is_free:
            if is_free:  # else another netlab has gone on with them
                for sentence in detach(left.lab, left.plan):
                    self._progress.note(sentence)
                reuse.leave(left)


def _refuse_taken(lab: LabRecord, plan: LabPlan) -> None:
    """LabError where nodes of the clusters have an interface of their user's in the place of one of the plan's."""
    machines = only(wiring_of(plan), by_name(lab.runtime).running(lab))
    if any(node.others for node in machines.nodes):
        with by_name(lab.runtime).agent(lab) as agent:
            agent.refuse_taken(machines)


@contextmanager
def _locked(directory: Path) -> Iterator[bool]:
    """Hold the lock of a lab's state folder; the block is told whether it was free."""
    try:
        held = lab_folder.retake(str(directory))
    except FileNotFoundError:
        held = None
    try:
        yield held is not None
    finally:
        for descriptor in held or ():
            os.close(descriptor)
