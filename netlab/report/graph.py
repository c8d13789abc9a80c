"""A lab as a picture: what is drawn, whatever draws it (report/mermaid.py, report/dot.py)."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.evidence import BgpSession
from netlab.model.plan import LabPlan, LinkEnd, LinkPlan, NeighborPlan, NodePlan, Role, ServicePlan

_CLUSTER_ROLES = (Role.CONTROL_PLANE, Role.WORKER, Role.POD)
# From left to right, as packets go from a client to a pod.
_COLUMNS = (Role.HOST, Role.ROUTER, Role.BRIDGE, Role.CONTROL_PLANE, Role.WORKER, Role.POD)


@dataclass(frozen=True)
class GraphNode:
    """A machine, a VIP or a BGP neighbor outside of the lab. `lines`: its name, then what to know of it."""

    id: str
    shape: str
    """A role of netlab.model.plan.Role, "vip" or "outside"."""
    lines: tuple[str, ...]
    group: str | None = None
    """The cluster that it belongs to."""


@dataclass(frozen=True)
class GraphLink:
    """A link. Each end's label is the interface with its addresses; a bridge's port has none."""

    a: str
    b: str
    a_label: str
    b_label: str


@dataclass(frozen=True)
class GraphSession:
    """A BGP session. `up` None: nobody looked."""

    a: str
    b: str
    label: str
    up: bool | None = None


@dataclass(frozen=True)
class Graph:
    """The picture of a lab. Everything stands in the order of the plan, so that the same lab gives the same text."""

    title: str
    groups: tuple[str, ...]
    nodes: tuple[GraphNode, ...]
    links: tuple[GraphLink, ...]
    sessions: tuple[GraphSession, ...]
    announcements: tuple[tuple[str, str], ...]
    """(node, VIP): who is to announce it."""


def graph(plan: LabPlan, sessions: dict[str, tuple[BgpSession, ...]] | None = None, *, bgp: bool = True) -> Graph:
    """The picture of a plan; `sessions` by node, where the lab runs and was asked. Without `bgp`: wires alone."""
    ids = {node.name: f"n{number}" for number, node in enumerate(plan.nodes)}
    nodes = [_machine(node, ids[node.name]) for node in plan.nodes]
    drawn, announcements = _Sessions(plan, ids, sessions or {}), list[tuple[str, str]]()
    if bgp:
        vips, announcements = _vips(plan, ids)
        drawn.draw()
        nodes += [*vips, *drawn.outside.values()]
    groups = dict.fromkeys(node.group for node in nodes if node.group)
    links = tuple(_link(plan, link, ids) for link in plan.links)
    return Graph(plan.name, tuple(groups), tuple(nodes), links, tuple(drawn.found.values()), tuple(announcements))


def _machine(node: NodePlan, identity: str) -> GraphNode:
    what = node.role.value if node.role in _CLUSTER_ROLES else node.kind
    asn = f", AS {node.routing.asn}" if node.routing and node.routing.asn else ""
    own = [
        f"{interface.name} {address}"
        for interface in node.interfaces
        if interface.name in node.bridges
        for address in interface.addresses
    ]
    group = node.owner if node.role in _CLUSTER_ROLES else None
    return GraphNode(identity, node.role.value, (node.name, f"{what}{asn}", *own), group)


def _link(plan: LabPlan, link: LinkPlan, ids: dict[str, str]) -> GraphLink:
    a, b = sorted((link.a, link.b), key=lambda end: _COLUMNS.index(plan.node(end.node).role))
    return GraphLink(ids[a.node], ids[b.node], _end(plan.node(a.node), a), _end(plan.node(b.node), b))


def _end(node: NodePlan, end: LinkEnd) -> str:
    for interface in node.interfaces:
        if interface.name == end.interface and not interface.master:
            return " ".join((interface.name, *(str(address) for address in interface.addresses)))
    return ""


def _vips(plan: LabPlan, ids: dict[str, str]) -> tuple[list[GraphNode], list[tuple[str, str]]]:
    nodes, announcements = [], []
    for number, service in enumerate(plan.services):
        identity = f"v{number}"
        what = "endpoint" if service.cluster is None else "pod"
        count = _endpoints(plan, service)
        behind = f"{count} {what}{'' if count == 1 else 's'}"
        policy = f", policy {service.policy}" if service.policy else ""
        lines = (service.name, f"VIP {service.vip} port {service.port}", f"{behind}{policy}")
        nodes.append(GraphNode(identity, "vip", lines, service.cluster))
        announcements += [(ids[a.node], identity) for a in service.announcers if a.expected]
    return nodes, announcements


def _endpoints(plan: LabPlan, service: ServicePlan) -> int:
    """How many answer for a service. A real cluster's pods have no names in the plan, but a number."""
    real = [workload for one in plan.clusters if one.name == service.cluster for workload in one.workloads]
    return next((workload.replicas for workload in real if workload.name == service.name), len(service.pods))


class _Sessions:
    """Each BGP session once, though both of its ends may name it; neighbors that are no machine of the lab."""

    def __init__(self, plan: LabPlan, ids: dict[str, str], seen: dict[str, tuple[BgpSession, ...]]) -> None:
        self._plan = plan
        self._ids = ids
        self._seen = seen
        self._owners = {str(a.ip): node.name for node in plan.nodes for i in node.interfaces for a in i.addresses}
        self.outside: dict[str, GraphNode] = {}
        self.found: dict[tuple[str, ...], GraphSession] = {}

    def draw(self) -> None:
        """Fill `found` and `outside`."""
        for node in self._plan.nodes:
            states = {session.neighbor: session.state for session in self._seen.get(node.name, ())}
            for neighbor in node.routing.neighbors if node.routing else ():
                far = self._far_end(self._behind(node, neighbor) or neighbor.name, neighbor.remote_asn)
                self._add(node, far, neighbor.remote_asn, states.get(neighbor.name))

    def _behind(self, node: NodePlan, neighbor: NeighborPlan) -> str | None:
        """The machine at the other end of the interface that the neighbor is named by."""
        end = LinkEnd(node.name, neighbor.interface or "")
        ends = ((link.a, link.b) if link.a == end else (link.b, link.a) for link in self._plan.links)
        return next((far.node for near, far in ends if near == end), None)

    def _far_end(self, address: str, asn: int | None) -> str:
        if address in self._owners or address in self._ids:
            return self._ids[self._owners.get(address, address)]
        if address not in self.outside:
            lines = (address, f"AS {asn}" if asn else "", "outside of the lab")
            self.outside[address] = GraphNode(f"x{len(self.outside)}", "outside", lines)
        return self.outside[address].id

    def _add(self, node: NodePlan, far: str, asn: int | None, state: str | None) -> None:
        near = self._ids[node.name]
        key = tuple(sorted((near, far)))
        if key in self.found and state is None:
            return
        own = node.routing.asn if node.routing else None
        kind = "BGP" if own is None or asn is None else "iBGP" if own == asn else f"eBGP to AS {asn}"
        up = None if state is None else state == "Established"
        self.found[key] = GraphSession(near, far, f"{kind}, {state}" if state else kind, up)
