"""The loader and `netlab schema` against each other, over mutated topologies: two readings of one format.

Whatever the schema refuses, the loader refuses. Whatever a file says, the loader answers with a plan, or with problems
of which at least one has a place, in less than two seconds of CPU.
"""

import copy
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from netlab.kinds.schema import document
from netlab.model.errors import InputError
from netlab.plan import plan_file
from netlab.topology.problems import Problems
from netlab.topology.source import read
from netlab.topology.tree import located

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = Draft202012Validator(document())
CPU_SECONDS = 2.0

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def value_of(file: Path) -> Any:
    tree = read(file, Problems())
    return None if tree is None else located(tree).value


def key_names() -> list[str]:
    found: set[str] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("properties"), dict):
                found.update(part["properties"])
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(VALIDATOR.schema)
    return sorted(found)


LAYERED = {
    "name": "layered",
    "topology": {
        "defaults": {"kind": "linux", "ipv4": "auto", "env": {"A": 1}, "hash": {"seed": 5}, "exec": ["true"]},
        "kinds": {"frr": {"hash": {"policy": 1}, "bgp": {"asn": 1}}, "vyos": {"vyos-version": "1.1"}, "k8s-kind": None},
        "groups": {"g": {"kind": "frr", "sysctls": {"net.ipv4.ip_forward": 1}}, "h": {"cmd": "sleep 1"}},
        "nodes": {"a": {"group": "g"}, "b": {"kind": "frr", "bgp": {"asn": 2, "timers": {"keepalive": 3, "hold": 9}}}},
        "links": [{"endpoints": ["a", "b"], "ipv6": ["fd00::1/64", "fd00::2/64"], "mtu": 1500, "labels": {"x": [1]}}],
    },
}
CONTAINERLAB = {
    "name": "containerlab",
    "prefix": "clab",
    "mgmt": {"network": "x"},
    "topology": {
        "defaults": {"kind": "linux", "mgmt-ipv4": "10.0.0.1", "stages": {"create": {"wait-for": [{"node": "a"}]}}},
        "kinds": {"linux": {"group": "g", "cpu": 1.5, "memory": "1gb", "cap-add": ["NET_RAW"]}},
        "groups": {"g": {"ports": ["8080:80"], "healthcheck": {"test": ["x"]}, "entrypoint": "env", "user": 5}},
        "nodes": {
            "a": {"mgmt": True, "tmpfs": {"/x": "size=1m"}, "network-mode": "none", "restart-policy": "always"},
            "b": {"stages": {"configure": {"exec": [{"command": "ls", "phase": "on-exit"}]}}, "devices": ["/dev/fuse"]},
        },
        "links": [
            {"type": "veth", "endpoints": [{"node": "a", "interface": "x", "mac": "02:00:00:00:00:01"}, "b:y"]},
            {"type": "dummy", "endpoint": {"node": "b", "interface": "d", "ipv4": "10.1.0.1/24"}, "vars": {"x": [1]}},
        ],
    },
}
SHIPPED = sorted([*(ROOT / "topologies").glob("*.yaml"), *(ROOT / "topologies").glob("*/*.clab.yml")])
SEEDS = [*(value_of(file) for file in SHIPPED), LAYERED, CONTAINERLAB]

# fmt: off
WORDS = st.sampled_from([
    *key_names(), "linux", "frr", "vyos", "k8s", "k8s-kind", "bridge", "auto", "none", "default", "k8s-net", "rt-1",
    "10.0.0.1", "10.0.0.1/24", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.0.0/0008", "::/0", "fe80::1%x y", "fd00::1/64",
    "fd00::1%x/64", "1.1", "ecmp", "up", "", " ", "x" * 70, "-", "a:b:c", ".:/x", "..:/x", ".:/..", "x.yaml:/a:ro",
    "article.commands", "vyos-1.1.commands", "..", "/etc/passwd", "a'b", "a\\", "{{ 7 }}", "$(id)",
    "localhost", "rt-1:eth9", "rt-1:lo", "h:", ":", "net.ipv4.ip_forward", "kernel.panic", "A", "1A", "\u202e", "\x1b",
    "${A", "${A:=x}", "$$", "02:00:00:00:00:02", "host", "dummy", "1g", "clab", "container:a", "512mb",
    "\ud800", "\n", "é", "\uff11\uff10.0.0.1", "0x10", "1_000", "22:22", "on", "1e3", "\u2028",
])
# fmt: on
SCALARS = st.one_of(
    WORDS, st.integers(-2, 300), st.integers(), st.booleans(), st.none(), st.floats(), st.text(max_size=4)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        found += paths(inner, (*path, key))
    return found


@st.composite
def topologies(draw: st.DrawFn) -> Any:
    """A shipped topology with one to three parts deleted, replaced, renamed, added or written twice."""
    value = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths(value)))
        if not path:
            continue
        *above, key = path
        holder = value
        for step in above:
            holder = holder[step]
        kind = draw(st.sampled_from(("delete", "replace", "rename", "add", "twice")))
        if kind == "delete":
            del holder[key]
        elif kind == "replace":
            holder[key] = draw(VALUES)
        elif kind == "twice" and isinstance(holder, list):
            holder.append(holder[key])
        elif isinstance(holder, list):
            holder.append(draw(VALUES))
        elif kind == "add":
            holder[draw(WORDS)] = draw(VALUES)
        else:
            holder[draw(WORDS)] = holder.pop(key) if kind == "rename" else copy.deepcopy(holder[key])
    return value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("differential")
    for shipped in (ROOT / "topologies", ROOT / "topologies" / "containerlab"):
        shutil.copytree(shipped, made, dirs_exist_ok=True)
    return made


def answer(file: Path) -> InputError | None:
    """What the loader and the planner say, within their time."""
    started = time.process_time()
    try:
        plan_file(file)
    except InputError as error:
        assert any(problem.position for problem in error.problems)
        for line in error.lines():
            assert line.isprintable(), line
        return error
    finally:
        assert time.process_time() - started < CPU_SECONDS
    return None


@FUZZ
@given(topologies())
def test_whatever_the_schema_refuses_the_loader_refuses(folder: Path, lab: Any) -> None:
    file = folder / "lab.yaml"
    file.write_text(json.dumps(lab))
    refused = answer(file)
    if refused is None:
        # The loader's own reading: what JSON calls NaN is text in YAML.
        wrong = [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(value_of(file))]
        assert wrong == []


@FUZZ
@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=40))
def test_any_tree(folder: Path, tree: Any) -> None:
    file = folder / "any.yaml"
    file.write_text(json.dumps(tree))
    assert answer(file) is not None or VALIDATOR.is_valid(value_of(file))


@FUZZ
@given(st.sampled_from(SHIPPED), st.data())
def test_shipped_files_with_changed_bytes(folder: Path, shipped: Path, data: st.DataObject) -> None:
    content = shipped.read_bytes()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content)))
        until = data.draw(st.integers(place, min(place + 20, len(content))))
        content = content[:place] + data.draw(st.binary(max_size=4) | WORDS.map(_bytes)) + content[until:]
    file = folder / "bytes.yaml"
    file.write_bytes(content)
    if answer(file) is None:
        assert VALIDATOR.is_valid(value_of(file))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
