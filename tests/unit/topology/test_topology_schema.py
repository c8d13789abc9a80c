"""`netlab schema` and the loader agree: on what is shipped, on what is broken, and on what an editor should offer."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from netlab import kinds
from netlab.kinds.schema import document
from netlab.topology.problems import Problems
from netlab.topology.source import read
from netlab.topology.tree import located

ROOT = Path(__file__).resolve().parents[3]
TOPOLOGIES = sorted([*(ROOT / "topologies").glob("*.yaml"), *(ROOT / "topologies").glob("*/*.clab.yml")])
SCHEMA = document()
VALIDATOR = Draft202012Validator(SCHEMA)


def value(file: Path) -> Any:
    tree = read(file, Problems())
    assert tree is not None
    return located(tree).value


def lab(**topology: Any) -> dict[str, Any]:
    """A small lab with some sections replaced."""
    nodes = {"r1": {"kind": "frr"}, "h1": {"kind": "linux"}}
    return {"name": "lab", "topology": {"nodes": nodes, **topology}}


def node(**keys: Any) -> dict[str, Any]:
    return lab(nodes={"n1": keys})


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", TOPOLOGIES, ids=lambda file: file.stem)
def test_a_shipped_topology_names_the_schema_and_keeps_to_it(file: Path) -> None:
    path = "" if file.parent == ROOT / "topologies" else "../"
    assert file.read_text().startswith(f"# yaml-language-server: $schema={path}topology.schema.json\n")
    assert list(VALIDATOR.iter_errors(value(file))) == []


@pytest.mark.parametrize(
    "good",
    [
        lab(),
        lab(defaults=None, kinds=None, groups=None, links=None),
        lab(defaults={"kind": "linux", "ipv4": "auto"}, nodes={"a": None, "b": {"cmd": "sleep 1"}}),
        lab(kinds={"vyos": {"vyos-version": "1.1"}}, nodes={"v": {"kind": "vyos", "startup-config": "v.commands"}}),
        lab(groups={"g": {"kind": "frr", "bgp": {"asn": 1}}}, nodes={"a": {"group": "g"}}),
        node(kind="linux", env={"A": 1, "B": None, "C": True, "D": 1.5}, sysctls={"net.ipv4.ip_forward": 1}),
        node(kind="linux", image=None, exec=None, routes=None),
        node(kind="frr", routes=[{"to": "default", "via": "10.0.0.1"}, {"to": "fd00::/8", "via": "fe80::1"}]),
        node(kind="frr", bgp={"asn": 1, "maximum-paths": {"ebgp": 2}, "neighbors": [{"address": "::1", "asn": 1}]}),
        node(kind="k8s-kind", workers=2, **{"pod-subnet": "10.0.0.0/255.0.0.0"}),
        lab(links=[{"endpoints": ["r1:eth1", "h1"], "ipv4": ["10.0.0.1/24", None], "mtu": 9000, "labels": {"x": []}}]),
    ],
)
def test_what_the_loader_takes_is_taken(good: dict[str, Any]) -> None:
    assert list(VALIDATOR.iter_errors(good)) == []


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({"topology": {"nodes": {}}}, ""),
        ({**lab(), "run": 1}, ""),
        ({**lab(), "name": "my lab"}, "name"),
        ({**lab(), "prefix": "-x"}, "prefix"),
        ({**lab(), "runtime": "podman"}, "runtime"),
        (lab(nodes={}), "topology/nodes"),
        (lab(nodes={"a b": {"kind": "linux"}}), "topology/nodes"),
        (lab(node={}), "topology"),
        (lab(kinds={"frrr": {}}), "topology/kinds"),
        (lab(kinds={"frr": {"kind": "frr"}}), "topology/kinds/frr"),
        (lab(kinds={"frr": {"workers": 3}}), "topology/kinds/frr"),
        (lab(groups={"g": {"group": "h"}}), "topology/groups/g"),
        (lab(groups={"g": {"colour": "red"}}), "topology/groups/g"),
        (lab(defaults={"ipv4": "none"}), "topology/defaults/ipv4"),
        (node(kind="frrr"), "topology/nodes/n1/kind"),
        (node(kind="frr", workers=1), "topology/nodes/n1"),
        (node(kind="linux", bgp={"asn": 1}), "topology/nodes/n1"),
        (node(kind="linux", **{"startup-config": "x"}), "topology/nodes/n1/startup-config"),
        (node(kind="frr", bgp={"asn": 1}, **{"startup-config": "x"}), "topology/nodes/n1"),
        (node(kind="frr", bgp={"asn": 0}), "topology/nodes/n1/bgp"),
        (node(kind="frr", bgp={"asn": 1, "networks": ["10.0.0/8"]}), "topology/nodes/n1/bgp"),
        (node(kind="frr", bgp={"asn": 1, "neighbors": [{"asn": 1}]}), "topology/nodes/n1/bgp"),
        (node(kind="frr", bgp={"asn": 1, "timers": {"hold": 9}}), "topology/nodes/n1/bgp"),
        (node(kind="vyos", **{"vyos-version": 1.1}), "topology/nodes/n1/vyos-version"),
        (node(kind="linux", sysctls={"kernel.panic": 1}), "topology/nodes/n1/sysctls"),
        (node(kind="linux", env={"A-B": 1}), "topology/nodes/n1/env"),
        (node(kind="linux", binds=["x"]), "topology/nodes/n1/binds"),
        (node(kind="linux", expect="maybe"), "topology/nodes/n1/expect"),
        (lab(links=[{"endpoints": ["r1"]}]), "topology/links/0/endpoints"),
        (lab(links=[{"endpoints": ["r1:a/b", "h1"]}]), "topology/links/0/endpoints/0"),
        (lab(links=[{"endpoints": ["r1", "h1"], "mtu": 67}]), "topology/links/0/mtu"),
        (lab(links=[{"endpoints": ["r1", "h1"], "ipv4": ["10.0.0.1"]}]), "topology/links/0/ipv4"),
        (lab(links=[{"endpoints": ["r1", "h1"], "ipv4": [None, None, None]}]), "topology/links/0/ipv4"),
    ],
)
def test_what_is_wrong_is_marked_at_its_place(bad: dict[str, Any], path: str) -> None:
    places = {"/".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(bad)}
    assert path in places


def keys(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that the schema offers."""
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items() if isinstance(schema.get("properties"), dict) else ():
            yield f"{path}/{name}", part
        for name, part in schema.items():
            if name not in {"if", "not", "oneOf", "enum"} and not (name == "anyOf" and "properties" in str(part)):
                yield from keys(part, f"{path}/{name}")
    elif isinstance(schema, list):
        for part in schema:
            yield from keys(part, path)


