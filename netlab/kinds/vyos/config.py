"""A VyOS configuration as a tree, read from the commands of a configuration session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.grammar import GrammarNode, grammar
from netlab.kinds.vyos.words import Word, split_line
from netlab.model.errors import Position, Problem
from netlab.topology.problems import Problems, nearest

SESSION_WORDS = frozenset({"config", "configure", "commit", "save", "exit"})
"""Commands of a session that change nothing in the configuration."""


@dataclass
class ConfigNode:
    """A word of the configuration, its typed value and what stands below it."""

    value: Any
    position: Position
    children: dict[str, ConfigNode] = field(default_factory=dict)

    def find(self, *path: str) -> ConfigNode | None:
        """The node at `path` below this one."""
        node: ConfigNode | None = self
        for word in path:
            node = node.children.get(word) if node else None
        return node

    def leaf(self, *path: str) -> ConfigNode | None:
        """The single value below `path`."""
        node = self.find(*path)
        return next(iter(node.children.values()), None) if node else None

    def below(self, *path: str) -> Iterator[ConfigNode]:
        """Every value below `path`, in the order in which it was first set."""
        node = self.find(*path)
        yield from node.children.values() if node else ()


def parse_commands(source: SourceText, version: str) -> ConfigNode:
    """The configuration that the `set` commands of a session make.

    In a list of `set` commands the later of two values of a single-valued node holds.
    Raises TopologyError with the place of every statement that is not understood.
    """
    root = ConfigNode(None, Position(source.file, 1, 1))
    problems = Problems()
    for number, line in enumerate(source.text.split("\n"), 1):
        with problems.gather():
            words = split_line(line, source.file, number)
            if not words:
                continue
            end = Position(source.file, number, len(line.rstrip()) + 1)
            _command(root, words, end, version, problems)
    problems.raise_any()
    return root


def _command(root: ConfigNode, words: tuple[Word, ...], end: Position, version: str, problems: Problems) -> None:
    first = words[0]
    if first.text == "set":
        problem = _set(root, grammar(version), words[1:], end)
        if problem is not None:
            problems.extend([problem])
    elif first.text not in SESSION_WORDS:
        near = nearest(first.text, {"set", *SESSION_WORDS})
        hint = f'did you mean "{near}"?' if near else "a configuration is a list of set commands"
        problems.add(f'unknown command "{first.text}"', first.position, hint)
    elif len(words) > 1:
        problems.add(f'"{words[1].text}" after {first.text}', words[1].position, f"{first.text} stands alone here")


def _set(root: ConfigNode, rules: GrammarNode, words: tuple[Word, ...], end: Position) -> Problem | None:
    """Add a statement to the tree, or say what is wrong with it. A wrong statement leaves the tree as it was."""
    path: list[tuple[str, Any, Position, bool]] = []
    for word in words:
        replaces = False
        value: Any = word.text
        if word.text in rules.words:
            rules = rules.words[word.text]
        elif rules.value is not None and rules.take is not None:
            try:
                value = rules.take(word.text)
            except ValueError as error:
                return Problem(f'"{word.text}" {error}', word.position)
            replaces, rules = rules.replaces, rules.value
        else:
            return _unknown(word, rules, [text for text, *_ in path])
        path.append((str(value), value, word.position, replaces))
    if not rules.complete:
        so_far = " ".join(["set", *(word.text for word in words)])
        return Problem(f'"{so_far}" is incomplete', end, f"expected: {', '.join(rules.expected())}")
    node = root
    for text, value, position, replaces in path:
        if replaces:
            node.children.clear()
        node = node.children.setdefault(text, ConfigNode(value, position))
    return None


def _unknown(word: Word, rules: GrammarNode, before: list[str]) -> Problem:
    after = f" after {' '.join(before)}" if before else ""
    if not rules.words:
        hint = "put a text of several words in quotes" if before and before[-2:-1] == ["description"] else None
        return Problem(f'unexpected "{word.text}"{after}', word.position, hint)
    near = nearest(word.text, rules.words)
    hint = f'did you mean "{near}"?' if near else f"understood here: {', '.join(rules.expected())}"
    return Problem(f'"{word.text}" is not understood{after}', word.position, hint)
