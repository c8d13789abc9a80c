"""Whatever the text, the answer is a configuration for FRR or a TopologyError that has a place, and it comes soon."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vyos_samples import VALUES, VERSIONS

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import parse_config, version_in
from netlab.kinds.vyos.grammar import GrammarNode, grammar, statements
from netlab.kinds.vyos.translate import Translation, translate
from netlab.model.errors import TopologyError
from netlab.topology.problems import MOST

SECONDS = 2


def vocabulary(node: GrammarNode) -> set[str]:
    children = [*node.words.values(), *([node.value] if node.value else [])]
    return set(node.words) | {word for child in children for word in vocabulary(child)}


ODD = (
    *("set", "commit", "#", "'", '"', "{", "}", "/*", "*/", "//", "eth1", "64512", "0", "4294967295", "10.0.0.1"),
    *("::1/64", "0.0.0.0/0", "10.0.0.0/255.0.0.0", "'a b'", "-1", "\u0661", "1_0", "a" * 300, "fe80::1%eth0", "\\"),
)
HOSTILE = (
    *("a\nexit", "a\rno router bgp 1", "a\x00b", "a\x1b[2Jb", "x\u2028no router bgp 1", "!", "! exit", "#", "a'b\"c"),
    *("$(reboot)", "`id`", "| cat", "\\n exit", "{{ 7 }}", "%s", "\u202e", "\ud7ff", "exit", "end"),
)
WORDS = (*sorted({word for version in VERSIONS for word in vocabulary(grammar(version))}), *ODD)
VALUE = st.sampled_from([*WORDS, *(value for values in VALUES.values() for value in values), *HOSTILE]) | st.text(
    max_size=9
)
LINES = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
TEXT = st.lists(LINES | LINES.map("set ".__add__) | st.text(max_size=40), max_size=8).map("\n".join)


def answer(text: str, version: str) -> Translation | None:
    """The translation, or None where the text is refused; both within the time."""
    started = time.process_time()
    made = None
    with suppress(TopologyError):
        try:
            made = translate(parse_config(SourceText("c", text), version), version, "rt")
        except TopologyError as error:
            assert all(problem.position is not None for problem in error.problems[:MOST])
            assert all("\n" not in line for line in error.lines())
            raise
    assert time.process_time() - started < SECONDS
    return made


def is_frr(made: Translation) -> None:
    """Every line is one line, and none holds what a daemon could take for another."""
    assert made.text.isascii()
    assert made.text.split("\n") == [*(line.text for line in made.lines), ""]
    assert all(line.text.isprintable() and line.text == line.text.rstrip() for line in made.lines)


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=150, deadline=None)
@given(text=TEXT)
def test_any_text(version: str, text: str) -> None:
    version_in(SourceText("c", text))
    made = answer(text, version)
    if made is not None:
        is_frr(made)


@st.composite
def any_statement(draw: st.DrawFn, version: str) -> str:
    """A statement that the grammar knows, with values that may or may not fit."""
    words = draw(st.sampled_from(statements(version)))
    return " ".join(["set", *(draw(VALUE) if word.endswith(">") else word for word in words)])


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_list_of_statements(version: str, data: st.DataObject) -> None:
    made = answer("\n".join(data.draw(st.lists(any_statement(version), max_size=8))), version)
    if made is not None:
        is_frr(made)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "statement",
    [
        "interfaces ethernet eth1 description {}",
        "policy route-map M rule 1 description {}",
        "protocols bgp neighbor 10.0.0.1 description {}",
        "protocols bgp neighbor 10.0.0.1 password {}",
        "policy community-list 100 rule 1 regex {}",
        "system host-name {}",
    ],
)
def test_a_hostile_text_stays_in_its_line_or_is_refused(statement: str, text: str) -> None:
    base = (
        "set protocols bgp system-as 1\nset protocols bgp neighbor 10.0.0.1 remote-as 2\n"
        "set policy route-map M rule 1 action permit\nset policy community-list 100 rule 1 action permit\n"
        "set policy community-list 100 rule 1 regex 1:1\nset interfaces ethernet eth1 description plain\n"
        "set policy route-map M rule 1 description plain\nset protocols bgp neighbor 10.0.0.1 description plain\n"
        "set protocols bgp neighbor 10.0.0.1 password plain\nset system host-name plain\n"
    )
    quote = '"' if "'" in text else "'"
    plain = answer(base, "1.4")
    made = answer(f"{base}set {statement.format(quote + text + quote)}\n", "1.4")
    assert plain is not None
    if made is not None:
        is_frr(made)
        assert len(made.lines) == len(plain.lines)
        different = [(old.text, new.text) for old, new in zip(plain.lines, made.lines, strict=True) if old != new]
        assert len(different) <= 1
        for old, new in different:
            assert new.startswith(old.rpartition("plain")[0] if "plain" in old else old.rpartition(" ")[0])


@pytest.mark.parametrize(
    "text",
    [
        "a {\n" * 50_000,
        "set protocols " * 50_000,
        "set x\n" * 50_000,
        "system {\nlogin {\n" + "x {\n" * 50_000,
        "/*" * 100_000,
        '"' * 100_001,
        "{" * 100_000,
        "set interfaces ethernet eth1 description " + "a" * 500_000,
        "".join(f"set protocols static route 10.{n // 256}.{n % 256}.0/24 blackhole\n" for n in range(4_000)),
        "".join(f"set policy route-map M rule {n} call N{n}\n" for n in range(1, 5_000)),
    ],
    ids=range(10),
)
def test_large_texts_take_no_longer(text: str) -> None:
    answer(text, "1.4")
