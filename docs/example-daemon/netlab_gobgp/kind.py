"""A node of kind gobgp: the options, the machine, GoBGP's configuration and its processes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_network

from pydantic import Field

from netlab.kinds import serving
from netlab.kinds.base import AddressedLab, Expansion, Kind, Machine, Rendered, SourceText
from netlab.kinds.bgp import Asn
from netlab.kinds.common import OptionModel, machine_plan
from netlab.kinds.hashing import router_id
from netlab.kinds.serving import Serve, serve_problems
from netlab.model.errors import Problem
from netlab.model.plan import FilePlan, ProcessPlan, Role
from netlab.model.topology import NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems
from netlab_gobgp.daemon import DAEMON

API = 50051


class Neighbor(OptionModel):
    """A router that hears of the VIPs."""

    address: IPv4Address | IPv6Address = Field(description="the router's address; it hears of VIPs of that IP version")
    asn: Asn = Field(description="the router's autonomous system")


class GobgpOptions(OptionModel):
    """The keys of a node of kind gobgp."""

    asn: Asn = Field(description="the autonomous system")
    router_id: IPv4Address | None = Field(default=None, description="left out, the first IPv4 address, else a number")
    neighbors: tuple[Neighbor, ...] = Field(default=(), description="whom it speaks with")
    serve: tuple[Serve, ...] = Field(default=(), description="VIPs that it holds, answers HTTP on and announces")


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> GobgpOptions:  # noqa: ARG001
    """The options. Raises TopologyError with every problem at its place in the file."""
    options = check_options(GobgpOptions, node.options, "a node of kind gobgp")
    problems = Problems()
    problems.extend(_neighbor_problems(node, options.neighbors))
    problems.extend(serve_problems(node, options.serve, announced=True))
    versions = {neighbor.address.version for neighbor in options.neighbors}
    for index, one in enumerate(options.serve):
        if one.vip.version not in versions:
            where = node.options.at("serve", index, "vip")
            problems.add(f"no neighbor hears of {one.vip}", where, f"name one by its IPv{one.vip.version} address")
    problems.raise_any()
    return options


def _neighbor_problems(node: NodeSpec, neighbors: tuple[Neighbor, ...]) -> Iterator[Problem]:
    seen = set()
    for index, neighbor in enumerate(neighbors):
        address, where = neighbor.address, node.options.at("neighbors", index, "address")
        if address.is_unspecified or address.is_multicast or address.is_loopback:
            yield Problem(f"{address} is no neighbor's address", where, "name one of its interfaces'")
        if address in seen:
            yield Problem(f"neighbor {address} twice", where)
        seen.add(address)


def expand(node: NodeSpec, options: GobgpOptions) -> Expansion:
    """One machine. GoBGP gives the kernel no route, so it is a host: netlab gives it the routes back to the clients."""
    serves = serving.servings(node, options.serve)
    return Expansion((Machine(node.name, Role.HOST, asn=options.asn, serves=serves),))


def render(node: NodeSpec, options: GobgpOptions, lab: AddressedLab) -> Rendered:
    """The configuration, GoBGP, what answers on the VIPs, and then their announcements."""
    machine = lab.machines[node.name]
    own = options.router_id or machine.address() or router_id(node.name)
    command = ("/usr/bin/gobgpd", "-f", DAEMON.configuration, "--api-hosts", f"127.0.0.1:{API}")
    daemon = ProcessPlan("gobgpd", (*command, "--log-plain", "--pprof-disable"), port=API)
    servers = serving.processes(lab, node, options.serve)
    plan = machine_plan(
        lab,
        machine,
        runs_as=serving.runs_as(DAEMON.title, options.serve),
        files=(FilePlan(DAEMON.configuration, _configuration(options, str(own))), *serving.files(options.serve)),
        processes=(daemon, *servers, *_announcements(options, (daemon, *servers))),
    )
    return Rendered((plan,))


def _configuration(options: GobgpOptions, own: str) -> str:
    lines = ["[global.config]", f"  as = {options.asn}", f'  router-id = "{own}"']
    for neighbor in options.neighbors:
        lines += [
            "[[neighbors]]",
            "  [neighbors.config]",
            f'    neighbor-address = "{neighbor.address}"',
            f"    peer-as = {neighbor.asn}",
            "  [neighbors.timers.config]",
            # A router may be there later, or refuse the first call (FRR does, in its first second). By default GoBGP
            # calls again after two minutes, and listens to nobody for five seconds after a refusal.
            "    connect-retry = 1",
            "    idle-hold-time-after-reset = 1",
            "  [[neighbors.afi-safis]]",
            "    [neighbors.afi-safis.config]",
            f'      afi-safi-name = "ipv{neighbor.address.version}-unicast"',
        ]
    return "\n".join(lines) + "\n"


def _announcements(options: GobgpOptions, after: tuple[ProcessPlan, ...]) -> Iterator[ProcessPlan]:
    """A command for each VIP: GoBGP's configuration has no place for routes.

    The API listens before the configuration is read, and refuses routes until then.
    """
    for number, vip in enumerate(dict.fromkeys(one.vip for one in options.serve), 1):
        route = ("add", str(ip_network(vip)), "-a", f"ipv{vip.version}")
        yield ProcessPlan(
            "announce" if number == 1 else f"announce-{number}",
            ("/usr/bin/gobgp", "global", "rib", *route),
            after=tuple(process.name for process in after),
            oneshot=True,
            retry_output="hasn't started yet",
        )


KIND = Kind(check, expand, render, options=GobgpOptions)
