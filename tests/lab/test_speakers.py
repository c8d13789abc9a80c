"""VIPs that servers announce themselves, by FRR or BIRD: no Kubernetes cluster, the same measurement."""

import json
import time
from typing import Any

import pytest
from netlab_program import TOPOLOGIES, Netlab, Topology

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs]

LAB = """
    name: {name}
    topology:
      nodes:
        rt-1:
          kind: frr
          bgp:
            asn: 64512
            networks: [{client}]
            neighbors: [{neighbors}]
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        {servers}
      links:
        - {{endpoints: ["rt-1:eth1", "lan"], {family}: ["{lan}1/{length}"]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], {family}: ["{clients}1/{length}", "{clients}11/{length}"]}}
        - {{endpoints: ["s1:eth1", "lan"], {family}: ["{lan}11/{length}"]}}
        - {{endpoints: ["s2:eth1", "lan"], {family}: ["{lan}12/{length}"]}}
        - {{endpoints: ["s3:eth1", "lan"], {family}: ["{lan}13/{length}"]}}
"""


def servers(*kinds: str, lan: str = "10.7.0.", vip: str = "192.0.2.1", more: str = "") -> str:
    """Three servers that announce one VIP to rt-1."""
    bgp = f'{{asn: 64522, neighbors: [{{address: "{lan}1", asn: 64512}}]}}'
    kinds = kinds or ("frr", "frr", "frr")
    return "\n        ".join(
        f's{n}: {{kind: {kind}, bgp: {bgp}, serve: [{{vip: "{vip}", name: web}}{more}]}}'
        for n, kind in enumerate(kinds, 1)
    )


def lab(
    name: str,
    *,
    lan: str = "10.7.0.",
    clients: str = "10.9.0.",
    family: str = "ipv4",
    length: int = 24,
    own: str | None = None,
    **options: str,
) -> str:
    """A router between a host and a LAN of three servers; `own` are the servers as they are written."""
    return LAB.format(
        name=name,
        lan=lan,
        clients=clients,
        family=family,
        length=length,
        client=f'"{clients}0/{length}"' if family == "ipv4" else f'"{clients}/{length}"',
        neighbors=", ".join(f'{{address: "{lan}1{n}", asn: 64522}}' for n in (1, 2, 3)),
        servers=own or servers(lan=lan, **options),
    )


def check(netlab: Netlab, *options: object) -> tuple[int, dict[str, Any]]:
    """Exit code and verdicts of `ecmp-check`."""
    done = netlab("ecmp-check", "--format", "json", *options)
    assert done.stdout, done
    return done.returncode, json.loads(done.stdout)


def wait_for_next_hops(netlab: Netlab, router: str, count: int) -> list[str]:
    """Until the router's kernel has so many next hops to the VIP."""
    deadline = time.monotonic() + 30
    while True:
        (report,) = json.loads(netlab("inspect", "--format", "json").stdout)["labs"]
        (hops,) = [vip["next_hops"] for vip in report["vips"] if vip["router"] == router]
        if len(hops) == count:
            return list(hops)
        assert time.monotonic() < deadline, hops
        time.sleep(0.1)


@pytest.fixture(scope="module")
def speakers(shared_netlab: Netlab) -> Netlab:
    """netlab with the shipped lab deployed."""
    done = shared_netlab("deploy", TOPOLOGIES / "speakers.yaml")
    assert done.returncode == 0, done
    assert "has converged: 8 nodes, VIP 172.16.7.192:80" in done.stdout
    return shared_netlab