def test_an_editor_has_a_description_for_every_key() -> None:
    offered = dict(keys(SCHEMA))
    assert len(offered) > 80
    for path, part in offered.items():
        assert part is False or part == {"type": "null"} or part.get("description"), path


def test_the_kind_decides_which_keys_are_offered() -> None:
    definitions = SCHEMA["$defs"]
    assert set(definitions["kind-frr"]["properties"]) == {"bgp", "hash", "forwarding", "serve"}
    assert {"workers", "metallb", "services"} <= set(definitions["kind-k8s"]["properties"])
    conditions = {
        tuple(rule["if"]["properties"]["kind"].get("enum", ())): rule["then"]["$ref"]
        for rule in definitions["node"]["allOf"][1:]
    }
    assert conditions["frr",] == "#/$defs/kind-frr"
    assert conditions["k8s", "k8s-kind"] == "#/$defs/kind-k8s"
    assert conditions[()] == "#/$defs/any-kind"


@pytest.fixture
def another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    points = (
        EntryPoint("switch", "netlab.kinds.linux:KIND", kinds.KINDS.group),
        EntryPoint("opaque", f"{__name__}:OPAQUE", kinds.KINDS.group),
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == kinds.KINDS.group else ())
    monkeypatch.setattr(kinds.KINDS, "_others", None)
    monkeypatch.setattr(kinds.KINDS, "_loaded", {})


OPAQUE = kinds.base.Kind(lambda *_: None, lambda *_: None, lambda *_: None)  # type: ignore[arg-type, return-value]


@pytest.mark.usefixtures("another_package")
def test_another_packages_kind_is_part_of_the_schema() -> None:
    validator = Draft202012Validator(document())
    assert validator.is_valid(node(kind="switch", cmd="sleep 1"))
    assert not validator.is_valid(node(kind="switch", bgp={"asn": 1}))
    assert validator.is_valid(node(kind="opaque", anything=[1, 2]))
    assert not validator.is_valid(node(kind="opaque", expect="maybe"))
