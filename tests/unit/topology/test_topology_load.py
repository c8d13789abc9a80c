from ipaddress import IPv4Interface, IPv6Interface
from pathlib import Path

import pytest

from netlab.model.errors import Position
from netlab.model.topology import Expect, Expectation, NodeSpec, Topology
from netlab.topology import load, parse

GOOD = Path(__file__).parent / "good"
KINDS = ("linux", "bridge", "frr", "vyos", "k8s")


@pytest.fixture
def design() -> Topology:
    return load(GOOD / "ecmp-vs-vyos.yaml", KINDS)


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> Topology:
    monkeypatch.chdir(GOOD)
    return load(Path("layers.yaml"), KINDS)


def r1(topology: Topology) -> NodeSpec:
    return topology.node("r1")


def test_the_designs_example_loads(design: Topology) -> None:
    assert (design.name, design.runtime.name) == ("ecmp-vs-vyos", "netns")
    assert [(node.name, node.kind) for node in design.nodes] == [
        ("rt-frr", "frr"),
        ("rt-vyos", "vyos"),
        ("host-1", "linux"),
        ("host-2", "linux"),
        ("k8s-net", "bridge"),
        ("k8s", "k8s"),
    ]
    assert design.node("rt-frr").expect == Expectation(Expect.ECMP, Expect.ECMP)
    assert design.node("rt-vyos").expect.of(4) is Expect.SINGLE_PATH
    assert design.node("rt-vyos").startup_config == GOOD / "vyos-1.1.commands"


def test_a_kinds_own_options_keep_their_places(design: Topology) -> None:
    options = design.node("k8s").options
    assert set(options.value) == {"workers", "addresses", "metallb", "services"}
    assert options.value["metallb"]["avoid-buggy-ips"] is True
    assert (options.at("addresses", "workers", 1).line, options.at("addresses", "workers", 1).column) == (12, 76)
    assert (options.key_at("metallb", "pool").line, options.key_at("metallb", "pool").column) == (13, 29)


def test_addresses_belong_to_their_ends(design: Topology) -> None:
    to_bridge, to_cluster, to_host = design.links
    assert to_bridge.ipv4 == (IPv4Interface("172.16.7.1/24"), None)
    assert [(end.node, end.interface) for end in to_cluster.endpoints] == [("k8s", None), ("k8s-net", None)]
    assert to_cluster.ipv4 == (None, None)
    assert not to_cluster.auto_ipv4
    assert to_host.ipv4 == (IPv4Interface("172.16.9.1/24"), IPv4Interface("172.16.9.11/24"))


def test_the_node_is_laid_over_its_group_kind_and_the_defaults(layers: Topology) -> None:
    env = dict(r1(layers).env)
    assert (env["A"], env["B"], env["C"], env["D"]) == ("defaults", "kind", "group", "node")
    assert r1(layers).exec == ("echo defaults", "echo kind", "echo group", "echo node")
    assert r1(layers).image == "from-kind"
    assert layers.node("h1").image == "from-defaults"
    assert layers.node("h1").exec == ("echo defaults",)


def test_values_of_env_are_taken_as_they_are_written(layers: Topology) -> None:
    env = dict(r1(layers).env)
    assert (env["DEBUG"], env["VERSION"], env["EMPTY"]) == ("true", "1.10", "")
    assert r1(layers).sysctls == (("net.ipv4.ip_forward", "1"),)
    assert r1(layers).labels == (("tier", "1"),)


def test_a_bind_replaces_an_earlier_layers_bind_to_the_same_target(layers: Topology) -> None:
    assert [(bind.source, bind.target, bind.read_only) for bind in r1(layers).binds] == [
        (GOOD / "configs", "/mnt/shared", False),
        (GOOD / "configs" / "r1.conf", "/mnt/own", False),
    ]


def test_a_merged_value_keeps_the_place_where_it_was_written(layers: Topology) -> None:
    assert r1(layers).options.at("colour") == Position("layers.yaml", 11, 13)
    assert r1(layers).binds[0].position == Position("layers.yaml", 10, 13)
    assert r1(layers).position == Position("layers.yaml", 24, 5)


def test_routes_and_startup_config(layers: Topology) -> None:
    routes = r1(layers).routes
    assert not isinstance(routes, str)
    assert [(route.to, route.via) for route in routes] == [("0.0.0.0/0", "10.0.0.1"), ("fd00::/8", "fe80::1")]
    assert layers.node("r2").routes == "auto"
    assert layers.node("h1").routes == "none"
    assert r1(layers).startup_config == GOOD / "configs" / "r1.conf"


