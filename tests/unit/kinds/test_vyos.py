import re
from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import parse_config
from netlab.kinds.vyos.translate import Translation, translate
from netlab.lab.commands import annotated
from netlab.model.errors import TopologyError
from netlab.model.plan import LabPlan

Problems = Callable[..., list[str]]


def translated(commands: str, version: str = "1.1") -> Translation:
    return translate(parse_config(SourceText("c", commands), version), version, "rt")


def refused(commands: str, version: str = "1.1") -> list[str]:
    with pytest.raises(TopologyError) as error:
        translated(commands, version)
    return list(error.value.lines())


def test_what_quagga_does_unasked_is_said_to_frr() -> None:
    lines = translated("set protocols bgp 64512").text.splitlines()
    assert " no bgp ebgp-requires-policy" in lines
    assert " bgp network import-check" in lines
    assert "  maximum-paths 1" in lines
    assert "  maximum-paths ibgp 1" in lines


def test_maximum_paths_that_are_set_are_kept() -> None:
    lines = translated(
        "set protocols bgp 64512 maximum-paths ebgp 3\nset protocols bgp 64512 maximum-paths ibgp 2"
    ).text.splitlines()
    assert "  maximum-paths 3" in lines
    assert "  maximum-paths ibgp 2" in lines


def test_the_later_of_two_values_holds_and_lists_grow() -> None:
    text = translated(
        "set protocols bgp 1 maximum-paths ebgp 3\n"
        "set protocols bgp 1 maximum-paths ebgp 5\n"
        "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
        "set protocols bgp 1 neighbor 10.0.0.1 remote-as 3\n"
        "set protocols bgp 1 network 10.1.0.0/16\n"
        "set protocols bgp 1 network 10.2.0.0/16\n"
    ).text
    assert "maximum-paths 5\n" in text and "maximum-paths 3\n" not in text
    assert "remote-as 3\n" in text and "remote-as 2\n" not in text
    assert "  network 10.1.0.0/16\n  network 10.2.0.0/16\n" in text


def test_timers_lack_one_and_get_quaggas_default() -> None:
    text = translated(
        "set protocols bgp 1 timers keepalive 10\n"
        "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
        "set protocols bgp 1 neighbor 10.0.0.1 timers holdtime 9\n"
        "set protocols bgp 1 neighbor 10.0.0.1 timers connect 5\n"
    ).text
    assert " timers bgp 10 180\n" in text
    assert " neighbor 10.0.0.1 timers 60 9\n" in text
    assert " neighbor 10.0.0.1 timers connect 5\n" in text


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("neighbor 10.0.0.1 ebgp-multihop 2", " neighbor 10.0.0.1 ebgp-multihop 2"),
        ("neighbor 10.0.0.1 description 'to the core'", " neighbor 10.0.0.1 description to the core"),
        ("neighbor 10.0.0.1 update-source 10.0.0.2", " neighbor 10.0.0.1 update-source 10.0.0.2"),
        ("neighbor 10.0.0.1 shutdown", " neighbor 10.0.0.1 shutdown"),
        ("neighbor 10.0.0.1 nexthop-self", "  neighbor 10.0.0.1 next-hop-self"),
        ("neighbor 10.0.0.1 soft-reconfiguration inbound", "  neighbor 10.0.0.1 soft-reconfiguration inbound"),
        ("neighbor 10.0.0.1 weight 7", "  neighbor 10.0.0.1 weight 7"),
        ("neighbor 10.0.0.1 maximum-prefix 50", "  neighbor 10.0.0.1 maximum-prefix 50"),
        ("neighbor 10.0.0.1 default-originate", "  neighbor 10.0.0.1 default-originate"),
        ("parameters router-id 10.0.0.9", " bgp router-id 10.0.0.9"),
        ("parameters always-compare-med", " bgp always-compare-med"),
        ("parameters bestpath as-path ignore", " bgp bestpath as-path ignore"),
        ("parameters disable-network-import-check", " no bgp network import-check"),
        ("parameters no-fast-external-failover", " no bgp fast-external-failover"),
        ("redistribute connected", "  redistribute connected"),
    ],
)
def test_statement(statement: str, line: str) -> None:
    base = "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
    assert line in translated(f"{base}set protocols bgp 1 {statement}\n").text.splitlines()


