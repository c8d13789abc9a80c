"""What a caller asks of the agent and what it answers. Machines are named; addresses are text."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.evidence import ArpEntry, FibRoute, HashSettings
from netlab.model.plan import InterfacePlan, LinkPlan, RoutePlan, SysctlPlan
from netlab.model.routing import DaemonAnswer, DaemonQuestion


@dataclass(frozen=True)
class NodeWiring:
    """What a machine gets inside its network namespace."""

    name: str
    interfaces: tuple[InterfacePlan, ...]
    bridges: tuple[str, ...]
    routes: tuple[RoutePlan, ...]
    sysctls: tuple[SysctlPlan, ...]
    others: bool = False
    """Somebody else has made it: what bears not the lab's mark there is left alone."""


@dataclass(frozen=True)
class WireRequest:
    """Wire a whole lab."""

    nodes: tuple[NodeWiring, ...]
    links: tuple[LinkPlan, ...]
    mark: str = ""
    """What the lab's interfaces bear, as their alias, in machines that somebody else has made."""


@dataclass(frozen=True)
class WireAnswer:
    """`missing`: sysctls that this kernel does not have and that were not required, as (machine, key).

    `stand_ins`: (machine, interface) of dummy interfaces that are of another type, because the kernel has none.
    """

    missing: tuple[tuple[str, str], ...]
    links: int = 0
    """How many links were made."""
    stand_ins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class AskRequest:
    """Questions, answered in order."""

    questions: tuple[DaemonQuestion, ...]


@dataclass(frozen=True)
class AskAnswers:
    """One answer per question."""

    answers: tuple[DaemonAnswer, ...]


@dataclass(frozen=True)
class KernelRequest:
    """What the kernel of each (machine, destination address) says about forwarding."""

    questions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class KernelView:
    """A machine's kernel route to a destination, its neighbour table and hash settings."""

    route: FibRoute | None
    arp: tuple[ArpEntry, ...]
    hash: HashSettings


@dataclass(frozen=True)
class KernelAnswer:
    """One view per question."""

    views: tuple[KernelView, ...]


@dataclass(frozen=True)
class FlowGroup:
    """TCP connections from one client to one VIP: an HTTP GET from each of `source_ports`, all at once.

    A source port that the client's kernel does not give, because something else on the client has it, is replaced by
    the next of `spare_ports`.
    Where `router` is set, every client-to-VIP segment that leaves it is counted, and the kernel of the router is
    asked for the next hop of each flow that enters by `router_interface`.
    """

    client: str
    client_address: str
    vip: str
    port: int
    source_ports: tuple[int, ...]
    router: str | None = None
    router_interface: str | None = None
    spare_ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class FlowsRequest:
    """Run all groups at the same time. `timeout` is in seconds, for a single flow."""

    groups: tuple[FlowGroup, ...]
    timeout: float


@dataclass(frozen=True)
class SeenSegments:
    """Segments of one flow seen leaving a router by one interface to one MAC address."""

    interface: str
    mac: str
    count: int


@dataclass(frozen=True)
class FlowOutcome:
    """How one flow went. `body` is the HTTP response's body; `predicted` a next-hop address; `connected` says that the
    TCP connection was made, whatever became of the request. `refused`: the client's own kernel had no socket for it,
    and no spare port was left, so that nothing was sent and the flow says nothing of the network."""

    source_port: int
    answered: bool
    error: str | None
    body: str
    retransmissions: int
    predicted: str | None
    segments: tuple[SeenSegments, ...]
    connected: bool = False
    refused: bool = False
    arrived: bool | None = None
    """Whether its SYN was seen coming in at the router; None where no router was watched."""


@dataclass(frozen=True)
class GroupOutcome:
    """One outcome per flow, in the order of the source ports; the group's packets that the capture saw, and any that
    the kernel dropped for it."""

    flows: tuple[FlowOutcome, ...]
    capture_packets: int
    capture_drops: int


@dataclass(frozen=True)
class FlowsAnswer:
    """One outcome per group."""

    groups: tuple[GroupOutcome, ...]


@dataclass(frozen=True)
class Hello:
    """The first message to an agent: where its machines are. Only a runtime sends it. `nodes`: (name, pid)."""

    nodes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Done:
    """An answer that says nothing else."""


REQUESTS: dict[str, type[object]] = {
    "hello": Hello,
    "wire": WireRequest,
    "rewire": WireRequest,
    "refuse_taken": WireRequest,
    "remove_marked": WireRequest,
    "ask": AskRequest,
    "kernel": KernelRequest,
    "flows": FlowsRequest,
}
