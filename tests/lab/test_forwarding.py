"""A router that spreads packets, not flows, as Linux 3.6 to 4.3 did: what it breaks, and what it leaves alone."""

import json
from math import comb

import pytest
from hoststate import HostState
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs, pytest.mark.shares_nothing]

SIDE_BY_SIDE = """
    name: side-by-side
    topology:
      groups:
        speakers:
          kind: frr
          bgp: {asn: 64522, neighbors: [{address: 172.16.7.1, asn: 64512}, {address: 172.16.7.2, asn: 64513}]}
          serve: [{vip: 172.16.7.192, name: web}]
      nodes:
        rt-packet:
          kind: frr
          forwarding: per-packet
          bgp: &bgp
            asn: 64512
            networks: [172.16.9.0/24]
            neighbors:
              - {address: 172.16.7.11, asn: 64522}
              - {address: 172.16.7.12, asn: 64522}
              - {address: 172.16.7.13, asn: 64522}
          expect: per-packet
        rt-flow:
          kind: frr
          bgp: {<<: *bgp, asn: 64513, networks: [172.16.10.0/24]}
          expect: ecmp
        host-1: {kind: linux}
        host-2: {kind: linux}
        lan: {kind: bridge}
        s1: {group: speakers}
        s2: {group: speakers}
        s3: {group: speakers}
      links:
        - {endpoints: ["rt-packet:eth1", "lan"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["rt-flow:eth1", "lan"], ipv4: [172.16.7.2/24]}
        - {endpoints: ["s1:eth1", "lan"], ipv4: [172.16.7.11/24]}
        - {endpoints: ["s2:eth1", "lan"], ipv4: [172.16.7.12/24]}
        - {endpoints: ["s3:eth1", "lan"], ipv4: [172.16.7.13/24]}
        - {endpoints: ["rt-packet:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}
        - {endpoints: ["rt-flow:eth2", "host-2:eth1"], ipv4: [172.16.10.1/24, 172.16.10.11/24]}
"""


def most_survivors(flows: int, next_hops: int) -> int:
    """More survive with a probability below 1e-9.

    A request survives only if the handshake's ACK and the request itself take the next hop that the SYN took, since
    the other nodes do not know the connection: with p <= (1/k)^2, so that the binomial tail is a bound.
    """
    p = next_hops**-2
    tail, number = 0.0, flows
    while tail < 1e-9:
        tail += comb(flows, number) * p**number * (1 - p) ** (flows - number)
        number -= 1
    return number + 2


