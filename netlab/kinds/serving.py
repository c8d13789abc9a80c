"""`serve` of a router: it holds virtual IP addresses (VIPs), as others may too, and answers HTTP on them (anycast).

With `bgp:` netlab has the router's daemon announce them; with a startup-config the user's own configuration does. What
answers is a small server that tells its machine's name: enough to see where a flow ends, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files as package_files
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import TypeVar

from pydantic import Field

from netlab.kinds.base import AddressedLab, Serving
from netlab.kinds.bgp import BgpOptions
from netlab.kinds.common import OptionModel, ServiceName
from netlab.model.endpoint import endpoint
from netlab.model.errors import Problem
from netlab.model.plan import FilePlan, ProcessPlan
from netlab.model.topology import NodeSpec

MAX_SERVED = 100
"""Services of one node: each has a process."""

_SERVER = "/run/netlab/http_server.py"
_BROADCAST = IPv4Address("255.255.255.255")

Bgp = TypeVar("Bgp", bound=BgpOptions)

SERVE = (
    "VIPs that it holds and answers HTTP on. Routers that name the same VIP and port are the endpoints of one service "
    "(anycast). With `bgp` it announces them; a `startup-config` has to announce them itself"
)
"""What a router's key means."""


class Serve(OptionModel):
    """A VIP of the router and a port that it answers on."""

    vip: IPv4Address | IPv6Address = Field(description="the virtual IP address, which it gets on `lo` as a /32 or /128")
    port: int = Field(default=80, ge=1, le=65535, description="where the router answers HTTP with its own name")
    name: ServiceName | None = Field(
        default=None, description="the service's name on every screen; left out, as another router has it, else the VIP"
    )


def serve_problems(node: NodeSpec, serve: tuple[Serve, ...], *, announced: bool) -> Iterator[Problem]:
    """What is wrong with `serve` beyond the shape of its values. `announced`: the node has any configuration for it."""
    if serve and not announced:
        hint = "add bgp: {asn: N, neighbors: [...]}, or a startup-config that announces it"
        yield Problem(f"nothing announces what {node.name} serves", node.options.key_at("serve"), hint)
    if len(serve) > MAX_SERVED:
        yield Problem(f"more than {MAX_SERVED} services", node.options.at("serve", MAX_SERVED), "serve from more nodes")
    first: dict[tuple[object, int], int] = {}
    for index, one in enumerate(serve):
        place = node.options.at("serve", index, "vip")
        if not _can_be_a_vip(one.vip):
            yield Problem(f"{one.vip} cannot be a VIP", place, "name a unicast address that routers forward to")
        same = first.setdefault((one.vip, one.port), index)
        if same != index:
            where = node.options.at("serve", same)
            yield Problem(f"{endpoint(one.vip, one.port)} twice", place, f"the other stands at {where}")


def _can_be_a_vip(address: IPv4Address | IPv6Address) -> bool:
    refused = address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local
    return not refused and address != _BROADCAST


def servings(node: NodeSpec, serve: tuple[Serve, ...]) -> tuple[Serving, ...]:
    """What the node's machine serves."""
    return tuple(
        Serving(one.vip, one.port, one.name, node.options.at("serve", index, "vip")) for index, one in enumerate(serve)
    )


def announcing(bgp: Bgp, serve: tuple[Serve, ...]) -> Bgp:
    """`bgp:` with the VIPs among its networks."""
    networks = dict.fromkeys((*bgp.networks, *(ip_network(one.vip) for one in serve)))
    return bgp.model_copy(update={"networks": tuple(networks)})


def files(serve: tuple[Serve, ...]) -> tuple[FilePlan, ...]:
    """The server, where there is anything to serve."""
    return (server_file(),) if serve else ()


def processes(lab: AddressedLab, node: NodeSpec, serve: tuple[Serve, ...]) -> tuple[ProcessPlan, ...]:
    """A server per VIP and port, which listens there and nowhere else."""
    return tuple(server(lab, node.name, one.port, one, number) for number, one in enumerate(serve, 1))


def runs_as(daemon: str, serve: tuple[Serve, ...]) -> str:
    """What the router really runs."""
    return f"HTTP server and {daemon}" if serve else daemon


def server(lab: AddressedLab, name: str, port: int, on: Serve | None = None, number: int = 1) -> ProcessPlan:
    """The process that answers HTTP with a machine's name: on every address, or on one VIP."""
    # A container's image may have its Python anywhere; of the host's, an absolute path can be checked beforehand.
    python = "python3" if lab.topology.runtime.images else "/usr/bin/python3"
    where = (str(on.vip),) if on else ()
    return ProcessPlan(
        "http" if number == 1 else f"http-{number}",
        (python, "-I", "-S", _SERVER, name, str(port), *where),
        port=port,
    )


@cache
def server_file() -> FilePlan:
    """The server's script."""
    text = package_files("netlab.kinds").joinpath("http_server.py").read_text(encoding="utf-8")
    return FilePlan(_SERVER, text)
