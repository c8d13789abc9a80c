"""What each VyOS version says in its own way, and what its daemons did unasked."""

import pytest
from vyos_samples import VERSIONS, companions, configuration, samples

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import parse_config
from netlab.kinds.vyos.grammar import has, table
from netlab.kinds.vyos.translate import Translation, translate
from netlab.model.errors import TopologyError

# What every sample starts with: a statement that says the same again has the first one's place.
DEFINED = {version: configuration(version, []).replace("set ", "").split("\n") for version in VERSIONS}


def translated(version: str, text: str) -> Translation:
    return translate(parse_config(SourceText("c", text), version), version, "rt")


def bgp(version: str, *statements: str) -> Translation:
    """A BGP configuration of AS 64512 in the version's own words; `{bgp}` is where it starts."""
    start = "set protocols bgp" if version >= "1.4" else "set protocols bgp 64512"
    first = f"{start} system-as 64512" if version >= "1.4" else start
    return translated(version, "\n".join([first, *(f"{start} {statement}" for statement in statements)]))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_statement_has_a_line_an_effect_elsewhere_or_a_warning(version: str) -> None:
    number = len(configuration(version, []).split("\n")) + 1
    for statement, words in samples(version):
        made = translated(version, configuration(version, [words, *companions(words)]))
        if statement[-1] == "...":
            assert any(warning.startswith(f"c:{number}:") for warning in made.warnings), words
            continue
        elsewhere = statement[0] == "interfaces" or "multipath" in statement
        written = {position.line for line in made.lines for position in line.sources}
        again = any(line.startswith(" ".join(words)) for line in DEFINED[version])
        assert elsewhere or again or number in written, words
        assert not any("no effect" in warning for warning in made.warnings), words


@pytest.mark.parametrize("version", VERSIONS)
def test_every_refused_statement_says_why(version: str) -> None:
    refusals = [statement for versions, statement in table() if " ! " in statement and has(versions, version)]
    assert refusals
    for statement in refusals:
        assert statement.partition(" ! ")[2].strip()
    with pytest.raises(TopologyError, match="firewall is refused"):
        translated(version, "set firewall all-ping enable")


@pytest.mark.parametrize(
    ("version", "lines", "absent"),
    [
        (
            "1.1",
            ["no bgp ebgp-requires-policy", "bgp network import-check", "maximum-paths 1", "maximum-paths ibgp 1"],
            ["bgp default"],
        ),
        ("1.2", ["no bgp ebgp-requires-policy", "no bgp network import-check"], ["maximum-paths", "bgp default"]),
        ("1.3", ["no bgp ebgp-requires-policy", "no bgp network import-check"], ["maximum-paths", "bgp default"]),
        (
            "1.4",
            ["no bgp ebgp-requires-policy", "no bgp network import-check", "no bgp default ipv4-unicast"],
            ["maximum-paths"],
        ),
        (
            "1.5",
            ["no bgp ebgp-requires-policy", "no bgp network import-check", "no bgp default ipv4-unicast"],
            ["maximum-paths"],
        ),
    ],
)
def test_defaults_are_said_out_loud_with_their_reason(version: str, lines: list[str], absent: list[str]) -> None:
    made = {line.text.strip(): line for line in bgp(version).lines}
    for line in lines:
        assert made[line].sources == ()
        assert f"VyOS {version}" in made[line].reason
    for word in absent:
        assert word not in bgp(version).text


def test_quaggas_limit_holds_in_the_ipv6_family_too_when_it_is_in_use() -> None:
    text = bgp(
        "1.1",
        "maximum-paths ebgp 3",
        "neighbor 2001:db8::9 remote-as 2",
        "neighbor 2001:db8::9 address-family ipv6-unicast",
        "address-family ipv6-unicast network 2001:db8:1::/48",
    ).text
    assert text.endswith(
        " address-family ipv4 unicast\n  maximum-paths 3\n  maximum-paths ibgp 1\n exit-address-family\n"
        " address-family ipv6 unicast\n  network 2001:db8:1::/48\n  neighbor 2001:db8::9 activate\n"
        "  maximum-paths 1\n  maximum-paths ibgp 1\n exit-address-family\nexit\n!\n"
    )


@pytest.mark.parametrize(
    ("version", "statement", "line"),
    [
        ("1.1", "maximum-paths ebgp 3", "  maximum-paths 3"),
        ("1.2", "maximum-paths ebgp 3", "  maximum-paths 3"),
        ("1.3", "address-family ipv4-unicast maximum-paths ebgp 3", "  maximum-paths 3"),
        ("1.4", "address-family ipv4-unicast maximum-paths ibgp 3", "  maximum-paths ibgp 3"),
        ("1.1", "network 10.0.0.0/8", "  network 10.0.0.0/8"),
        ("1.2", "address-family ipv4-unicast network 10.0.0.0/8", "  network 10.0.0.0/8"),
        ("1.5", "address-family ipv6-unicast network 2001:db8::/32", "  network 2001:db8::/32"),
        ("1.2", "parameters bestpath as-path multipath-relax", " bgp bestpath as-path multipath-relax"),
        ("1.1", "parameters disable-network-import-check", " no bgp network import-check"),
        ("1.2", "parameters network-import-check", " bgp network import-check"),
        ("1.4", "parameters network-import-check", " bgp network import-check"),
        ("1.3", "parameters default no-ipv4-unicast", " no bgp default ipv4-unicast"),
    ],
)
def test_the_same_thing_in_each_version(version: str, statement: str, line: str) -> None:
    assert line in bgp(version, statement).text.splitlines()


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        ("1.2", "set protocols bgp 1 network 10.0.0.0/8"),
        ("1.3", "set protocols bgp 1 maximum-paths ebgp 3"),
        ("1.4", "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2"),
        ("1.1", "set protocols bgp 1 parameters bestpath as-path multipath-relax"),
        ("1.1", "set protocols bgp 1 neighbor 10.0.0.1 bfd"),
        ("1.1", "set system ip multipath layer4-hashing"),
        ("1.3", "set protocols bfd profile fast"),
        ("1.4", "set protocols static interface-route 10.0.0.0/8 next-hop-interface eth1"),
        ("1.4", "set policy route-map M rule 1 set as-path-prepend 1"),
        ("1.3", "set policy route-map M rule 1 set as-path prepend 1"),
    ],
)
def test_what_another_version_has_is_not_understood(version: str, statement: str) -> None:
    with pytest.raises(TopologyError):
        translated(version, statement)