def test_other_sections() -> None:
    text = translated(
        "set system host-name edge\n"
        'set interfaces ethernet eth1 description "uplink, port 7"\n'
        "set protocols static route 10.0.0.0/8 next-hop 192.0.2.1\n"
        "set protocols static route 10.0.0.0/8 next-hop 192.0.2.2 distance 20\n"
        "set protocols static route 10.9.0.0/16 blackhole\n"
    ).text
    assert "hostname edge\n" in text
    assert "interface eth1\n description uplink, port 7\nexit\n" in text
    assert "ip route 10.0.0.0/8 192.0.2.1\nip route 10.0.0.0/8 192.0.2.2 20\nip route 10.9.0.0/16 blackhole\n" in text
    assert "router bgp" not in text


def test_a_line_knows_its_statement() -> None:
    lines = translated("configure\n\n# the client's network\nset protocols bgp 64512 network 172.16.9.0/24\n").lines
    (network,) = [line for line in lines if line.text == "  network 172.16.9.0/24"]
    assert [str(position) for position in network.sources] == ["c:4:33"]
    (unasked,) = [line for line in lines if line.text == "  maximum-paths 1"]
    assert unasked.sources == ()
    assert unasked.reason == "default of VyOS 1.1 (Quagga): one path from eBGP"


def test_neighbors_that_must_be_established() -> None:
    result = translated(
        "set protocols bgp 64512 neighbor 172.16.7.11 remote-as 64522\n"
        "set protocols bgp 64512 neighbor 172.16.7.12 remote-as 64522\n"
        "set protocols bgp 64512 neighbor 172.16.7.12 shutdown\n"
    )
    assert result.asn == 64512
    assert [(str(n.address), n.remote_asn, n.expect_down) for n in result.neighbors] == [
        ("172.16.7.11", 64522, False),
        ("172.16.7.12", 64522, True),
    ]


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        (
            "set protocols bgp 1 neighbour 10.0.0.1 remote-as 2",
            'c:1:21: "neighbour" is not understood after protocols bgp 1 (did you mean "neighbor"?)',
        ),
        (
            "set protocols ospf area 0 network 10.0.0.0/8",
            'c:1:15: "ospf" is not understood after protocols (understood here: bgp, static)',
        ),
        (
            "set firewall name WAN default-action drop",
            "c:1:5: firewall is refused (netlab filters no packets, and this router would)",
        ),
        (
            "set interfaces ethernet eth1 vif 5 address 10.0.0.1/24",
            "c:1:30: interfaces ethernet vif is refused "
            "(netlab has no VLANs: give each network an interface and a link of its own)",
        ),
        (
            "set interfaces dummy dum0 address 10.0.0.1/32",
            "c:1:16: interfaces dummy is refused (netlab has no dummy interfaces: give the address to loopback lo)",
        ),
        (
            "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
            "set protocols bgp 1 neighbor 10.0.0.1 route-map import NODES\n"
            "set policy route-map NODE rule 10 action permit",
            "c:2:56: there is no route-map NODES (there is NODE)",
        ),
        (
            "set policy route-map M rule 10 action deny\nset policy route-map M rule 10 continue 20",
            "c:2:41: rule 10 denies and goes on (only a rule that permits goes on)",
        ),
        (
            "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
            "set protocols bgp 1 neighbor 10.0.0.1 route-reflector-client",
            "c:2:39: 10.0.0.1 is no neighbor in the router's own AS "
            "(only such neighbors can be route-reflector-client)",
        ),
        (
            "set policy prefix-list P rule 10 prefix 10.0.0.0/8",
            "c:1:31: rule 10 of P has no action (permit or deny)",
        ),
        (
            "set policy prefix-list P rule 10 prefix 10.0.0.0/8\n"
            "set policy prefix-list P rule 10 action permit\n"
            "set policy prefix-list P rule 10 ge 24\n"
            "set policy prefix-list P rule 10 le 16\n",
            "c:4:37: le 16 is shorter than 10.0.0.0/8 or than ge (prefix length <= ge <= le)",
        ),
        (
            "set protocols bgp 1 maximum-paths ebgp 0",
            'c:1:40: "0" is not a number from 1 to 255',
        ),
        (
            "set protocols bgp 1 maximum-paths ebgp",
            'c:1:39: "protocols bgp 1 maximum-paths ebgp" is incomplete (expected: <paths>)',
        ),
        (
            "set protocols bgp 1 neighbor rt-2 remote-as 2",
            'c:1:30: "rt-2" is not an IP address',
        ),
        (
            "set protocols bgp 1 neighbor eth1 interface remote-as 2",
            'c:1:30: "eth1" is an interface: name the neighbor by its address',
        ),
        (
            "set protocols bgp 1 network 10.0.0.1/8",
            'c:1:29: "10.0.0.1/8" is not an IPv4 prefix such as 10.0.0.0/24',
        ),
        (
            "set interfaces ethernet eth1 address dhcp",
            'c:1:38: "dhcp" cannot be used: the lab has no DHCP server',
        ),
        (
            "set interfaces ethernet eth1 address 10.0.0.1",
            'c:1:38: "10.0.0.1" has no prefix length',
        ),
        (
            "set interfaces ethernet eth1 description to the core",
            'c:1:45: unexpected "the" after interfaces ethernet eth1 description to '
            "(put a text of several words in quotes)",
        ),
        (
            "set protocols bgp 1 neighbor 10.0.0.1 description 'a\x0bb'",
            'c:1:51: "a?b" has characters that cannot be printed',
        ),
        (
            "set protocols bgp 1 neighbor 10.0.0.1 password 'a b'",
            'c:1:48: "a b" is not one word of at most 80 ASCII characters',
        ),
        ("set system host-name 'rt", "c:1:22: the closing quote is missing (add ')"),
        ("delete protocols bgp 1", 'c:1:1: unknown command "delete" (leave out the set command that it takes back)'),
        ("comit", 'c:1:1: unknown command "comit" (did you mean "commit"?)'),
        ("commit now", 'c:1:8: "now" after commit (commit stands alone here)'),
        (
            "set protocols bgp 1 neighbor 10.0.0.1",
            "c:1:30: neighbor 10.0.0.1 has no remote-as (set ... neighbor 10.0.0.1 remote-as N)",
        ),
        (
            "set protocols bgp 1\nset protocols bgp 2",
            "c:2:19: a second autonomous system, 2 (VyOS runs one: the first is 1)",
        ),
    ],
)
def test_what_is_not_understood_has_its_place(commands: str, problem: str) -> None:
    assert refused(commands) == [problem]


