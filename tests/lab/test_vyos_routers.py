"""How many next hops each VyOS version's own defaults and settings give, in the kernel, with FRR in its place.

The reference for 1.1 is its own Quagga 0.99.20.1: one path from eBGP unless maximum-paths says more, `maximum-paths
ibgp` means nothing to eBGP, and paths with different AS paths never share.
"""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from netlab_program import Netlab, Topology
from vyos_samples import VERSIONS, companions, configuration, lists_of_statements, samples

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import parse_config
from netlab.kinds.vyos.translate import translate
from netlab.model.errors import TopologyError

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs]

SAME_AS, OTHER_AS = "203.0.113.1/32", "203.0.113.2/32"
SPEAKERS = {
    **{f"same-{n}": (64522, SAME_AS, f"10.0.0.1{n}") for n in (1, 2, 3)},
    **{f"other-{n}": (64530 + n, OTHER_AS, f"10.0.0.2{n}") for n in (1, 2, 3)},
}

# name: (version, statements after those that name the neighbors, next hops of SAME_AS, of OTHER_AS)
ROUTERS = {
    "v11-none": ("1.1", (), 1, 1),
    "v11-ibgp-2": ("1.1", ("maximum-paths ibgp 2",), 1, 1),
    "v11-ebgp-3": ("1.1", ("maximum-paths ebgp 3",), 3, 1),
    "v12-none": ("1.2", (), 3, 1),
    "v12-relax": ("1.2", ("parameters bestpath as-path multipath-relax",), 3, 3),
    "v12-ebgp-2": ("1.2", ("maximum-paths ebgp 2",), 2, 1),
    "v13-ebgp-2": ("1.3", ("address-family ipv4-unicast maximum-paths ebgp 2",), 2, 1),
    "v14-none": ("1.4", (), 3, 1),
    "v14-relax": ("1.4", ("parameters bestpath as-path multipath-relax",), 3, 3),
    "v15-ebgp-1": ("1.5", ("address-family ipv4-unicast maximum-paths ebgp 1",), 1, 1),
}


def speaker(asn: int, prefix: str) -> str:
    return (
        f"ip route {prefix} blackhole\n"
        f"router bgp {asn}\n"
        " no bgp ebgp-requires-policy\n"
        " coalesce-time 0\n"
        " neighbor R peer-group\n"
        " neighbor R remote-as external\n"
        " bgp listen range 10.0.0.0/24 peer-group R\n"
        " address-family ipv4 unicast\n"
        f"  network {prefix}\n"
        " exit-address-family\n"
        "exit\n"
    )


def router(version: str, statements: tuple[str, ...]) -> str:
    """The commands of a router that is every speaker's neighbor."""
    bgp = "protocols bgp" if version >= "1.4" else "protocols bgp 64512"
    lines = [f"{bgp} system-as 64512"] if version >= "1.4" else []
    for asn, _, address in SPEAKERS.values():
        lines.append(f"{bgp} neighbor {address} remote-as {asn}")
        if version >= "1.4":
            lines.append(f"{bgp} neighbor {address} address-family ipv4-unicast")
    lines += [f"{bgp} {statement}" for statement in statements]
    return "\n".join(f"set {line}" for line in lines)


@pytest.fixture(scope="module")
def lab(shared_netlab: Netlab, tmp_path_factory: pytest.TempPathFactory) -> Netlab:
    """Every router on one LAN with three speakers of one AS and three of an AS each."""
    folder = tmp_path_factory.mktemp("vyos")
    nodes, links = ["lan: {kind: bridge}"], []
    for name, (asn, prefix, address) in SPEAKERS.items():
        (folder / f"{name}.conf").write_text(speaker(asn, prefix))
        nodes.append(f"{name}: {{kind: frr, startup-config: {name}.conf}}")
        links.append(f'{{endpoints: ["{name}:eth1", "lan"], ipv4: [{address}/24]}}')
    for number, (name, (version, statements, _, _)) in enumerate(ROUTERS.items(), 101):
        (folder / f"{name}.commands").write_text(router(version, statements))
        nodes.append(f'{name}: {{kind: vyos, vyos-version: "{version}", startup-config: {name}.commands}}')
        links.append(f'{{endpoints: ["{name}:eth1", "lan"], ipv4: [10.0.0.{number}/24]}}')
    text = ["name: vyos", "topology:", "  nodes:", *(f"    {node}" for node in nodes), "  links:"]
    (folder / "vyos.yaml").write_text("\n".join([*text, *(f"    - {link}" for link in links), ""]))
    done = shared_netlab("deploy", folder / "vyos.yaml")
    assert done.returncode == 0, done
    return shared_netlab


@pytest.mark.parametrize("name", ROUTERS)
def test_next_hops_in_the_kernel(lab: Netlab, name: str) -> None:
    _, _, same, other = ROUTERS[name]
    found = []
    for prefix in (SAME_AS, OTHER_AS):
        done = lab("exec", name, "--", "ip", "-json", "route", "show", prefix)
        assert done.returncode == 0, done
        (route,) = json.loads(done.stdout)
        found.append(len(route.get("nexthops", [route])))
    assert found == [same, other]


def test_every_screen_says_what_really_runs(lab: Netlab) -> None:
    shown = lab("inspect", "--lab", "vyos").stdout
    assert "VyOS 1.1 configuration, Quagga's defaults, run by FRR" in " ".join(shown.split())
    assert "VyOS 1.5 configuration, run by FRR" in " ".join(shown.split())


