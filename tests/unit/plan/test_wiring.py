from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from netlab.kinds.common import interface_name
from netlab.model.plan import LabPlan

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]


@given(st.text("abcdefgh-0123", min_size=1, max_size=60), st.sets(st.text("abcdefgh-0123", max_size=15)))
def test_a_made_up_name_is_short_and_free(wanted: str, taken: set[str]) -> None:
    name = interface_name(wanted, taken)
    assert 1 <= len(name.encode()) <= 15
    assert name not in taken


@given(st.lists(st.text("abc-", min_size=1, max_size=40), max_size=40))
def test_made_up_names_are_unique(wanted: list[str]) -> None:
    taken: set[str] = set()
    for name in wanted:
        taken.add(interface_name(name, taken))
    assert len(taken) == len(wanted)


def test_a_bridges_ports_bear_the_names_of_the_machines_behind_them(plan_text: Plan) -> None:
    lab = plan_text("""
        name: ports
        topology:
          nodes: {host-with-a-long-name: {kind: linux}, r: {kind: frr}, s1: {kind: bridge}, s2: {kind: bridge}}
          links:
            - {endpoints: ["host-with-a-long-name", "s1"]}
            - {endpoints: ["r:eth1", "s1"]}
            - {endpoints: ["r:eth2", "s1"]}
            - {endpoints: ["s1:s1-eth0", "s2:uplink"]}
        """)
    ports = [interface.name for interface in lab.node("s1").interfaces if interface.master == "br0"]
    assert ports[1:] == ["r", "r-2", "s1-eth0"]
    assert ports[0].startswith("host-w-") and len(ports[0]) == 15
    assert lab.node("s1").bridges == ("br0",)
    assert [interface.name for interface in lab.node("s2").interfaces] == ["br0", "uplink"]


def test_a_name_left_out_is_the_first_free_eth(plan_text: Plan) -> None:
    lab = plan_text("""
        name: eth
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}}
          links:
            - {endpoints: ["a", "b:eth2"]}
            - {endpoints: ["a:eth1", "b"]}
            - {endpoints: ["a", "b"]}
        """)
    assert [interface.name for interface in lab.node("a").interfaces] == ["eth2", "eth1", "eth3"]
    assert [interface.name for interface in lab.node("b").interfaces] == ["eth2", "eth1", "eth3"]


def test_what_cannot_be_wired_is_refused(problems_of: Problems) -> None:
    assert problems_of("""\
        name: wires
        topology:
          nodes:
            k: {kind: k8s}
            h: {kind: linux}
            k-worker: {kind: linux}
            s1: {kind: bridge}
            s2: {kind: bridge}
          links:
            - {endpoints: ["k", "h:eth1"]}
            - {endpoints: ["k", "s1"], ipv4: [192.0.2.1/24]}
            - {endpoints: ["h:eth2", "s1"], ipv4: [192.0.2.2/24, 192.0.2.3/24]}
            - {endpoints: ["s1", "s2"]}
            - {endpoints: ["s1", "s2"]}
            - {endpoints: ["h:eth3", "s2:br0"]}
        """) == [
        'lab.yaml:6:5: two machines would be called "k-worker": one of k, one of k-worker (rename a node or a service)',
        "lab.yaml:10:20: k is 2 machines, and this link leads to a single interface (link it to a node of kind bridge)",
        "lab.yaml:11:7: k is 2 machines: they cannot share an address (give them in the node's addresses:)",
        "lab.yaml:12:7: s1 is a bridge: its ports have no addresses (give the address to the other end)",
        "lab.yaml:14:7: the bridges s1 and s2 form a loop "
        "(frames would circle for ever: there is no spanning tree here)",
        "lab.yaml:15:30: s2 has an interface br0 of its own (use another name)",
    ]


def test_an_mtu_holds_at_both_ends(plan_text: Plan) -> None:
    lab = plan_text("""
        name: mtu
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}}
          links: [{endpoints: ["a:eth1", "b:eth1"], mtu: 9000}]
        """)
    assert lab.links[0].mtu == 9000
    assert [node.interfaces[0].mtu for node in lab.nodes] == [9000, 9000]
