"""A VyOS configuration as a tree, and how statements get into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from netlab.kinds.vyos.grammar import GrammarNode
from netlab.kinds.vyos.words import Word
from netlab.model.errors import Position, Problem
from netlab.topology.problems import Problems, nearest


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

    def everything(self) -> Iterator[ConfigNode]:
        """Every node below this one."""
        for child in self.children.values():
            yield child
            yield from child.everything()


@dataclass(frozen=True)
class Step:
    """A word on the way to a node."""

    text: str
    value: Any
    position: Position
    literal: bool
    replaces: bool = False


@dataclass(frozen=True)
class Place:
    """A place in the grammar and the words that lead there."""

    rules: GrammarNode
    path: tuple[Step, ...] = ()

    def words(self) -> str:
        """The words, for a message."""
        return " ".join(step.text for step in self.path)


class Builder:
    """Adds statements to a tree and notes what is wrong with them and what is not translated."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.root = ConfigNode(None, Position(file, 1, 1))
        self.problems = problems
        self.ignored: dict[str, Position] = {}
        """The statements that are known and not translated, without their values, and where the first one stands."""

    def add(self, problem: Problem) -> None:
        """Note a problem. Raises TopologyError where it is one too many."""
        self.problems.extend([problem])

    def walk(self, place: Place, words: tuple[Word, ...]) -> Place | None:
        """The place that the words lead to; None where they are wrong or not translated, which is then noted."""
        for word in words:
            step, rules = self._step(place, word)
            if step is None or rules is None:
                return None
            place = Place(rules, (*place.path, step))
            if rules.refusal is not None:
                self.add(Problem(f"{self._name(place)} is refused", word.position, rules.refusal))
                return None
            if rules.ignored:
                self.ignored.setdefault(self._name(place), word.position)
                return None
        return place

    def _step(self, place: Place, word: Word) -> tuple[Step | None, GrammarNode | None]:
        rules = place.rules
        if word.text in rules.words:
            return Step(word.text, word.text, word.position, literal=True), rules.words[word.text]
        if rules.value is None or rules.take is None:
            self.add(_unknown(word, place))
            return None, None
        try:
            value = rules.take(word.text)
        except ValueError as error:
            near = f'did you mean "{found}"?' if (found := nearest(word.text, rules.words)) else None
            self.add(Problem(f"{quoted(word.text)} {error}", word.position, near))
            return None, None
        return Step(str(value), value, word.position, False, rules.replaces), rules.value

    @staticmethod
    def _name(place: Place) -> str:
        return " ".join(step.text for step in place.path if step.literal)

    def set(self, place: Place, end: Position, once: bool) -> None:
        """Add a whole statement. With `once`, a second value of a single-valued node is a problem."""
        if not place.rules.complete:
            expected = f"expected: {', '.join(place.rules.expected())}"
            self.add(Problem(f"{quoted(place.words())} is incomplete", end, expected))
            return
        node = self.root
        for step in place.path:
            if step.replaces:
                for other in list(node.children.values()):
                    if once and other.position != step.position:
                        hint = f"the first stands in line {other.position.line}"
                        self.add(Problem(f"{place.words()}: a second value", step.position, hint))
                        return
                    if str(other.value) != step.text:
                        del node.children[str(other.value)]
            node = node.children.setdefault(step.text, ConfigNode(step.value, step.position))


def quoted(word: str) -> str:
    """A word in a message: in quotes, on one line, not endless."""
    shown = "".join(char if char.isprintable() else "?" for char in word)
    return f'"{shown if len(shown) <= 60 else shown[:57] + "..."}"'


def _unknown(word: Word, place: Place) -> Problem:
    rules = place.rules
    after = f" after {place.words()}" if place.path else ""
    if not rules.words:
        description = len(place.path) > 1 and place.path[-2].text == "description"
        hint = "put a text of several words in quotes" if description else None
        return Problem(f"unexpected {quoted(word.text)}{after}", word.position, hint)
    near = nearest(word.text, rules.words)
    hint = f'did you mean "{near}"?' if near else f"understood here: {', '.join(rules.expected())}"
    return Problem(f"{quoted(word.text)} is not understood{after}", word.position, hint)
