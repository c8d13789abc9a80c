"""One fault in the router's configuration at a time: the finding names it, and BGP, RIB and FIB show it.

The numbers of paths are those that docs/ecmp-check.md and the measured table of FRR 8.4.4 give.
"""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from netlab_program import Netlab, Topology

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs, pytest.mark.shares_nothing]

LAB = """
    name: causes
    topology:
      groups:
        speakers:
          kind: frr
          bgp: {{asn: 64522, neighbors: [{{address: 172.16.7.1, asn: 64512}}]}}
          serve: [{{vip: 172.16.7.192, name: web}}]
      nodes:
        rt-1: {{kind: frr, startup-config: frr.conf{binds}}}
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        s1: {{group: speakers}}
        s2: {{group: speakers}}
        s3: {{group: speakers}}
      links:
        - {{endpoints: ["rt-1:eth1", "lan"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["s1:eth1", "lan"], ipv4: [172.16.7.11/24]}}
        - {{endpoints: ["s2:eth1", "lan"], ipv4: [172.16.7.12/24]}}
        - {{endpoints: ["s3:eth1", "lan"], ipv4: [172.16.7.13/24]}}
        - {{endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
"""

CONFIG = """\
route-map CHANGE permit 10
 {change}
route-map NOTHING deny 10
{globally}
router bgp 64512
 no bgp ebgp-requires-policy
 neighbor 172.16.7.11 remote-as 64522
 neighbor 172.16.7.12 remote-as 64522
 neighbor 172.16.7.13 remote-as 64522
 address-family ipv4 unicast
  network 172.16.9.0/24
  {family}
 exit-address-family
"""

MARKED = "neighbor 172.16.7.13 route-map CHANGE in"


