"""What a topology means: every machine, address, route, file and process of the lab. Computed, nothing exists yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from netlab.model.cluster import ClusterPlan
from netlab.model.errors import Position
from netlab.model.topology import ContainerLimits, Expect, IPAddress, IPInterface, IPNetwork

Address = IPAddress
Interface = IPInterface
Network = IPNetwork

DEFAULT_PREFIX = "netlab"
"""What the names of a lab's containers begin with where its file says nothing else."""


def container_name(prefix: str, lab: str, node: str) -> str:
    """The name of a machine's container, by containerlab's rules: PREFIX-LAB-NODE; without a prefix the node's name,
    and LAB-NODE where the prefix is `__lab-name`."""
    if not prefix:
        return node
    return f"{lab}-{node}" if prefix == "__lab-name" else f"{prefix}-{lab}-{node}"


class Role(StrEnum):
    """What a machine is for. A `node` of the cluster is a control plane or a worker."""

    ROUTER = "router"
    HOST = "host"
    BRIDGE = "bridge"
    CONTROL_PLANE = "control-plane"
    WORKER = "worker"
    POD = "pod"


@dataclass(frozen=True)
class InterfacePlan:
    """An interface of a machine, without the link that makes it."""

    name: str
    addresses: tuple[Interface, ...] = ()
    mtu: int | None = None
    master: str | None = None
    """The bridge of the same machine that this interface is a port of."""
    mac: str | None = None
    """Its MAC address, `aa:bb:cc:dd:ee:ff`; None for one of the kernel's choice."""
    dummy: bool = False
    """No link makes it, and no packet leaves by it: a dummy device, or what stands in where the kernel has none."""


@dataclass(frozen=True)
class RoutePlan:
    """A static kernel route: `via` a next hop, out of `interface`, or both."""

    to: Network
    via: Address | None = None
    interface: str | None = None
    onlink: bool = False


@dataclass(frozen=True)
class SysctlPlan:
    """A sysctl of the machine's network namespace, in dotted form.

    `required` is False for settings that older kernels lack (fib_multipath_hash_seed: Linux 6.11);
    whoever needs such a setting says so when it is missing.
    """

    key: str
    value: str
    required: bool = True

    @property
    def of_interface(self) -> bool:
        """Whether it is one interface's own, and can be set once that exists."""
        parts = self.key.split(".")
        return len(parts) > 4 and parts[2] in ("conf", "neigh") and parts[3] not in ("all", "default")


@dataclass(frozen=True)
class LineSource:
    """Where a line of a file comes from: a line of the user's own configuration, or, without a place, a reason."""

    text: str
    position: Position | None = None


@dataclass(frozen=True)
class FilePlan:
    """A file that netlab writes into the machine, below a folder that is the machine's own (/etc/frr, /run, ...)."""

    path: str
    content: str
    mode: int = 0o644
    sources: tuple[tuple[LineSource, ...], ...] = ()
    """For each line of `content`, what it was made from. Empty where the kind keeps no record of that."""


@dataclass(frozen=True)
class BindPlan:
    """A file or folder of the host, seen by the machine at `target`."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class UserFile:
    """A file of the user's that a process checks: its name for messages, and how the process names a wrong place.

    `wrong_place` is a regular expression with the groups `line` and `message`, and `column` where there is one. Where
    it has a group `by`, a daemon of that name refused the line, and what was printed just before says why.
    """

    name: str
    wrong_place: str
    places: tuple[Position | None, ...] = ()
    """Where the process gets a translation: for each of its lines the place in the user's file, if it has one."""
    said_anyway: str | None = None
    """A regular expression: the beginnings of lines that are printed whether anything is refused or not."""


