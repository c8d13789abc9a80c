"""Whatever stands in a file, nothing but an InputError comes out, and every message is one line."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlab.model.errors import InputError
from netlab.topology import load

KINDS = ("linux", "bridge", "frr", "vyos", "k8s")
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# fmt: off
words = st.sampled_from([
    "name", "runtime", "topology", "defaults", "kinds", "groups", "nodes", "links", "kind", "image", "group", "exec",
    "startup-config", "binds", "env", "sysctls", "labels", "routes", "expect", "endpoints", "mtu", "ipv4", "ipv6",
    "linux", "frr", "a", "b", "a:eth1", "b:eth1", "10.0.0.1/24", "fd00::1/64", "auto", "none", "to", "via", "<<",
    "default", "../..", ".", ":", "::", "net.ipv4.ip_forward", "lab.yaml:/x", "'", "\\", "\n", "\ud800", "\0",
])
pieces = st.sampled_from([
    "a: ", "- ", "\n", "  ", "[", "]", "{", "}", ", ", ": ", "? ", "&a ", "*a", "<<: ", "!!str ", "!x ", "|\n", ">-",
    "'", '"', "\\", "#", "%YAML 1.1", "---\n", "...\n", "\t", "@", "`", "name", "topology:", "1", "~", "é",
])
# fmt: on
scalars = st.one_of(words, st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.floats(width=32))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=25,
)
node = st.dictionaries(words, values, max_size=4)
labs = st.fixed_dictionaries(
    {
        "name": values,
        "topology": st.fixed_dictionaries(
            {"nodes": st.dictionaries(words, node, max_size=3), "links": st.lists(node, max_size=3)},
            optional={section: st.dictionaries(words, node, max_size=2) for section in ("defaults", "kinds", "groups")},
        ),
    }
)
yaml_like = st.lists(pieces, max_size=40).map("".join)


def load_bytes(folder: Path, content: bytes) -> None:
    file = folder / "lab.yaml"
    file.write_bytes(content)
    try:
        load(file, KINDS)
    except InputError as error:
        assert error.problems
        for line in error.lines():
            assert len(line.splitlines()) == 1
            assert line.isprintable()


@FUZZ
@given(content=st.binary(max_size=60))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    load_bytes(tmp_path, content)


@FUZZ
@given(text=yaml_like)
def test_any_pieces_of_yaml(tmp_path: Path, text: str) -> None:
    load_bytes(tmp_path, text.encode())


@FUZZ
@given(lab=st.one_of(labs, values))
def test_any_value(tmp_path: Path, lab: object) -> None:
    # JSON is YAML, but for what json writes as NaN and Infinity, which YAML reads as text.
    load_bytes(tmp_path, json.dumps(lab).encode())


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "'", "&a ", "*"])
def test_a_long_row_of_one_sign_ends_soon(tmp_path: Path, opening: str) -> None:
    load_bytes(tmp_path, (opening * 20_000).encode())