def look(
    netlab: Netlab,
    topology: Topology,
    *,
    change: str = "",
    family: str = "",
    globally: str = "",
    binds: str = "",
    files: dict[str, str] | None = None,
    flows: int = 120,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Deploy the lab with this configuration and measure."""
    config = CONFIG.format(change=change, family=family, globally=globally)
    file = topology(LAB.format(binds=binds), files={"frr.conf": config, **(files or {})})
    netlab("deploy", "--timeout", "10", file)
    done = netlab("ecmp-check", "--format", "json", "--flows", flows, "--timeout", "1")
    assert done.stdout, done
    (router,) = json.loads(done.stdout)["routers"]
    return router, {finding["rule"]: finding for finding in router["findings"]}


@pytest.mark.parametrize(
    ("change", "attribute", "chosen"),
    [
        ("set metric 50", "MED", 2),
        ("set as-path prepend 64522", "AS path length", 2),
        ("set local-preference 200", "local preference", 1),
        ("set weight 10", "weight", 1),
        ("set origin incomplete", "origin", 2),
    ],
)
def test_a_path_with_another_attribute_is_not_equal(
    netlab: Netlab, topology: Topology, change: str, attribute: str, chosen: int
) -> None:
    router, findings = look(netlab, topology, change=change, family=MARKED)
    paths = router["paths"]
    assert (paths["announced"], paths["multipath"], paths["fib"]) == (3, chosen, chosen)
    assert f"lost by {attribute}: " in findings["attribute-differs"]["message"]


def test_paths_from_one_as_share_the_load_whatever_stands_behind_it(netlab: Netlab, topology: Topology) -> None:
    family = "\n  ".join(f"neighbor 172.16.7.{11 + n} route-map AS{n} in" for n in range(3))
    maps = "\n".join(f"route-map AS{n} permit 10\n set as-path prepend {64600 + n}" for n in range(3))
    router, findings = look(netlab, topology, family=family, globally=maps)
    assert (router["paths"]["multipath"], router["paths"]["fib"]) == (3, 3)
    assert "as-paths-differ" not in findings


TRANSIT = """
    name: transit
    topology:
      groups:
        speakers:
          kind: frr
          bgp:
            asn: 64522
            neighbors: [{{address: 172.16.7.1, asn: 64601}}, {{address: 172.16.7.2, asn: 64602}}]
          serve: [{{vip: 172.16.7.192, name: web}}]
      nodes:
        rt-1:
          kind: frr
          bgp:
            asn: 64512
            networks: [172.16.9.0/24]
            multipath-relax: {relax}
            neighbors: [{{address: 10.1.0.2, asn: 64601}}, {{address: 10.2.0.2, asn: 64602}}]
        rt-2:
          kind: frr
          bgp: {{asn: 64601, neighbors: [{speakers}, {{address: 10.1.0.1, asn: 64512}}]}}
        rt-3:
          kind: frr
          bgp: {{asn: 64602, neighbors: [{speakers}, {{address: 10.2.0.1, asn: 64512}}]}}
        host-1: {{kind: linux}}
        lan: {{kind: bridge}}
        s1: {{group: speakers}}
        s2: {{group: speakers}}
      links:
        - {{endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}}
        - {{endpoints: ["rt-1:eth2", "rt-2:eth1"], ipv4: [10.1.0.1/24, 10.1.0.2/24]}}
        - {{endpoints: ["rt-1:eth3", "rt-3:eth1"], ipv4: [10.2.0.1/24, 10.2.0.2/24]}}
        - {{endpoints: ["rt-2:eth2", "lan"], ipv4: [172.16.7.1/24]}}
        - {{endpoints: ["rt-3:eth2", "lan"], ipv4: [172.16.7.2/24]}}
        - {{endpoints: ["s1:eth1", "lan"], ipv4: [172.16.7.11/24]}}
        - {{endpoints: ["s2:eth1", "lan"], ipv4: [172.16.7.12/24]}}
"""
SPEAKERS = "{address: 172.16.7.11, asn: 64522}, {address: 172.16.7.12, asn: 64522}"


@pytest.mark.parametrize(("relax", "paths"), [("false", 1), ("true", 2)])
def test_paths_from_two_autonomous_systems(netlab: Netlab, topology: Topology, relax: str, paths: int) -> None:
    netlab("deploy", topology(TRANSIT.format(relax=relax, speakers=SPEAKERS)))
    done = netlab("ecmp-check", "--router", "rt-1", "--format", "json")
    assert done.stdout, done
    (router,) = json.loads(done.stdout)["routers"]
    assert (router["paths"]["announced"], router["paths"]["multipath"], router["paths"]["fib"]) == (2, paths, paths)
    names = [finding["rule"] for finding in router["findings"]]
    assert ("as-paths-differ" in names) == (paths == 1)


def test_two_tiers_are_measured_at_once_and_each_by_the_flows_that_it_carries(
    netlab: Netlab, topology: Topology
) -> None:
    netlab("deploy", topology(TRANSIT.format(relax="true", speakers=SPEAKERS)))
    done = netlab("ecmp-check", "--expect", "ecmp", "--flows", "3000", "--format", "json")
    assert done.returncode == 0, done
    routers = {router["router"]: router for router in json.loads(done.stdout)["routers"]}
    assert {"rt-1", "rt-2"} <= set(routers)
    for router in routers.values():
        assert (router["verdict"], router["findings"]) == ("ecmp", [])
        assert router["flows"]["sent"] == router["flows"]["answered"] == 3000
        assert router["flows"]["keys"] == 3000 - router["flows"]["elsewhere"]
        assert router["prediction"]["agree"] == router["prediction"]["of"] == router["flows"]["keys"]
    assert routers["rt-1"]["flows"]["elsewhere"] == 0
    assert 1000 < routers["rt-2"]["flows"]["elsewhere"] < 2000
    refused = netlab("ecmp-check", "--flows", "40000")
    assert refused.returncode == 2, refused
    assert "--flows 40000: host-1 has 64512 source ports to 172.16.7.192:80" in refused.stderr
    # rt-1's best path is its oldest. By rt-3 now, of which it tells rt-2: a longer way to what rt-2 has from the nodes.
    cleared = netlab("exec", "rt-1", "--", "vtysh", "-c", "clear bgp 10.1.0.2")
    assert cleared.returncode == 0, cleared
    eventually(lambda: len(paths_to_the_vip(netlab, "rt-2")) == 3 and len(paths_to_the_vip(netlab, "rt-1")) == 2)
    again = netlab("ecmp-check", "--router", "rt-2", "--expect", "ecmp", "--format", "json")
    assert again.returncode == 0, again
    (router,) = json.loads(again.stdout)["routers"]
    assert (router["paths"]["announced"], router["findings"]) == (2, [])
    assert "a longer way to the same, by 10.1.0.1 (AS path 64512 64602 64522)" in router["reason"]


def paths_to_the_vip(netlab: Netlab, router: str) -> list[dict[str, Any]]:
    shown = netlab("exec", router, "--", "vtysh", "-c", "show bgp ipv4 unicast 172.16.7.192/32 json")
    assert shown.returncode == 0, shown
    return list(json.loads(shown.stdout).get("paths", []))


def eventually(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def test_a_source_port_in_use_on_the_client_is_no_flow_without_an_answer(netlab: Netlab, topology: Topology) -> None:
    config = CONFIG.format(change="", family="", globally="")
    netlab("deploy", topology(LAB.format(binds=""), files={"frr.conf": config}))
    held = "import socket, time; kept = []\n"
    held += "for port in range(1024, 9216):\n s = socket.socket(); s.bind(('', port)); s.listen(1); kept.append(s)\n"
    held += "open('/tmp/held', 'w').close(); time.sleep(60)"
    listen = 'python3 -c "$0" </dev/null >/dev/null 2>&1 & until [ -e /tmp/held ]; do sleep 0.1; done'
    started = netlab("exec", "host-1", "--", "sh", "-c", listen, held)
    assert started.returncode == 0, started
    done = netlab("ecmp-check", "--expect", "ecmp", "--format", "json")
    assert done.returncode == 0, done
    (router,) = json.loads(done.stdout)["routers"]
    assert router["flows"]["sent"] == router["flows"]["answered"] == 600
    gone = netlab("exec", "host-1", "--", "ip", "address", "flush", "dev", "eth1")
    assert gone.returncode == 0, gone
    refused = netlab("ecmp-check")
    assert refused.returncode == 3, refused
    assert "host-1 cannot open 600 of 600 flows from 172.16.9.11" in refused.stderr


@pytest.mark.netns  # the host's zebra, which need not run in a container
def test_zebra_started_with_a_limit(netlab: Netlab, topology: Topology, tmp_path: Path) -> None:
    wrapper = '#!/bin/sh\nexec /opt/zebra -e 2 "$@"\n'
    binds = ', binds: ["zebra.sh:/usr/lib/frr/zebra:ro", "zebra:/opt/zebra:ro"]'
    (tmp_path / "topology").mkdir()
    shutil.copy(f"{netlab.rootfs or ''}/usr/lib/frr/zebra", tmp_path / "topology" / "zebra")
    (tmp_path / "topology" / "zebra.sh").touch(mode=0o755)
    router, findings = look(netlab, topology, binds=binds, files={"zebra.sh": wrapper}, flows=600)
    paths = router["paths"]
    assert (paths["multipath"], paths["rib"], paths["fib"]) == (3, 2, 2)
    assert "zebra makes only 2" in findings["zebra-multipath-limit"]["message"]


@pytest.mark.parametrize(
    "where", [{"family": "table-map NOTHING"}, {"globally": "ip protocol bgp route-map NOTHING"}], ids=["bgpd", "zebra"]
)
def test_a_filter_between_bgp_and_the_kernel(netlab: Netlab, topology: Topology, where: dict[str, str]) -> None:
    router, findings = look(netlab, topology, family=where.get("family", ""), globally=where.get("globally", ""))
    assert router["verdict"] == "no-route"
    assert (router["paths"]["multipath"], router["paths"]["fib"]) == (3, 0)
    assert "BGP chose 3 paths to 172.16.7.192/32" in findings["filtered-from-fib"]["message"]