@dataclass(frozen=True)
class ProcessPlan:
    """A process that the machine's init starts.

    It starts once every process named in `after` is ready. A daemon is ready when all sockets named in `sockets`
    (unix, absolute path in the machine) listen and, where `port` is set, the TCP port does; a `oneshot` is ready when
    it has ended with exit code 0, and any other end fails the deploy with its output.
    """

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    port: int | None = None
    oneshot: bool = False
    if_present: bool = False
    """Left out, and taken for ready, where the executable does not exist (FRR 10's mgmtd)."""
    capabilities: tuple[str, ...] = ()
    """Capabilities beyond the runtime's default set, by name without CAP_ (zebra needs SYS_ADMIN)."""
    refuse_output: str | None = None
    """A regular expression: a oneshot that prints a matching line has failed whatever its exit code
    (`vtysh -b` of FRR 8.4 reports a refused line but ends with 0)."""
    retry_output: str | None = None
    """A regular expression: a oneshot that prints a matching line is run again, until the deadline."""
    checks: UserFile | None = None
    """Of a oneshot: the user's file that is wrong where this fails. Its messages then name that file."""
    is_command: bool = False
    """The user's own program of the machine (`cmd`): in a container, what its image's entrypoint is given."""


@dataclass(frozen=True)
class StartupCheck:
    """How a file of the user's that is one of the machine's as it stands can be checked before anything is made.

    `argv` and a path: a program of the machine reads the file there and prints a line for each mistake.
    """

    argv: tuple[str, ...]
    path: str
    """The machine's file that it is."""
    file: UserFile
    text: str | None = None
    """What it holds, where a bind shows it; None where it is one of the machine's `files`."""


@dataclass(frozen=True)
class NeighborPlan:
    """A BGP neighbor that the machine's configuration names: by its address, or by the interface that it is behind."""

    address: Address | None
    remote_asn: int | None = None
    expect_down: bool = False
    interface: str | None = None

    @property
    def name(self) -> str:
        """What the daemon calls it."""
        return self.interface or str(self.address)


@dataclass(frozen=True)
class RoutingPlan:
    """A routing daemon that can be asked about BGP and the RIB."""

    daemon: str
    """Its name (netlab.daemons)."""
    daemons: tuple[str, ...]
    """Its programs that run: zebra, bgpd, staticd, bfdd; or one."""
    asn: int | None = None
    neighbors: tuple[NeighborPlan, ...] = ()
    """The neighbors that must reach Established before the lab has converged."""
    neighbors_asked: bool = False
    """The configuration is the user's own, and its neighbors are those that the daemon names when it is asked."""


@dataclass(frozen=True)
class ContainerPlan:
    """What a container engine is told of a machine beside the rest of its plan. Other runtimes do without it."""

    entrypoint: tuple[str, ...] | None = None
    """In place of the image's own."""
    user: str | None = None
    """Who the machine's own command runs as, `USER[:GROUP]`; None for the image's choice."""
    labels: tuple[tuple[str, str], ...] = ()
    ports: tuple[str, ...] = ()
    """Ports that the engine publishes on the host, as `docker run -p` has them; they need `management`."""
    management: bool = False
    """Whether it has the engine's own network as eth0, with a default route by it."""
    privileged: bool = False
    """A system that boots by itself (VyOS) and takes nothing less."""
    boots: bool = False
    """The image starts its own init and daemons, which read `files`; netlab starts nothing in it."""
    existing: str | None = None
    """The name of a container that somebody else made and keeps; only its links are the lab's."""
    capabilities: tuple[str, ...] = ()
    """Capabilities beyond those that netlab gives every machine (`cap-add`), by name without CAP_."""
    limits: ContainerLimits = field(default_factory=ContainerLimits)


