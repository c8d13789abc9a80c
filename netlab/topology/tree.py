"""A YAML document as a tree in which every value and every key knows its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from netlab.model.errors import Position
from netlab.model.topology import Key, Located

Path = tuple[Key, ...]


@dataclass(frozen=True)
class Scalar:
    """A single value. `text` is how it was written, `value` what YAML 1.2 makes of that."""

    value: str | int | float | bool | None
    text: str
    position: Position
    size: int = 1
    depth: int = 1


@dataclass(frozen=True)
class Entry:
    """A value of a mapping and the place of its key."""

    key_position: Position
    tree: Tree


@dataclass(frozen=True)
class Branch:
    """A mapping or a sequence. `size` counts the values below it with every alias written out."""

    position: Position
    entries: Mapping[str, Entry] | None = None
    items: tuple[Tree, ...] = ()

    @property
    def children(self) -> tuple[Tree, ...]:
        return self.items if self.entries is None else tuple(entry.tree for entry in self.entries.values())

    @cached_property
    def size(self) -> int:
        return 1 + sum(child.size for child in self.children)

    @cached_property
    def depth(self) -> int:
        return 1 + max((child.depth for child in self.children), default=0)


Tree = Scalar | Branch


def located(tree: Tree) -> Located:
    """The tree as a plain value with the positions beside it."""
    positions: dict[Path, Position] = {}
    key_positions: dict[Path, Position] = {}

    def flatten(node: Tree, path: Path) -> object:
        positions[path] = node.position
        if isinstance(node, Scalar):
            return node.value
        if node.entries is None:
            return [flatten(item, (*path, index)) for index, item in enumerate(node.items)]
        value = {}
        for key, entry in node.entries.items():
            key_positions[*path, key] = entry.key_position
            value[key] = flatten(entry.tree, (*path, key))
        return value

    return Located(flatten(tree, ()), positions, key_positions)
