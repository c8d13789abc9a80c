"""What deploy, repair and inspect give back."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.evidence import BgpSession
from netlab.model.lab import LabRecord
from netlab.model.plan import LabPlan


@dataclass(frozen=True)
class Convergence:
    """How waiting ended. `missing` is empty when the lab has converged; `seconds` is how long it took."""

    missing: tuple[str, ...]
    seconds: float

    @property
    def converged(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True)
class Repair:
    """What was put back: the nodes whose processes were started again, and the number of links made.

    `convergence` is None where nothing was to be done, or nobody waited.
    """

    lab: LabRecord
    nodes: tuple[str, ...]
    links: int
    convergence: Convergence | None


@dataclass(frozen=True)
class NodeReport:
    """A machine. `runs_as` says what really runs in it."""

    name: str
    kind: str
    role: str
    runs_as: str
    addresses: tuple[str, ...]
    alive: bool
    sessions: tuple[BgpSession, ...] = ()
    problem: str | None = None
    """Why its routing daemons could not be asked."""


@dataclass(frozen=True)
class VipReport:
    """A VIP as one router's kernel sees it."""

    service: str
    vip: str
    port: int
    router: str
    next_hops: tuple[str, ...]


@dataclass(frozen=True)
class ClusterReport:
    """A real Kubernetes cluster. `kind_name` is what kind calls it, `kubeconfig` the path of its credentials."""

    name: str
    kind_name: str
    kubeconfig: str
    existing: bool
    """It is somebody else's, and stays when the lab goes."""


@dataclass(frozen=True)
class LabReport:
    """A lab. `state` is running, dead, or unfinished."""

    name: str
    state: str
    runtime: str
    topology_file: str
    created: str
    directory: str
    emulated: tuple[str, ...]
    nodes: tuple[NodeReport, ...]
    vips: tuple[VipReport, ...]
    clusters: tuple[ClusterReport, ...] = ()


@dataclass(frozen=True)
class Picture:
    """What a picture of a lab shows: its plan, and by node the BGP sessions of a lab that runs."""

    plan: LabPlan
    sessions: dict[str, tuple[BgpSession, ...]]