@pytest.mark.cluster
def test_the_fixed_article_on_its_own_kernel_loses_most_requests(netlab: Netlab, host: HostState) -> None:
    deployed = netlab("deploy", TOPOLOGIES / "article-3.13.yaml")
    assert deployed.returncode == 0, deployed
    assert "emulated: rt-1: per-packet forwarding by nftables" in deployed.stdout

    done = netlab("ecmp-check", "--format", "json")

    assert done.returncode == 0, done
    (router,) = json.loads(done.stdout)["routers"]
    assert (router["verdict"], router["expected"], router["forwarding"]) == ("per-packet", "per-packet", "per-packet")
    assert router["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert 0 < router["flows"]["answered"] <= most_survivors(600, 3)
    assert router["flows"]["answered_share"] == router["flows"]["answered"] / 600
    assert 1e-6 < router["statistics"]["p_value"] <= 1  # packets are drawn fairly
    rules = [finding["rule"] for finding in router["findings"]]
    assert "per-packet" in rules
    assert "forwarding-plane-differs" not in rules  # it is there to be seen
    assert "requests survive that" in netlab("ecmp-check").stdout.replace("\n", " ")
    # The router's own sessions, which come from its other side too, stand.
    (lab,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
    sessions = [session for node in lab["nodes"] for session in node["sessions"]]
    assert [session["state"] for session in sessions] == ["Established"] * 3
    assert netlab("destroy").returncode == 0
    assert host.changes() == []


def test_the_router_beside_it_keeps_its_flows(netlab: Netlab, topology: Topology) -> None:
    deployed = netlab("deploy", topology(SIDE_BY_SIDE))
    assert deployed.returncode == 0, deployed
    done = netlab("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    packet, flow = json.loads(done.stdout)["routers"]
    assert (packet["verdict"], packet["forwarding"]) == ("per-packet", "per-packet")
    assert 0 < packet["flows"]["answered"] <= most_survivors(600, 3)
    (found,) = [finding["message"] for finding in packet["findings"] if finding["rule"] == "per-packet"]
    assert "breaks TCP to nodes that do not know each other's connections" in found
    assert (flow["verdict"], flow["forwarding"]) == ("ecmp", "per-flow")
    assert flow["flows"]["answered"] == 600
    assert flow["prediction"] == {"agree": 600, "of": 600}


SERVER = """\
    import http.server, socket, threading

    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6  # and IPv4 mapped into it

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 200_000)

    def echo():
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
            server.bind(("::", 7))
            while True:
                server.sendto(*server.recvfrom(65536))

    threading.Thread(target=echo, daemon=True).start()
    Server(("::", 80), Handler).serve_forever()
"""
CLIENT = """\
    import errno, socket, sys, urllib.request

    far = sys.argv[1]
    family = socket.AF_INET6 if ":" in far else socket.AF_INET
    host = f"[{far}]" if ":" in far else far
    for _ in range(20):
        assert urllib.request.urlopen(f"http://{host}/", timeout=5).read() == b"x" * 200_000

    def udp(port, hops=64):
        connection = socket.socket(family, socket.SOCK_DGRAM)
        connection.settimeout(5)
        if family == socket.AF_INET:
            connection.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
            connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        else:
            connection.setsockopt(socket.IPPROTO_IPV6, 25, 1)  # IPV6_RECVERR
            connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
        connection.connect((far, port))
        return connection

    for size in (1, 100, 4000):  # the last in fragments
        for _ in range(20):
            echo = udp(7)
            echo.send(b"y" * size)
            assert echo.recv(65536) == b"y" * size, size
    # ICMP errors reach the socket whose packet they quote: from the far host, and from the router.
    for hops, expected in ((64, errno.ECONNREFUSED), (1, errno.EHOSTUNREACH)):
        closed = udp(9, hops)
        closed.send(b"z")
        try:
            closed.recv(1)
        except OSError as error:
            assert error.errno == expected, (hops, error)
        else:
            raise AssertionError("an answer from nowhere")
    print("all well")
"""
ONE_PATH = """
    name: one-path
    topology:
      nodes:
        rt-1: {kind: frr, forwarding: per-packet}
        near: {kind: linux, binds: ["client.py:/srv/client.py:ro"]}
        far: {kind: linux, binds: ["server.py:/srv/server.py:ro"], cmd: python3 /srv/server.py}
      links:
        - {endpoints: ["rt-1:eth1", "near:eth1"], ipv4: [10.0.1.1/24, 10.0.1.2/24], ipv6: ["fd01::1/64", "fd01::2/64"]}
        - {endpoints: ["rt-1:eth2", "far:eth1"], ipv4: [10.0.2.1/24, 10.0.2.2/24], ipv6: ["fd02::1/64", "fd02::2/64"]}
"""


@pytest.mark.parametrize("far", ["10.0.2.2", "fd02::2"])
def test_a_packet_leaves_as_it_came(netlab: Netlab, topology: Topology, far: str) -> None:
    file = topology(ONE_PATH, {"server.py": SERVER, "client.py": CLIENT})
    assert netlab("deploy", file).returncode == 0
    connect = f"import socket; socket.create_connection(('{far}', 80), 1)"
    wait = f'for try in $(seq 50); do python3 -c "{connect}" 2>/dev/null && exit 0; sleep 0.1; done; exit 1'
    assert netlab("exec", "near", "--", "sh", "-c", wait).returncode == 0

    done = netlab("exec", "near", "--", "python3", "/srv/client.py", far)

    assert (done.returncode, done.stdout) == (0, "all well\n"), done
    # And each was given another port on the way: these are the ports that were put back.
    assert "elements" in netlab("exec", "rt-1", "--", "nft", "list", "map", "inet", "per-packet", "written").stdout
