"""Lines of FRR configuration, each with the statements that it comes from, and tables that say how to write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from netlab.kinds.vyos.tree import ConfigNode
from netlab.model.errors import Position


@dataclass(frozen=True)
class ConfigLine:
    """A line of FRR configuration and the VyOS statements that it comes from.

    A line that comes from none says why it is there, unless it only ends a section.
    """

    text: str
    sources: tuple[Position, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """How FRR says a statement.

    `path` is where the statement stands below a node. In `line`, {v} is the statement's value, {each} makes a line of
    every value, and other names are the caller's. `options` are statements below it that add words to the line.
    """

    path: str
    line: str
    options: Mapping[str, str] = field(default_factory=dict)


def write(node: ConfigNode | None, rows: Iterable[Row], indent: str = "", **names: object) -> Iterator[ConfigLine]:
    """The lines of the rows whose statements stand below a node."""
    for row in rows:
        found = node.find(*row.path.split()) if node else None
        if found is None:
            continue
        if "{each}" in row.line:
            for value in found.children.values():
                yield _line(value, indent + row.line.format(each=value.value, **names), row)
        elif "{v}" in row.line:
            for value in found.children.values():
                yield _line(value, indent + row.line.format(v=value.value, **names), row)
        else:
            yield _line(found, indent + row.line.format(**names), row)


def _line(node: ConfigNode, text: str, row: Row) -> ConfigLine:
    sources = [node.position]
    for path, words in row.options.items():
        found = node.find(*path.split())
        if found is None:
            continue
        value = next(iter(found.children.values()), None) if "{v}" in words else found
        if value is not None:
            text += " " + words.format(v=value.value)
            sources.append(value.position)
    return ConfigLine(text, tuple(sources))