@dataclass(frozen=True)
class NodePlan:
    """One machine, ready to be built. `name` is also its hostname."""

    name: str
    kind: str
    role: Role
    owner: str
    """The node of the topology that it comes from: `k8s` for `k8s-worker2`, otherwise its own name."""
    runs_as: str
    """What really runs, for every screen and the JSON: "VyOS 1.1 configuration, Quagga's defaults, run by FRR".
    Where `routing` is set, the running version is appended to it when it is shown."""
    interfaces: tuple[InterfacePlan, ...] = ()
    bridges: tuple[str, ...] = ()
    """Bridge devices that the machine holds; their addresses stand in `interfaces` under the same name."""
    routes: tuple[RoutePlan, ...] = ()
    sysctls: tuple[SysctlPlan, ...] = ()
    files: tuple[FilePlan, ...] = ()
    binds: tuple[BindPlan, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    processes: tuple[ProcessPlan, ...] = ()
    start_after: tuple[str, ...] = ()
    """Machines whose processes must be ready before this one's start. A speaker that calls before the router's own
    start timer (1 s, FRR) has run out is refused and loses another second."""
    exec: tuple[tuple[str, ...], ...] = ()
    """Commands of the user, run in order once the processes are ready, as argument lists."""
    routing: RoutingPlan | None = None
    image: str | None = None
    """The container image that the user names; None leaves the choice to the runtime."""
    container: ContainerPlan = ContainerPlan()
    startup_check: StartupCheck | None = None
    rootfs: str | None = None
    """A folder of the host that the machine sees as its root, absolute and without links; None for the host's own."""
    node: str | None = None
    """Of a pod: the cluster node that it runs on."""
    forwarding: Literal["per-flow", "per-packet"] = "per-flow"
    """Of a router: what it spreads over several next hops."""
    old_kernel: str | None = None
    """Of a configuration written for another kernel: what that kernel did with several next hops."""


@dataclass(frozen=True)
class LinkEnd:
    """One end of a link: an interface of a machine."""

    node: str
    interface: str


@dataclass(frozen=True)
class LinkPlan:
    """A point-to-point link (a veth pair) between two machines."""

    a: LinkEnd
    b: LinkEnd
    mtu: int | None = None


@dataclass(frozen=True)
class AnnouncerPlan:
    """A machine that may announce a VIP: a node of a cluster, or one that holds the VIP itself.

    `reason` says why it is not expected to, where it is not.
    """

    node: str
    address: Address
    expected: bool
    reason: str = ""


@dataclass(frozen=True)
class ServicePlan:
    """A service with one of its virtual IPs (VIPs); a dual-stack service is two of these."""

    cluster: str | None
    """The cluster that it is of; None where machines hold the VIP themselves (anycast)."""
    name: str
    vip: Address
    port: int
    policy: Literal["Cluster", "Local"] | None
    """A cluster's externalTrafficPolicy."""
    pods: tuple[str, ...]
    """What answers: a cluster's pods, else the machines that hold the VIP."""
    announcers: tuple[AnnouncerPlan, ...]

    def is_held_by(self, machine: str) -> bool:
        """Whether the VIP is the machine's own address. A cluster's is nobody's."""
        return self.cluster is None and machine in self.pods


@dataclass(frozen=True)
class CheckPlan:
    """What ecmp-check looks at: flows from `client` to a VIP, counted at `router`."""

    router: str
    client: str
    client_address: Address
    client_interface: str
    router_interface: str
    """Where the client's packets enter the router."""
    vip: Address
    port: int
    service: str
    expect: Expect


@dataclass(frozen=True)
class LabPlan:
    """The whole lab, ready to be built by a runtime."""

    name: str
    topology_file: str
    runtime: str
    """The name of what runs it."""
    nodes: tuple[NodePlan, ...]
    links: tuple[LinkPlan, ...]
    services: tuple[ServicePlan, ...] = ()
    checks: tuple[CheckPlan, ...] = ()
    emulated: tuple[str, ...] = ()
    """What is not the real thing, one sentence each; shown on every screen and in the JSON."""
    warnings: tuple[str, ...] = ()
    prefix: str = DEFAULT_PREFIX
    """What the names of the lab's containers begin with."""
    clusters: tuple[ClusterPlan, ...] = ()
    """Real Kubernetes clusters. Their nodes are machines of the lab, in containers that somebody else makes."""

    def container_name(self, node: str) -> str:
        """The name of the container that is made for a machine."""
        return container_name(self.prefix, self.name, node)

    def node(self, name: str) -> NodePlan:
        """The machine of that name. KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
