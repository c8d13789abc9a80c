from collections.abc import Callable
from ipaddress import ip_interface, ip_network

from netlab.model.plan import LabPlan, NodePlan

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]


def addresses(node: NodePlan) -> dict[str, list[str]]:
    return {i.name: [str(address) for address in i.addresses] for i in node.interfaces}


def test_auto_gives_a_pair_a_30_and_a_lan_a_24(plan_text: Plan) -> None:
    lab = plan_text("""
        name: auto
        topology:
          nodes: {r1: {kind: frr}, r2: {kind: frr}, a: {kind: linux}, b: {kind: linux}, sw: {kind: bridge}}
          links:
            - {endpoints: ["r1:eth1", "r2:eth1"], ipv4: auto}
            - {endpoints: ["r1:eth2", "r2:eth2"], ipv4: auto}
            - {endpoints: ["r1:eth3", "sw"], ipv4: auto}
            - {endpoints: ["a", "sw"], ipv4: auto}
            - {endpoints: ["b", "sw"]}
        """)
    assert addresses(lab.node("r1")) == {"eth1": ["10.0.0.1/30"], "eth2": ["10.0.0.5/30"], "eth3": ["10.1.0.1/24"]}
    assert addresses(lab.node("r2")) == {"eth1": ["10.0.0.2/30"], "eth2": ["10.0.0.6/30"]}
    assert addresses(lab.node("a")) == {"eth1": ["10.1.0.2/24"]}
    assert addresses(lab.node("b")) == {"eth1": []}


def test_auto_keeps_clear_of_what_is_written(plan_text: Plan) -> None:
    lab = plan_text("""
        name: auto
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}, c: {kind: linux}}
          links:
            - {endpoints: ["a:eth1", "b:eth1"], ipv4: [10.0.0.1/29, 10.0.0.2/29]}
            - {endpoints: ["b:eth2", "c:eth1"], ipv4: auto}
        """)
    assert addresses(lab.node("c")) == {"eth1": ["10.0.0.10/30"]}


def test_auto_on_a_lan_takes_the_subnet_that_the_lan_has(plan_text: Plan) -> None:
    lab = plan_text("""
        name: auto
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}, sw: {kind: bridge}}
          links:
            - {endpoints: ["a", "sw"], ipv4: auto}
            - {endpoints: ["b", "sw"], ipv4: [192.0.2.1/28]}
        """)
    assert addresses(lab.node("a")) == {"eth1": ["192.0.2.2/28"]}


def test_cluster_nodes_get_addresses_outside_the_pool(plan_text: Plan) -> None:
    lab = plan_text("""
        name: pool
        topology:
          nodes:
            r: {kind: frr, bgp: {asn: 1, neighbors: [{cluster: k}]}}
            sw: {kind: bridge}
            k: {kind: k8s, workers: 2, addresses: {workers: [192.0.2.18/24]}, metallb: {asn: 2, pool: 192.0.2.0/28}}
          links:
            - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.16/24]}
            - {endpoints: ["k", "sw"]}
        """)
    assert addresses(lab.node("k-control-plane")) == {"eth1": ["192.0.2.17/24"]}
    assert addresses(lab.node("k-worker")) == {"eth1": ["192.0.2.18/24"]}
    assert addresses(lab.node("k-worker2")) == {"eth1": ["192.0.2.19/24"]}


def test_a_configurations_addresses_count_as_given(plan_text: Plan) -> None:
    lab = plan_text(
        """
        name: given
        topology:
          nodes:
            v: {kind: vyos, vyos-version: "1.1", startup-config: v}
            f: {kind: frr, startup-config: f}
            h: {kind: linux}
          links:
            - {endpoints: ["v:eth1", "f:eth1"], ipv4: [192.0.2.1/30, 192.0.2.2/30]}
            - {endpoints: ["f:eth2", "h:eth1"]}
        """,
        v="set interfaces ethernet eth1 address 192.0.2.1/30\nset interfaces loopback lo address 10.255.0.1/32\n",
        f="interface eth1\n ip address 192.0.2.2/30\nexit\ninterface eth2\n ip address 198.51.100.1/24\nexit\n",
    )
    assert addresses(lab.node("v")) == {"eth1": ["192.0.2.1/30"], "lo": ["10.255.0.1/32"]}
    assert addresses(lab.node("f")) == {"eth1": ["192.0.2.2/30"], "eth2": ["198.51.100.1/24"]}