def test_links_of_every_form(layers: Topology) -> None:
    by_default, silent, with_hole, to_itself, own_name = layers.links
    assert layers.runtime.name == "docker"
    assert by_default.auto_ipv4
    assert not silent.auto_ipv4
    assert with_hole.ipv4 == (None, IPv4Interface("10.3.0.2/31"))
    assert with_hole.ipv6 == (IPv6Interface("fe80::1/64"), IPv6Interface("fe80::1/64"))
    assert [end.interface for end in to_itself.endpoints] == ["eth4", "eth5"]
    assert to_itself.mtu == 9000
    assert [end.interface for end in own_name.endpoints] == ["s1-eth0", None]


def test_anchors_and_merge_keys() -> None:
    topology = load(GOOD / "anchors.yaml", KINDS)
    assert topology.node("h2").labels == (("owner", "lab"),)
    assert dict(topology.node("h3").labels) == {"owner": "lab", "tier": "007"}
    assert topology.node("h3").image == "debian"


def test_k8s_kind_is_the_kind_k8s(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("name: x\ntopology:\n  kinds: {k8s: {workers: 2}}\n  nodes:\n    c: {kind: k8s-kind}\n")
    node = load(file, KINDS).node("c")
    assert (node.kind, node.options.value) == ("k8s", {"workers": 2})


def test_a_partly_wrong_file_gives_what_could_be_understood(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(
        "name: x\ntopology:\n  nodes:\n"
        "    a: {kind: linux, image: 5, workers: x}\n    b: {kind: nix}\n    c: {kind: linux}\n"
        "  links:\n    - endpoints: [a:eth1, b:eth1]\n    - {endpoints: [a:eth2, c:eth1], mtu: 1}\n"
    )
    topology, problems = parse(file, KINDS)
    assert topology is not None
    assert [problem.position.line for problem in problems if problem.position] == [4, 5, 9]
    assert [node.name for node in topology.nodes] == ["a", "c"]
    assert topology.node("a").options.value == {"workers": "x"}
    assert [link.endpoints[1].node for link in topology.links] == ["c"]


def test_without_kind_names_any_kind_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text("name: x\ntopology: {nodes: {a: {kind: anything}}}\n")
    assert load(file).node("a").kind == "anything"


@pytest.mark.parametrize("key", ["startup-config: link.conf", "binds: ['link.conf:/x']", "binds: ['folder/etc:/x']"])
def test_a_symbolic_link_that_leaves_the_folder_is_refused(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "etc").write_text("")
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "link.conf").symlink_to(tmp_path / "secret" / "etc")
    (folder / "folder").symlink_to(tmp_path / "secret")
    (folder / "lab.yaml").write_text(f"name: x\ntopology:\n  nodes:\n    a:\n      kind: linux\n      {key}\n")
    _, problems = parse(folder / "lab.yaml", KINDS)
    assert [problem.message.split('" ')[1] for problem in problems] == ["leaves the topology's folder"]


def test_a_topology_in_a_folder_reached_by_a_link_may_name_its_files(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "r.conf").write_text("hostname r\n")
    (tmp_path / "real" / "lab.yaml").write_text(
        "name: x\ntopology: {nodes: {a: {kind: frr, startup-config: r.conf}}}\n"
    )
    (tmp_path / "alias").symlink_to(tmp_path / "real")
    node = load(tmp_path / "alias" / "lab.yaml", KINDS).node("a")
    assert node.startup_config == tmp_path / "real" / "r.conf"


def test_a_rootfs_may_lie_anywhere_and_comes_from_the_nearest_layer(tmp_path: Path) -> None:
    for name in ("topology", "of-all", "of-frr", "topology/own"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("of-frr")
    (tmp_path / "topology" / "lab.yaml").write_text(f"""
name: lab
topology:
  defaults: {{rootfs: {tmp_path / "of-all"}}}
  kinds: {{frr: {{rootfs: ../link}}}}
  nodes:
    r1: {{kind: frr}}
    r2: {{kind: frr, rootfs: own}}
    h1: {{kind: linux}}
""")
    loaded = load(tmp_path / "topology" / "lab.yaml", KINDS)
    found = {node.name: node.rootfs for node in loaded.nodes}
    top = tmp_path.resolve()
    assert found == {"r1": top / "of-frr", "r2": top / "topology" / "own", "h1": top / "of-all"}


def test_a_rootfs_that_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "lab.yaml").write_text("name: lab\ntopology: {nodes: {r1: {kind: frr, rootfs: root}}}\n")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "root")
    _, problems = parse(tmp_path / "lab.yaml", KINDS)
    assert [problem.message for problem in problems] == ['rootfs "root" cannot be read']
