"""The tree of words that parses a version's configuration, made from the table of statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from netlab.kinds.vyos.statements import MACROS, TABLE, VERSIONS
from netlab.kinds.vyos.types import TYPES

NOT_TRANSLATED = "..."
REFUSED = "!"


@dataclass
class GrammarNode:
    """What may follow the words so far."""

    words: dict[str, GrammarNode] = field(default_factory=dict)
    value: GrammarNode | None = None
    take: Callable[[str], Any] | None = None
    """Turns the word that `value` stands for into its value, or raises ValueError."""
    type_name: str = ""
    replaces: bool = False
    """A later value replaces an earlier one."""
    complete: bool = False
    """A statement may end here."""
    ignored: bool = False
    """Whatever stands here and below is known and not translated."""
    refusal: str | None = None
    """Why a statement with these words is refused."""

    def expected(self) -> Iterator[str]:
        """What may come next, for a message."""
        yield from sorted(word for word, node in self.words.items() if node.refusal is None)
        if self.value is not None:
            yield f"<{self.type_name}>"


@cache
def grammar(version: str) -> GrammarNode:
    """The statements of a version as a tree. KeyError where the version is not known."""
    if version not in VERSIONS:
        raise KeyError(version)
    root = GrammarNode()
    for statement in statements(version):
        parts, reason = statement, None
        if REFUSED in parts:
            cut = parts.index(REFUSED)
            parts, reason = parts[:cut], " ".join(parts[cut + 1 :])
        node = root
        for part in parts:
            if part != NOT_TRANSLATED:
                node = _step(node, part)
        node.refusal = reason
        node.ignored = parts[-1] == NOT_TRANSLATED
        node.complete = reason is None
    return root


@cache
def statements(version: str) -> tuple[list[str], ...]:
    """Every statement of a version with its macros and alternatives written out, as a list of words."""
    found = []
    for versions, line in table():
        if has(versions, version):
            for text in _expand(line, version):
                found += list(_alternatives(text.split()))
    return tuple(found)


def table() -> Iterator[tuple[str, str]]:
    """The lines of the table of statements: (versions, statement)."""
    for line in TABLE.strip().splitlines():
        versions, _, statement = line.partition(" ")
        if versions:
            yield versions, statement.strip()


def has(versions: str, version: str) -> bool:
    """Whether `versions` (`all`, `1.2+`, `-1.3`, `1.2-1.3`, `1.1`) includes a version."""
    if versions == "all":
        return True
    first, dash, last = versions.rstrip("+").partition("-")
    if not dash:
        last = VERSIONS[-1] if versions.endswith("+") else first
    return (first or VERSIONS[0]) <= version <= last


def _expand(text: str, version: str) -> Iterator[str]:
    """The text once for each thing that its macros stand for."""
    for versions, name, meanings in MACROS:
        if text.split(maxsplit=1)[0] == name and has(versions, version):
            for meaning in meanings:
                yield from _expand(text.replace(name, meaning, 1), version)
            return
    yield text.replace("*>", "6>" if " ipv6-unicast " in text else ">")


def _alternatives(parts: list[str]) -> Iterator[list[str]]:
    """The statement once for each word of an `a|b`."""
    end = parts.index(REFUSED) if REFUSED in parts else len(parts)
    index = next((i for i, part in enumerate(parts[:end]) if "|" in part), None)
    if index is None:
        yield parts
        return
    for word in parts[index].split("|"):
        yield from _alternatives([*parts[:index], word, *parts[index + 1 :]])


def _step(node: GrammarNode, part: str) -> GrammarNode:
    if not part.endswith(">"):
        return node.words.setdefault(part, GrammarNode())
    name = part.lstrip("=<").rstrip(">")
    if node.value is None:
        node.value, node.take, node.type_name = GrammarNode(), TYPES[name], name
        node.replaces = part.startswith("=")
    assert node.type_name == name, f"<{node.type_name}> and <{name}> in one place of the grammar"
    return node.value
