"""The record of what outlives a deployment that fails: clusters that were there before it.

A cluster of `--reuse-cluster` has its user's objects in it, and one of `existing` is somebody else's. So before a
deployment touches one, `kept.json` in the state folder says so, as a lab that is those clusters alone. It is written in
one step and removed once the deployment has succeeded: while it is there, nobody but `netlab destroy` removes a cluster
that it names or the record itself. Without a complete record (`lab.json`) it is the lab's.
"""

from __future__ import annotations

import shlex
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from netlab.model import codec
from netlab.model.errors import HostError, InputError, LabError
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan, NodePlan
from netlab.statefolder import statefile

NAME = "kept.json"
RECORD = "lab.json"
_CREDENTIALS = "kubeconfig-"
_STAY = (NAME, "clusters", "lock")


@dataclass(frozen=True)
class Kept:
    """A lab of nothing but the clusters that were there before."""

    lab: LabRecord
    plan: LabPlan

    @property
    def clusters(self) -> frozenset[str]:
        """What kind calls those of them that are the lab's own, which go with it when it is destroyed."""
        return frozenset(cluster.kind_name for cluster in self.plan.clusters if not cluster.existing)


def of(lab: LabRecord, plan: LabPlan, *, own: bool = True, existing: bool = True) -> Kept:
    """The record of a lab's clusters: of its own, of others', or of both. Their nodes have those interfaces left that
    need no other machine."""
    clusters = tuple(cluster for cluster in plan.clusters if (existing if cluster.existing else own))
    machines = {node.machine for cluster in clusters for node in cluster.nodes}
    links = tuple(link for link in plan.links if {link.a.node, link.b.node} <= machines)
    ends = {(end.node, end.interface) for link in links for end in (link.a, link.b)}

    def alone(node: NodePlan) -> NodePlan:
        left = tuple(each for each in node.interfaces if each.dummy or (node.name, each.name) in ends)
        return replace(node, interfaces=left, bridges=(), routes=(), sysctls=(), start_after=())

    nodes = tuple(alone(node) for node in plan.nodes if node.name in machines)
    return Kept(
        replace(lab, nodes=tuple(node for node in lab.nodes if node.name in machines)),
        replace(plan, nodes=nodes, links=links, services=(), checks=(), emulated=(), clusters=clusters),
    )


def mend(kept: Kept) -> str:
    """How to go on with its clusters: the commands."""
    lab, file, plan = shlex.quote(kept.lab.name), shlex.quote(kept.plan.topology_file), kept.plan
    again = f"netlab deploy {file} --name {lab} --runtime {plan.runtime} --reuse-cluster"
    return f"'{again}' builds the lab around it again, 'netlab destroy --lab {lab}' removes it"


def write(directory: Path, kept: Kept) -> None:
    """Record it. HostError where the folder cannot be written."""
    try:
        statefile.write(directory / NAME, codec.encode(kept))
    except OSError as error:
        raise HostError(f"cannot write in {directory}: {error.strerror}", "make room, or make it writable") from None


def is_there(directory: Path) -> bool:
    """Whether there is a record."""
    return (directory / NAME).is_file()


def read(directory: Path) -> Kept | None:
    """The record; None where there is none. LabError where it is damaged."""
    path = directory / NAME
    try:
        return codec.decode(Kept, statefile.read(path), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except InputError as error:
        raise LabError(f"{path} is damaged: {error}") from None


def forget(directory: Path) -> None:
    """The deployment has succeeded: its own record says all."""
    (directory / NAME).unlink(missing_ok=True)


def reduce(directory: Path) -> None:
    """Remove everything from a state folder that is not of the kept clusters. The lab's own record goes first."""
    (directory / RECORD).unlink(missing_ok=True)
    for path in directory.iterdir():
        if path.name in _STAY or path.name.startswith(_CREDENTIALS):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
