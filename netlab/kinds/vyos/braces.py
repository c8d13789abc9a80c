"""A configuration with braces, as in config.boot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.grammar import GrammarNode
from netlab.kinds.vyos.tree import Builder, Place
from netlab.kinds.vyos.words import Word
from netlab.model.errors import Position, Problem

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]+)
  | (?P<newline>\n)
  | (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<open>\{)
  | (?P<close>\})
  | "(?P<double>(?:[^"\\\n]|\\[^\n])*)"
  | '(?P<single>[^'\n]*)'
  | (?P<word>(?!/\*)[^\s{}"']+)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK = re.compile(r"\{[ \t]*(?:\}[ \t]*)?$")
_RELEASE = re.compile(r"^(?://|/\*)[ \t]*Release version:[ \t]*(?:VyOS[ \t]+)?(1\.[0-9]+)", re.MULTILINE)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: Position


@dataclass
class _Block:
    """An open block: where its statements start, or None where nothing in it is read."""

    place: Place | None
    opened: Position
    empty: bool = True


def has_braces(text: str) -> bool:
    """Whether a configuration is one with braces: some line opens a block and is no command."""
    lines = (line.strip() for line in text.split("\n"))
    return any(_BLOCK.search(line) and not line.startswith(("set ", "#", "//", "/*")) for line in lines)


def release(source: SourceText) -> tuple[str, Position] | None:
    """The version ("1.4") that the footer of a config.boot names, and where."""
    named = list(_RELEASE.finditer(source.text))
    if not named:
        return None
    found = named[-1]
    line = source.text.count("\n", 0, found.start()) + 1
    return found[1], Position(source.file, line, found.start(1) - found.start() + 1)


def read_braces(source: SourceText, rules: GrammarNode, builder: Builder) -> None:
    """Add every statement. A single-valued node may have one value."""
    stack = [_Block(Place(rules), Position(source.file, 1, 1))]
    words: list[Word] = []
    end = stack[0].opened
    for token in _tokens(source, builder):
        if token.kind == "word":
            words.append(Word(token.text, token.position))
            end = Position(source.file, token.position.line, token.position.column + len(token.text))
        elif token.kind == "open":
            stack.append(_open(stack[-1], tuple(words), token, builder))
            words.clear()
        else:
            if words:
                _statement(stack[-1], tuple(words), end, builder)
                words.clear()
            if token.kind == "close":
                _close(stack, token, builder)
    for block in stack[1:]:
        builder.add(Problem("this block is not closed", block.opened, "add }"))


def _open(outer: _Block, words: tuple[Word, ...], token: _Token, builder: Builder) -> _Block:
    outer.empty = False
    if not words:
        builder.add(Problem("a block without a name", token.position, "write its name before the brace"))
        return _Block(None, token.position)
    place = builder.walk(outer.place, words) if outer.place is not None else None
    return _Block(place, token.position)


def _statement(block: _Block, words: tuple[Word, ...], end: Position, builder: Builder) -> None:
    block.empty = False
    if block.place is None:
        return
    place = builder.walk(block.place, words)
    if place is not None:
        builder.set(place, end, once=True)


def _close(stack: list[_Block], token: _Token, builder: Builder) -> None:
    if len(stack) == 1:
        builder.add(Problem("a brace closes no block", token.position, "remove it"))
        return
    block = stack.pop()
    # An empty block sets its node; a node that only groups others is nothing when it is empty.
    if block.empty and block.place is not None and (block.place.rules.complete or not block.place.rules.words):
        builder.set(block.place, token.position, once=True)


def _tokens(source: SourceText, builder: Builder) -> Iterator[_Token]:
    """Words, braces and the ends of lines, with their places; comments are left out."""
    text, at, line, start = source.text, 0, 1, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        position = Position(source.file, line, at - start + 1)
        if found is None:
            comment = text.startswith("/*", at)
            what, hint = ("the comment", "add */") if comment else ("the closing quote", f"add {text[at]}")
            builder.add(Problem(f"{what} is not closed" if comment else f"{what} is missing", position, hint))
            return
        kind = found.lastgroup or ""
        if kind == "double":
            yield _Token("word", re.sub(r'\\(["\\])', r"\1", found["double"]), position)
        elif kind in ("single", "word"):
            yield _Token("word", found[kind], position)
        elif kind in ("open", "close", "newline"):
            yield _Token(kind, found[0], position)
        at = found.end()
        newlines = found[0].count("\n")
        if newlines:
            line += newlines
            start = found.start() + found[0].rindex("\n") + 1
    yield _Token("newline", "\n", Position(source.file, line, at - start + 1))