def test_every_wrong_line_is_reported() -> None:
    assert [line.split(" ")[0] for line in refused("sett x\nset system nam rt\nset protocols bgp x\ncommit\n")] == [
        "c:1:1:",
        "c:2:12:",
        "c:3:19:",
    ]


def test_options(problems_of: Problems) -> None:
    *others, number, policy = problems_of(
        """\
        name: v
        topology:
          nodes:
            none: {kind: vyos, vyos-version: "1.1"}
            new: {kind: vyos, vyos-version: "1.6", startup-config: c}
            silent: {kind: vyos, startup-config: c}
            number: {kind: vyos, vyos-version: 1.1, startup-config: c}
            policy: {kind: vyos, vyos-version: "1.1", startup-config: c, hash: {policy: 7}}
            linked: {kind: vyos, vyos-version: "1.1", startup-config: c}
        """,
        c="set interfaces ethernet eth1 address 10.0.0.1/24\n",
    )
    assert others == [
        "c:1:25: linked has no interface eth1 (add a link with linked:eth1)",
        "lab.yaml:4:5: none has no configuration (add startup-config: a config.boot or a list of commands)",
        "lab.yaml:5:37: VyOS 1.6 is not understood (versions: 1.1, 1.2, 1.3, 1.4, 1.5)",
        "lab.yaml:6:5: silent does not say its VyOS version, and c names none "
        "(add vyos-version: one of 1.1, 1.2, 1.3, 1.4, 1.5)",
    ]
    assert number.startswith('lab.yaml:7:40: "vyos-version"')
    assert policy.startswith("lab.yaml:8:81: ")


HASH = "net.ipv4.fib_multipath_hash_"


@pytest.mark.parametrize(
    ("version", "commands", "options", "expected"),
    [
        ("1.1", "", "", ("3", "55")),
        ("1.2", "", "", ("0", "55")),
        ("1.5", "", "", ("0", "55")),
        ("1.2", "set system ip multipath layer4-hashing", "", ("3", "55")),
        ("1.4", "set system ipv6 multipath layer4-hashing", "", ("0", "55")),
        ("1.4", "", ", hash: {seed: 5}", ("0", "55")),
        ("1.4", "", ", hash: {policy: 3}", ("3", "55")),
        ("1.4", "", ", hash: {fields: 3}", ("3", "3")),
        ("1.4", "set system ip multipath layer4-hashing", ", hash: {policy: 1}", ("1", "55")),
    ],
)
def test_a_router_hashes_as_its_vyos_would(
    plan_text: Callable[..., LabPlan], version: str, commands: str, options: str, expected: tuple[str, str]
) -> None:
    topology = f'{{nodes: {{rt: {{kind: vyos, vyos-version: "{version}", startup-config: c{options}}}}}}}'
    lab = plan_text(f"name: v\ntopology: {topology}\n", c=commands)
    values = {sysctl.key: sysctl.value for sysctl in lab.node("rt").sysctls}
    assert (values[f"{HASH}policy"], values[f"{HASH}fields"]) == expected


