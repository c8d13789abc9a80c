"""A VyOS configuration in either of its forms, read with the grammar of its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.braces import has_braces, read_braces, release
from netlab.kinds.vyos.commands import read_commands
from netlab.kinds.vyos.grammar import grammar
from netlab.kinds.vyos.tree import Builder, ConfigNode
from netlab.model.errors import Position
from netlab.topology.problems import Problems

__all__ = ["ConfigNode", "VyosConfig", "parse_config", "version_in"]


@dataclass(frozen=True)
class VyosConfig:
    """A configuration as a tree, and what of it is known but not translated, with where it first stands."""

    root: ConfigNode
    ignored: Mapping[str, Position]


def parse_config(source: SourceText, version: str) -> VyosConfig:
    """Read a list of `set` commands or a config.boot.

    Raises TopologyError with the place of every statement that is not understood.
    """
    problems = Problems()
    builder = Builder(source.file, problems)
    read = read_braces if has_braces(source.text) else read_commands
    read(source, grammar(version), builder)
    problems.raise_any()
    return VyosConfig(builder.root, builder.ignored)


def version_in(source: SourceText) -> tuple[str, Position] | None:
    """The version that a config.boot names in its last lines, such as "1.4", and where."""
    return release(source) if has_braces(source.text) else None
