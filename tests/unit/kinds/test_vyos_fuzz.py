"""Whatever the text, the parser answers with a configuration or with an InputError that has a place."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import parse_commands
from netlab.kinds.vyos.grammar import GrammarNode, grammar
from netlab.kinds.vyos.translate import translate
from netlab.model.errors import InputError


def vocabulary(node: GrammarNode) -> set[str]:
    children = [*node.words.values(), *([node.value] if node.value else [])]
    return set(node.words) | {word for child in children for word in vocabulary(child)}


VALUES = (
    *("set", "commit", "#", "'", '"', "eth1", "64512", "0", "4294967295", "10.0.0.1", "10.0.0.0/24", "10.0.0.1/24"),
    *("::1/64", "0.0.0.0/0", "10.0.0.0/255.0.0.0", "'a b'", "-1", "\u0661", "1_0", "a" * 200),
)
WORDS = (*sorted(vocabulary(grammar("1.1"))), *VALUES)
LINES = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join).map(lambda line: f"set {line}")
TEXT = st.lists(LINES | st.text(max_size=40), max_size=6).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_any_text(text: str) -> None:
    with suppress(InputError):
        config = translate(parse_commands(SourceText("c", text), "1.1"), "rt").text
        assert config.isascii()
        assert all(line == line.rstrip() for line in config.splitlines())


def statements(node: GrammarNode) -> st.SearchStrategy[list[str]]:
    """Statements that the grammar knows, with values that may or may not fit."""
    ends: list[st.SearchStrategy[list[str]]] = [st.just([])] if node.complete else []
    for word, child in node.words.items():
        ends.append(statements(child).map(lambda rest, word=word: [word, *rest]))  # type: ignore[misc]
    if node.value is not None:
        ends.append(st.tuples(st.sampled_from(WORDS), statements(node.value)).map(lambda pair: [pair[0], *pair[1]]))
    return st.one_of(ends)


@settings(max_examples=200, deadline=None)
@given(st.lists(statements(grammar("1.1")).map(lambda words: " ".join(["set", *words])), max_size=8))
def test_any_list_of_statements(lines: list[str]) -> None:
    try:
        translate(parse_commands(SourceText("c", "\n".join(lines)), "1.1"), "rt")
    except InputError as error:
        assert all(problem.position is not None for problem in error.problems)