def test_next_hops_that_do_not_answer_can_be_left_out(plan_text: Callable[..., LabPlan]) -> None:
    lab = plan_text(
        'name: v\ntopology: {nodes: {rt: {kind: vyos, vyos-version: "1.3", startup-config: c}}}\n',
        c="set system ip multipath ignore-unreachable-nexthops\n",
    )
    assert ("net.ipv4.fib_multipath_use_neigh", "1") in [(s.key, s.value) for s in lab.node("rt").sysctls]


def test_an_mtu_is_its_links(plan_text: Callable[..., LabPlan], problems_of: Problems) -> None:
    text = """\
        name: v
        topology:
          nodes: {{rt: {{kind: vyos, vyos-version: "1.3", startup-config: c}}, h: {{kind: linux}}}}
          links: [{{endpoints: ["rt:eth1", "h:eth1"]{}}}]
        """
    config = "set interfaces ethernet eth1 mtu 9000\n"
    assert problems_of(text.format(""), c=config) == [
        "c:1:34: rt:eth1 has mtu 9000 here and 1500 on its link (the link stands at lab.yaml:4:11)"
    ]
    assert plan_text(text.format(", mtu: 9000"), c=config).links[0].mtu == 9000


def test_warnings_name_the_router(plan_text: Callable[..., LabPlan], tmp_path: Path) -> None:
    lab = plan_text(
        'name: v\ntopology: {nodes: {rt: {kind: vyos, vyos-version: "1.3", startup-config: c}}}\n',
        c="set service ssh port 22\nset system login user a authentication encrypted-password secret\n",
    )
    assert [warning.replace(f"{tmp_path}/", "") for warning in lab.warnings] == [
        "rt: c:1:13: service ssh is not translated: nothing in the lab does it",
        "rt: c:2:12: system login is not translated: nothing in the lab does it",
    ]


def test_every_line_of_the_configuration_knows_where_it_is_from(plan_text: Callable[..., LabPlan]) -> None:
    lab = plan_text(
        'name: v\ntopology: {nodes: {rt: {kind: vyos, vyos-version: "1.1", startup-config: c}}}\n',
        c="set protocols bgp 1\nset protocols bgp 1 timers keepalive 1\nset protocols bgp 1 timers holdtime 9\n",
    )
    (file,) = [file for file in lab.node("rt").files if file.path == "/etc/frr/frr.conf"]
    lines = dict(zip(file.content.splitlines(), file.sources, strict=True))
    assert [(s.position.line, s.text) for s in lines[" timers bgp 1 9"] if s.position] == [
        (2, "set protocols bgp 1 timers keepalive 1"),
        (3, "set protocols bgp 1 timers holdtime 9"),
    ]
    assert [s.text for s in lines["  maximum-paths 1"]] == ["default of VyOS 1.1 (Quagga): one path from eBGP"]
    shown = annotated(file, "!")
    assert re.search(r"\n ! \S+/c:2: set .* 1\n ! \S+/c:3: set .* 9\n timers bgp 1 9\n", shown)
    assert [line for line in shown.splitlines() if not line.lstrip().startswith("! ")] == file.content.splitlines()


def test_plan(plan_text: Callable[..., LabPlan]) -> None:
    lab = plan_text(
        """
        name: v
        topology:
          nodes: {rt: {kind: vyos, vyos-version: "1.1", startup-config: c, hash: {policy: 0, seed: 5}}}
        """,
        c="set system host-name edge\nset protocols bgp 1\n",
    )
    router = lab.node("rt")
    values = {s.key.rpartition("_")[2]: s.value for s in router.sysctls if "multipath" in s.key}
    assert values == {"policy": "0", "fields": "55", "seed": "5"}
    assert router.routing is not None and router.routing.daemons == ("zebra", "staticd", "bgpd")