@pytest.mark.front_end
def test_the_sources_of_a_deployed_lab_are_shown_although_its_files_are_gone(lab: Netlab) -> None:
    done = lab("config", "v11-ibgp-2", "--with-source", "--lab", "vyos")
    assert done.returncode == 0, done
    assert (
        "v11-ibgp-2.commands:7: set protocols bgp 64512 maximum-paths ibgp 2\n  maximum-paths ibgp 2\n" in done.stdout
    )
    assert "  ! default of VyOS 1.1 (Quagga): one path from eBGP\n  maximum-paths 1\n" in done.stdout


def all_at_once(version: str) -> str:
    """A configuration with every statement of a version that goes with those before it."""

    def goes(lines: list[list[str]]) -> bool:
        try:
            translate(parse_config(SourceText("c", configuration(version, lines)), version), version, "rt")
        except TopologyError:
            return False
        return True

    def with_more(lines: list[list[str]], more: list[list[str]]) -> list[list[str]]:
        """With all that goes of these statements. Most do, so they are tried together before one by one."""
        together = [*lines, *(line for words in more for line in (words, *companions(words)))]
        if goes(together):
            return together
        if len(more) == 1:
            return lines
        half = len(more) // 2
        return with_more(with_more(lines, more[:half]), more[half:])

    # Addresses are the lab's, and neighbors cannot be in the router's own AS and in another.
    lines = with_more(
        [],
        [
            words
            for _, words in samples(version)
            if not (words[:2] == ["interfaces", "ethernet"] and "address" in words)
            and "route-reflector-client" not in words
        ],
    )
    assert len(lines) > 280
    return configuration(version, lines)


def test_frrs_daemons_take_all_that_a_version_knows(netlab: Netlab, topology: Topology) -> None:
    nodes = [f"v{version.replace('.', '')}" for version in VERSIONS]
    text = ["name: all-at-once", "topology:", "  nodes:", "    one: {kind: bridge}", "    two: {kind: bridge}"]
    for node, version in zip(nodes, VERSIONS, strict=True):
        text.append(f'    {node}: {{kind: vyos, vyos-version: "{version}", startup-config: {node}.commands}}')
    text.append("  links:")
    for number, node in enumerate(nodes, 1):
        for bridge, net in (("one", 1), ("two", 2)):
            text.append(f'    - {{endpoints: ["{node}:eth{net}", "{bridge}"], ipv4: [198.51.10{net}.{number}/24]}}')
    configurations = {f"{n}.commands": all_at_once(v) for n, v in zip(nodes, VERSIONS, strict=True)}
    # The address of lo is in every configuration: a lab has an address once, but for lo.
    done = netlab("deploy", "--no-wait", topology("\n".join(text) + "\n", configurations))
    assert done.returncode == 0, done.stderr
    done = netlab("exec", "v15", "--", "ip", "-json", "address", "show", "dev", "lo")
    (lo,) = json.loads(done.stdout)
    assert "192.0.2.1" in [address["local"] for address in lo["addr_info"]]


def test_what_a_daemon_refuses_has_its_place_in_the_users_file(netlab: Netlab, topology: Topology) -> None:
    commands = (
        "set protocols bgp 64512 peer-group both description 'one of another AS, one of this'",
        "set protocols bgp 64512 neighbor 10.0.0.1 remote-as 64522",
        "set protocols bgp 64512 neighbor 10.0.0.2 remote-as 64512",
        "set protocols bgp 64512 neighbor 10.0.0.1 peer-group both",
        "set protocols bgp 64512 neighbor 10.0.0.2 peer-group both",
    )
    text = 'name: refused\ntopology: {nodes: {rt: {kind: vyos, vyos-version: "1.3", startup-config: rt.commands}}}\n'
    done = netlab("deploy", "--no-wait", topology(text, {"rt.commands": "\n".join(commands)}))
    assert done.returncode == 2, done
    assert "rt.commands:5:54: bgpd refuses: neighbor 10.0.0.2 peer-group both" in done.stderr


def accepted(text: str, folder: Path) -> str:
    """What vtysh says against a configuration; nothing where every line is one of FRR's."""
    file = folder / "frr.conf"
    file.write_text(text)
    done = subprocess.run(["vtysh", "-C", "-f", file], capture_output=True, text=True, check=False, timeout=60)
    refused = [
        line for line in done.stdout.splitlines() + done.stderr.splitlines() if not line.startswith("% Can't open")
    ]
    assert done.returncode == 0 or refused, done
    return "\n".join(refused)


@pytest.mark.netns
@pytest.mark.parametrize("version", VERSIONS)
def test_frr_knows_every_line_that_a_statement_becomes(version: str, tmp_path: Path) -> None:
    texts = []
    for _, words in samples(version):
        config = parse_config(SourceText("c", configuration(version, [words, *companions(words)])), version)
        texts.append(translate(config, version, "rt").text)
    assert len(texts) > 300
    assert accepted("".join(texts), tmp_path) == ""


@pytest.mark.netns
@pytest.mark.parametrize("version", VERSIONS)
def test_frr_knows_every_line_of_any_configuration(version: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("frr")

    @settings(max_examples=40, deadline=None)
    @given(lists_of_statements(version))
    def check(lines: list[list[str]]) -> None:
        try:
            made = translate(parse_config(SourceText("c", configuration(version, lines)), version), version, "rt")
        except TopologyError:
            return
        assert accepted(made.text, folder) == ""

    check()