def test_a_neighbor_without_an_address_family_is_silent_from_1_4_on() -> None:
    made = bgp("1.4", "neighbor 10.0.0.1 remote-as 2", "neighbor 10.0.0.2 remote-as external")
    assert made.warnings == (
        "c:2:28: neighbor 10.0.0.1 has no address-family, so in VyOS 1.4 it exchanges no routes "
        "and its session stays down",
        "c:3:28: neighbor 10.0.0.2 has no address-family, so in VyOS 1.4 it exchanges no routes "
        "and its session stays down",
    )
    assert [neighbor.expect_down for neighbor in made.neighbors] == [True, True]
    named = bgp("1.4", "neighbor 10.0.0.1 remote-as 2", "neighbor 10.0.0.1 address-family ipv4-unicast")
    assert named.warnings == ()
    assert "  neighbor 10.0.0.1 activate\n" in named.text
    assert [neighbor.expect_down for neighbor in named.neighbors] == [False]


def test_a_peer_group_gives_its_members_as_and_family() -> None:
    made = bgp(
        "1.4",
        "peer-group nodes remote-as 64522",
        "peer-group nodes address-family ipv4-unicast maximum-prefix 10",
        "neighbor 10.0.0.1 peer-group nodes",
    )
    assert made.warnings == ()
    assert [(n.remote_asn, n.expect_down) for n in made.neighbors] == [(64522, False)]
    assert made.text.index(" neighbor nodes remote-as 64522\n") < made.text.index("10.0.0.1 peer-group nodes\n")
    assert "  neighbor nodes activate\n  neighbor nodes maximum-prefix 10\n" in made.text


def test_bfd_with_a_profile() -> None:
    text = translated(
        "1.4",
        "set protocols bgp system-as 1\n"
        "set protocols bgp neighbor 10.0.0.1 remote-as 2\n"
        "set protocols bgp neighbor 10.0.0.1 address-family ipv4-unicast\n"
        "set protocols bgp neighbor 10.0.0.1 bfd profile fast\n"
        "set protocols bfd profile fast interval transmit 100\n"
        "set protocols bfd peer 10.0.0.9 interval multiplier 4\n",
    ).text
    assert "bfd\n profile fast\n  transmit-interval 100\n exit\n peer 10.0.0.9\n  detect-multiplier 4\n exit\n" in text
    assert " neighbor 10.0.0.1 bfd\n neighbor 10.0.0.1 bfd profile fast\n" in text


def test_policies_stand_before_the_neighbors_that_use_them() -> None:
    text = translated(
        "1.3",
        "set protocols bgp 1 neighbor 10.0.0.1 remote-as 2\n"
        "set protocols bgp 1 neighbor 10.0.0.1 address-family ipv4-unicast route-map import IN\n"
        "set policy prefix-list VIPS rule 20 action permit\n"
        "set policy prefix-list VIPS rule 20 prefix 172.16.7.192/26\n"
        "set policy prefix-list VIPS rule 20 le 32\n"
        "set policy prefix-list VIPS rule 3 action deny\n"
        "set policy prefix-list VIPS rule 3 prefix 0.0.0.0/0\n"
        "set policy route-map IN rule 10 action permit\n"
        "set policy route-map IN rule 10 match ip address prefix-list VIPS\n"
        "set policy route-map IN rule 10 set as-path-prepend '1 1'\n"
        "set policy route-map IN rule 10 set local-preference 200\n",
    ).text
    policy, _, rest = text.partition("router bgp 1\n")
    assert policy.endswith(
        "ip prefix-list VIPS seq 3 deny 0.0.0.0/0\n"
        "ip prefix-list VIPS seq 20 permit 172.16.7.192/26 le 32\n"
        "!\n"
        "route-map IN permit 10\n"
        " match ip address prefix-list VIPS\n"
        " set as-path prepend 1 1\n"
        " set local-preference 200\n"
        "exit\n"
        "!\n"
    )
    assert "  neighbor 10.0.0.1 route-map IN in\n" in rest


def test_a_disabled_next_hop_is_no_route() -> None:
    text = translated(
        "1.3",
        "set protocols static route 10.0.0.0/8 next-hop 192.0.2.1\n"
        "set protocols static route 10.0.0.0/8 next-hop 192.0.2.2 disable\n"
        "set protocols static interface-route 10.9.0.0/16 next-hop-interface eth1 distance 5\n"
        "set protocols static route6 2001:db8::/32 next-hop fe80::1 interface eth1\n",
    ).text
    assert "ip route 10.0.0.0/8 192.0.2.1\n! disabled: ip route 10.0.0.0/8 192.0.2.2\n" in text
    assert "ip route 10.9.0.0/16 eth1 5\n" in text
    assert "ipv6 route 2001:db8::/32 fe80::1 eth1\n" in text
