"""A configuration as the `set` commands of a session, as `show configuration commands` lists them."""

from __future__ import annotations

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.grammar import GrammarNode
from netlab.kinds.vyos.tree import Builder, Place, quoted
from netlab.kinds.vyos.words import split_line
from netlab.model.errors import Position, Problem, TopologyError
from netlab.topology.problems import nearest

SESSION_WORDS = frozenset({"config", "configure", "commit", "save", "exit"})
"""Commands of a session that change nothing in the configuration."""


def read_commands(source: SourceText, rules: GrammarNode, builder: Builder) -> None:
    """Add every `set` command. The later of two values of a single-valued node holds."""
    for number, line in enumerate(source.text.split("\n"), 1):
        try:
            words = split_line(line, source.file, number)
        except TopologyError as error:
            for problem in error.problems:
                builder.add(problem)
            continue
        if not words:
            continue
        first = words[0]
        if first.text == "set":
            place = builder.walk(Place(rules), words[1:])
            if place is not None:
                builder.set(place, Position(source.file, number, len(line.rstrip()) + 1), once=False)
        elif first.text not in SESSION_WORDS:
            builder.add(Problem(f"unknown command {quoted(first.text)}", first.position, _hint(first.text)))
        elif len(words) > 1:
            message = f"{quoted(words[1].text)} after {first.text}"
            builder.add(Problem(message, words[1].position, f"{first.text} stands alone here"))


def _hint(word: str) -> str:
    if word == "delete":
        return "leave out the set command that it takes back"
    near = nearest(word, {"set", *SESSION_WORDS})
    return f'did you mean "{near}"?' if near else "a configuration is a list of set commands"
