"""The least that a plan takes: its namespaces, veth pairs, addresses and routes by raw netlink; and Mininet's way.

Run as `bench_floor.py GRAPH`, in network and user namespaces of its own, it makes what GRAPH holds and prints the
seconds. Everything goes when it ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile

_CLONE_NEWNET = 0x40000000
_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
_REQUEST_ACK, _CREATE_EXCL = 0x1 | 0x4, 0x400 | 0x200
_LINKS_IN_A_DATAGRAM = 64
_FIRST_INDEX = 100
_TIMEOUT = 600
_SYSTEM_PYTHON = "/usr/bin/python3"
_MININET = """
import json, sys, time
from mininet.net import Mininet
graph = json.load(open(sys.argv[1]))
started = time.perf_counter()
net = Mininet(controller=None)
hosts = [net.addHost(f"n{number}", ip=None) for number in range(len(graph["addresses"]))]
for a, a_name, b, b_name in graph["links"]:
    net.addLink(hosts[a], hosts[b], intfName1=a_name, intfName2=b_name)
net.build()
for host, addresses in zip(hosts, graph["addresses"]):
    for name, address in addresses:
        if ":" not in address:
            host.setIP(address, intf=name)
for host, routes in zip(hosts, graph["routes"]):
    for to, via, name in routes:
        host.cmd("ip route add", to, *(("via", via) if via else ()), *(("dev", name) if name else ()))
print(time.perf_counter() - started)
net.stop()
"""


@dataclass(frozen=True)
class Graph:
    """A plan as numbers and texts, a namespace each by its place."""

    links: list[tuple[int, str, int, str]]
    """Namespace and interface of one end, and of the other."""
    addresses: list[list[tuple[str, str]]]
    """Of each namespace: interface and address with its prefix length."""
    routes: list[list[tuple[str, str | None, str | None]]]
    """Of each namespace: network, next hop, interface."""


def graph_of(file: Path) -> Graph:
    """What netlab makes of a topology file."""
    from netlab.plan import plan_file

    plan = plan_file(file)
    place = {node.name: number for number, node in enumerate(plan.nodes)}
    return Graph(
        [(place[link.a.node], link.a.interface, place[link.b.node], link.b.interface) for link in plan.links],
        [[(each.name, str(one)) for each in node.interfaces for one in each.addresses] for node in plan.nodes],
        [
            [(str(route.to), None if route.via is None else str(route.via), route.interface) for route in node.routes]
            for node in plan.nodes
        ],
    )


def floor(graph: Graph) -> float:
    """Seconds for the graph, in a process of its own that cannot touch the host."""
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    return _seconds(graph, *unshare, sys.executable, __file__)


def mininet(graph: Graph) -> float | None:
    """Seconds that Mininet takes for the graph, without its end; None where it is not installed."""
    there = subprocess.run([_SYSTEM_PYTHON, "-c", "import mininet.net"], capture_output=True, check=False)
    if os.geteuid() != 0 or there.returncode != 0:
        return None
    return _seconds(graph, "unshare", "-n", _SYSTEM_PYTHON, "-c", _MININET)


def _seconds(graph: Graph, *command: str) -> float:
    with NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(asdict(graph), file)
        file.flush()
        done = subprocess.run([*command, file.name], capture_output=True, text=True, check=False, timeout=_TIMEOUT)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return float(done.stdout)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags | _REQUEST_ACK, 1, 0) + body


def _veth_end(index: int, name: str, namespace: int) -> bytes:
    """struct ifinfomsg with IFLA_IFNAME (3) and IFLA_NET_NS_FD (28)."""
    named = _attribute(3, name.encode() + b"\0") + _attribute(28, struct.pack("=I", namespace))
    return struct.pack("=BxHiII", 0, 0, index, 0, 0) + named


def _veth(near: bytes, far: bytes) -> bytes:
    """IFLA_LINKINFO (18) of kind (1) veth, with VETH_INFO_PEER (1) in its data (2)."""
    peer = _attribute(2, _attribute(1, far))
    return _message(_NEWLINK, _CREATE_EXCL, near + _attribute(18, _attribute(1, b"veth\0") + peer))


def _up(index: int) -> bytes:
    return _message(_NEWLINK, 0, struct.pack("=BxHiII", 0, 0, index, 1, 1))


def _address(index: int, written: str) -> bytes:
    """struct ifaddrmsg with IFA_LOCAL (2) and IFA_ADDRESS (1); IPv6 without duplicate address detection."""
    address = ip_interface(written)
    family, flags = (socket.AF_INET6, 0x02) if address.version == 6 else (socket.AF_INET, 0)
    body = struct.pack("=BBBBi", family, address.network.prefixlen, flags, 0, index)
    return _message(_NEWADDR, _CREATE_EXCL, body + b"".join(_attribute(kind, address.packed) for kind in (2, 1)))


def _route(to: str, via: str | None, index: int | None) -> bytes:
    """struct rtmsg of a static unicast route in table main, with RTA_DST (1), RTA_GATEWAY (5) and RTA_OIF (4)."""
    network = ip_network(to)
    family = socket.AF_INET6 if network.version == 6 else socket.AF_INET
    body = struct.pack("=BBBBBBBBI", family, network.prefixlen, 0, 0, 254, 4, 0 if via else 253, 1, 0)
    body += _attribute(1, network.network_address.packed)
    body += _attribute(5, ip_address(via).packed) if via else b""
    body += _attribute(4, struct.pack("=I", index)) if index is not None else b""
    return _message(_NEWROUTE, _CREATE_EXCL, body)


def _sent(netlink: socket.socket, messages: list[bytes]) -> None:
    """Send a datagram and check each acknowledgement (NLMSG_ERROR with the number 0)."""
    netlink.send(b"".join(messages))
    left = len(messages)
    while left:
        data = netlink.recv(1 << 17)
        for offset in _offsets(data):
            number = struct.unpack_from("=i", data, offset + 16)[0]
            if number:
                raise OSError(-number, os.strerror(-number))
            left -= 1


def _offsets(data: bytes) -> Iterator[int]:
    offset = 0
    while offset < len(data):
        yield offset
        offset += (struct.unpack_from("=I", data, offset)[0] + 3) & ~3


def _make(graph: Graph) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    made, sockets = [], []
    for _ in graph.addresses:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
        sockets.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
    if libc.setns(home, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    indexes: list[dict[str, int]] = [{"lo": 1} for _ in made]
    links = []
    for a, a_name, b, b_name in graph.links:
        for place, name in ((a, a_name), (b, b_name)):
            indexes[place][name] = _FIRST_INDEX + len(indexes[place])
        near, far = _veth_end(indexes[a][a_name], a_name, made[a]), _veth_end(indexes[b][b_name], b_name, made[b])
        links.append(_veth(near, far))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        for start in range(0, len(links), _LINKS_IN_A_DATAGRAM):
            _sent(netlink, links[start : start + _LINKS_IN_A_DATAGRAM])
    for netlink, known, addresses, routes in zip(sockets, indexes, graph.addresses, graph.routes, strict=True):
        messages = [_up(index) for index in known.values()]
        messages += [_address(known[name], address) for name, address in addresses]
        messages += [_route(to, via, known[name] if name else None) for to, via, name in routes]
        _sent(netlink, messages)


def main() -> None:
    """Make the graph of a file and say how long it took."""
    graph = Graph(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    started = time.perf_counter()
    _make(graph)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