def test_a_configuration_that_contradicts_its_link_is_refused(problems_of: Problems) -> None:
    assert problems_of(
        """\
        name: given
        topology:
          nodes: {v: {kind: vyos, vyos-version: "1.1", startup-config: v}, h: {kind: linux}}
          links:
            - {endpoints: ["v:eth1", "h:eth1"], ipv4: [192.0.2.1/30, 192.0.2.2/30]}
        """,
        v="set interfaces ethernet eth1 address 192.0.2.5/30\n",
    ) == [
        "v:1:38: v:eth1 is 192.0.2.5/30 here and 192.0.2.1/30 on its link at lab.yaml:5:7 "
        "(write the address once, or twice the same)"
    ]


def test_an_unlinked_interface_of_an_frr_configuration_is_a_warning(plan_text: Plan) -> None:
    lab = plan_text(
        "name: w\ntopology: {nodes: {f: {kind: frr, startup-config: f}}}\n",
        f="interface eth0\n ip address 192.0.2.2/30\n",
    )
    assert lab.warnings == ("f: its configuration gives eth0 an address, but eth0 has no link",)


def test_addresses_that_contradict_each_other_are_all_reported(problems_of: Problems) -> None:
    assert problems_of("""\
        name: wrong
        topology:
          nodes:
            r: {kind: frr}
            h: {kind: linux}
            sw: {kind: bridge}
            k:
              kind: k8s
              workers: 2
              addresses: {control-plane: 192.0.2.1/24, workers: [192.0.2.200/24, 192.0.3.1/24]}
              metallb: {asn: 2, pool: 192.0.2.192/26}
          links:
            - {endpoints: ["r:eth1", "sw"], ipv4: [192.0.2.1/24]}
            - {endpoints: ["h:eth1", "sw"], ipv4: [192.0.2.9/25]}
            - {endpoints: ["k", "sw"]}
        """) == [
        "lab.yaml:10:34: k-control-plane:eth1 and r:eth1 both have 192.0.2.1 (the other stands at lab.yaml:13:7)",
        "lab.yaml:10:58: 192.0.2.200 of k-worker:eth1 lies in the pool 192.0.2.192/26 "
        "(the pool stands at lab.yaml:11:31)",
        "lab.yaml:10:74: 192.0.3.1/24 of k-worker2:eth1 is not in its LAN's subnet 192.0.2.0/24 "
        "(every machine on a bridge shares a subnet with another)",
        "lab.yaml:14:7: 192.0.2.9/25 of h:eth1 is not in its LAN's subnet 192.0.2.0/24 "
        "(every machine on a bridge shares a subnet with another)",
    ]


def test_two_subnets_on_one_bridge_are_fine_when_each_has_two_members(plan_text: Plan) -> None:
    lab = plan_text("""
        name: two
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}, c: {kind: linux}, d: {kind: linux}, sw: {kind: bridge}}
          links:
            - {endpoints: ["a", "sw"], ipv4: [192.0.2.1/24]}
            - {endpoints: ["b", "sw"], ipv4: [192.0.2.2/24]}
            - {endpoints: ["c", "sw"], ipv4: [198.51.100.1/24]}
            - {endpoints: ["d", "sw"], ipv4: [198.51.100.2/24]}
        """)
    assert lab.node("d").interfaces[0].addresses == (ip_interface("198.51.100.2/24"),)


def test_the_pod_subnet_is_the_clusters_own(problems_of: Problems, plan_text: Plan) -> None:
    topology = """\
        name: pods
        topology:
          nodes:
            h: {kind: linux}
            sw: {kind: bridge}
            k: {kind: k8s, POD metallb: {asn: 2, pool: 192.0.2.0/24}, services: [{name: web}]}
          links:
            - {endpoints: ["h:eth1", "sw"], ipv4: [10.244.7.1/24]}
            - {endpoints: ["k", "sw"]}
        """
    found = problems_of(topology.replace("POD ", ""))
    assert found[0] == (
        "lab.yaml:8:7: 10.244.7.1/24 of h:eth1 lies in k's own network 10.244.0.0/16 "
        "(set the cluster's pod-subnet to another prefix)"
    )
    lab = plan_text(topology.replace("POD", "pod-subnet: 10.100.0.0/16,"))
    assert lab.node("web-1").routes[0].via in ip_network("10.100.1.0/24")