def test_the_verdicts_are_those_of_the_lab_with_a_cluster(speakers: Netlab) -> None:
    code, verdict = check(speakers)
    frr, vyos = verdict["routers"]
    assert code == 0
    assert (frr["router"], frr["verdict"], frr["findings"]) == ("rt-frr", "ecmp", [])
    assert (vyos["router"], vyos["verdict"]) == ("rt-vyos", "single-path")
    assert [finding["rule"] for finding in vyos["findings"]] == ["ibgp-knob-on-ebgp-peers"]
    assert frr["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    assert vyos["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    for router in (frr, vyos):
        assert router["flows"]["sent"] == router["flows"]["answered"] == 600
        assert router["prediction"] == {"agree": 600, "of": 600}
        # Each server answers what it is sent, so the endpoints' shares are the next hops'.
        by_hop = {hop["node"]: hop["flows"] for hop in router["next_hops"]}
        assert {pod["name"]: pod["flows"] for pod in router["pods"] if pod["flows"]} == by_hop
        assert [pod["node"] for pod in router["pods"]] == [pod["name"] for pod in router["pods"]]
    seen = {address for pod in frr["pods"] for address in pod["client_addresses_seen"]}
    assert seen == {"172.16.9.11"}
    assert verdict["emulated"] == ["rt-vyos: VyOS 1.1 configuration, Quagga's defaults, run by FRR"]


def test_inspect_shows_the_routers_that_have_a_route_and_not_the_servers(speakers: Netlab) -> None:
    (report,) = json.loads(speakers("inspect", "--format", "json").stdout)["labs"]
    assert [vip["router"] for vip in report["vips"]] == ["rt-frr", "rt-vyos"]
    ids = {
        json.loads(speakers("vtysh", f"speaker-{n}", "-c", "show bgp summary json").stdout)["ipv4Unicast"]["routerId"]
        for n in (1, 2, 3)
    }
    assert ids == {"172.16.7.11", "172.16.7.12", "172.16.7.13"}


def test_a_server_whose_process_died_is_announced_and_does_not_answer(netlab: Netlab) -> None:
    assert netlab("deploy", TOPOLOGIES / "speakers.yaml", "--name", "dead").returncode == 0
    assert netlab("exec", "speaker-3", "--", "pkill", "-KILL", "-f", "http_server.py").returncode == 0
    code, verdict = check(netlab, "--router", "rt-frr")
    (router,) = verdict["routers"]
    assert (code, router["matches"]) == (1, False)
    # The router knows nothing of it: it spreads its flows over all three as before.
    assert (router["verdict"], router["paths"]["used"]) == ("ecmp", 3)
    (dead,) = [hop["flows"] for hop in router["next_hops"] if hop["node"] == "speaker-3"]
    assert router["flows"]["answered"] == 600 - dead
    (finding,) = router["findings"]
    assert finding["rule"] == "unanswered"
    assert f"{dead} of the {dead} by 172.16.7.13 (speaker-3)" in finding["message"]
    assert "refused" in finding["evidence"]
    assert finding["mend"].startswith("look at speaker-3: ")

    for node in ("speaker-1", "speaker-2"):
        assert netlab("exec", node, "--", "pkill", "-KILL", "-f", "http_server.py").returncode == 0
    for expect in ("ecmp", "any"):
        code, verdict = check(netlab, "--router", "rt-frr", "--expect", expect)
        (router,) = verdict["routers"]
        assert (code, router["verdict"], router["matches"], router["flows"]["answered"]) == (1, "ecmp", False, 0)
    code, verdict = check(netlab, "--router", "rt-vyos", "--expect", "single-path")
    (router,) = verdict["routers"]
    assert (code, router["verdict"], router["matches"], router["flows"]["answered"]) == (1, "single-path", False, 0)
    table = netlab("ecmp-check", "--router", "rt-frr", "--flows", "30").stdout
    assert "rt-frr: 0 of 30 flows answered; " in table
    assert table.rpartition("\n\n")[2].startswith("Does the service answer? No: on rt-frr 0 of 30 flows were answered")


def test_a_server_that_withdraws_the_vip_gets_no_more_flows(netlab: Netlab) -> None:
    assert netlab("deploy", TOPOLOGIES / "speakers.yaml", "--name", "withdrawn").returncode == 0
    withdraw = ("configure terminal", "router bgp 64522", "address-family ipv4 unicast", "no network 172.16.7.192/32")
    arguments = [word for command in withdraw for word in ("-c", command)]
    assert netlab("vtysh", "speaker-2", *arguments).returncode == 0
    assert wait_for_next_hops(netlab, "rt-frr", 2) == ["172.16.7.11", "172.16.7.13"]
    _, verdict = check(netlab, "--router", "rt-frr")
    (router,) = verdict["routers"]
    assert router["verdict"] == "ecmp"
    assert router["flows"]["answered"] == 600
    assert [hop["node"] for hop in router["next_hops"]] == ["speaker-1", "speaker-3"]
    (finding,) = router["findings"]
    assert finding["rule"] == "node-not-announcing"
    assert "speaker-2 (172.16.7.12) should announce 172.16.7.192" in finding["message"]


def test_ipv6(netlab: Netlab, topology: Topology) -> None:
    six = lab("six", lan="fd00:7::", clients="fd00:9::", family="ipv6", length=64, vip="fd00:c0::1")
    done = netlab("deploy", topology(six))
    assert done.returncode == 0, done
    code, verdict = check(netlab, "--expect", "ecmp")
    (router,) = verdict["routers"]
    assert (code, router["verdict"], router["vip"], router["findings"]) == (0, "ecmp", "fd00:c0::1", [])
    assert router["prediction"] == {"agree": 600, "of": 600}
    assert {hop["node"] for hop in router["next_hops"]} == {"s1", "s2", "s3"}
    assert all(hop["address"].startswith("fe80::") for hop in router["next_hops"])
    assert verdict["emulated"] == []


def test_bird_and_frr_announce_one_vip_and_each_answers_on_two_ports(netlab: Netlab, topology: Topology) -> None:
    mixed = servers("bird", "frr", "bird", more=', {vip: "192.0.2.1", port: 8080, name: api}')
    done = netlab("deploy", topology(lab("mixed", own=mixed)))
    assert done.returncode == 0, done
    code, verdict = check(netlab, "--expect", "ecmp")
    assert code == 0
    assert [(router["port"], router["verdict"]) for router in verdict["routers"]] == [(80, "ecmp"), (8080, "ecmp")]
    for router in verdict["routers"]:
        assert router["flows"]["answered"] == 600
        assert {pod["name"] for pod in router["pods"]} == {"s1", "s2", "s3"}
    # It answers on the VIP, as nothing else: a server's own address is not the service's.
    asked = netlab("exec", "host-1", "--", "curl", "-s", "-m", "5", "http://10.7.0.11/")
    assert asked.returncode == 7, asked  # connection refused


def test_a_configuration_of_the_users_own_announces_it(netlab: Netlab, topology: Topology) -> None:
    config = """\
        interface lo
         ip address 192.0.2.1/32
        exit
        router bgp 64522
         bgp router-id 10.7.0.11
         no bgp ebgp-requires-policy
         neighbor 10.7.0.1 remote-as 64512
         address-family ipv4 unicast
          network 192.0.2.1/32
         exit-address-family
        exit
    """
    own = "s1: {kind: frr, startup-config: s1.conf, serve: [{vip: 192.0.2.1, name: web}]}"
    written = servers().splitlines()
    file = topology(lab("own", own="\n".join((own, *written[1:]))), files={"s1.conf": config})
    done = netlab("deploy", file)
    assert done.returncode == 0, done
    code, verdict = check(netlab, "--expect", "ecmp")
    (router,) = verdict["routers"]
    assert (code, router["verdict"], router["paths"]["used"]) == (0, "ecmp", 3)
    assert router["flows"]["answered"] == 600


def test_unnumbered_servers(netlab: Netlab, topology: Topology) -> None:
    """Each on a link of its own without addresses: the session finds the server, and IPv4 goes by IPv6 next hops."""
    text = """
        name: unnumbered
        topology:
          nodes:
            rt-1:
              kind: frr
              bgp:
                asn: 64512
                networks: [10.9.0.0/24]
                neighbors: [{interface: eth1, asn: external}, {interface: eth2, asn: external}]
            host-1: {kind: linux}
            s1:
              kind: frr
              bgp: {asn: 64522, neighbors: [{interface: eth1, asn: external}]}
              serve: [{vip: 192.0.2.1}]
            s2:
              kind: frr
              bgp: {asn: 64522, neighbors: [{interface: eth1, asn: external}]}
              serve: [{vip: 192.0.2.1}]
          links:
            - {endpoints: ["rt-1:eth1", "s1:eth1"]}
            - {endpoints: ["rt-1:eth2", "s2:eth1"]}
            - {endpoints: ["rt-1:eth3", "host-1:eth1"], ipv4: [10.9.0.1/24, 10.9.0.11/24]}
    """
    done = netlab("deploy", topology(text))
    assert done.returncode == 0, done
    code, verdict = check(netlab, "--expect", "ecmp")
    (router,) = verdict["routers"]
    assert (code, router["verdict"], router["paths"]["used"]) == (0, "ecmp", 2)
    assert router["flows"]["answered"] == 600
    assert router["findings"] == []
