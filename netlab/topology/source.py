"""Read a YAML file into a tree. Refuses whatever is not one plain, printable document of a sane size."""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from netlab.model.errors import InputError, Position, Problem, TopologyError
from netlab.topology.expansion import Expanded, expand
from netlab.topology.parser import PLAIN_ENGLISH, events
from netlab.topology.paths import is_utf8, read_regular
from netlab.topology.problems import Problems, did_you_mean
from netlab.topology.tree import Branch, Entry, Scalar, Tree

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
"""With every alias written out."""
MAX_WRITTEN = 30_000
"""As the file has them, keys too: what can be read in a second."""
MAX_DEPTH = 32
EMBEDDED = "startup-config"
"""The one key whose value may be a block of lines: a configuration that stands in the file itself."""

# The core schema of YAML 1.2 (section 10.3.2), but 007 stays text, as do .inf and .nan.
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|(0|[1-9][0-9]{0,30})(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?")
# Characters that break a line or drive a terminal may stand nowhere in the file, not even in a comment.
_CONTROL = {"Cc", "Zl", "Zp"}
# What may stand between a key without a value and the next.
_GAP = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*")
_WRITTEN = (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}


def read(file: Path, problems: Problems) -> Tree | None:
    """The YAML document in `file`; None where it is no document. What is wrong in it goes to `problems`.

    Raises InputError where the file cannot be read at all.
    """
    text = _text(_bytes(file), file, problems)
    if text is None or not _plain_text(text, file, problems):
        return None
    try:
        expanded = expand(text, str(file), os.environ, MAX_BYTES, problems)
        if expanded is None:
            return None
        composer = _Composer(file, expanded, problems)
        composer.compose()
    except TopologyError as error:
        problems.extend(error.problems)
        return None
    tree = composer.root
    if tree is None or (isinstance(tree, Scalar) and tree.value is None):
        problems.add("the file is empty", Position(str(file), 1, 1), "a topology starts with name: and topology:")
        return None
    return tree


def parse_text(text: str, file: str, problems: Problems) -> Tree | None:
    """The one YAML document in a text that is of another kind than a topology: values may have several lines, and no
    variables are replaced. None, and problems, where it is no document."""
    composer = _Composer(Path(file), Expanded(text), problems, lines=True)
    try:
        composer.compose()
    except TopologyError as error:
        problems.extend(error.problems)
        return None
    return composer.root


def _bytes(file: Path) -> bytes:
    try:
        data = read_regular(file, MAX_BYTES)
        if not is_utf8(file.resolve()):
            raise InputError(Problem(f"{file}: bytes that are not UTF-8 in its path", hint="rename it"))
        return data
    except FileNotFoundError:
        try:
            names = [entry.name for entry in file.parent.iterdir() if entry.is_file()]
        except OSError:
            names = []
        raise InputError(Problem(f"{file}: no such file", hint=did_you_mean(file.name, names, or_list=False))) from None
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        if isinstance(error, OSError) and error.errno in {errno.EISDIR, errno.ESPIPE}:
            raise InputError(Problem(f"{file}: {error.strerror}", hint="name a topology file")) from None
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(Problem(f"{str(file)!r}: cannot be read: {reason}")) from None


def _text(data: bytes, file: Path, problems: Problems) -> str | None:
    if len(data) > MAX_BYTES:
        problems.add("the file is larger than 1 MB", Position(str(file), 1, 1), "split the lab")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        where = Position(str(file), before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(f"byte 0x{data[error.start]:02x} is not UTF-8", where, "save the file as UTF-8")
        return None


def _plain_text(text: str, file: Path, problems: Problems) -> bool:
    clean = True
    for number, content in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        indent = content[: len(content) - len(content.lstrip(" \t"))]
        if "\t" in indent and content.strip():
            where = Position(str(file), number, indent.index("\t") + 1)
            problems.add("a tab in the indentation", where, "YAML wants spaces")
            clean = False
        if content.isprintable():
            continue
        bad = next((char for char in content if char != "\t" and unicodedata.category(char) in _CONTROL), None)
        if bad is not None:
            where = Position(str(file), number, content.index(bad) + 1)
            problems.add(f"control character U+{ord(bad):04X}", where, "remove it")
            clean = False
    return clean


def resolve(text: str) -> str | int | float | bool | None:
    """What YAML 1.2 makes of an unquoted value."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass
class _Frame:
    """A mapping or sequence that is still open. `key` waits for its value; the first of two equal keys holds."""

    position: Position
    anchor: str | None
    is_mapping: bool
    in_braces: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Tree] = field(default_factory=list)
    merge: Tree | None = None
    key: tuple[str, Position] | None = None
    size: int = 1


class _Composer:
    """Builds the tree from the parser's events.

    PyYAML's own composer recurses without a bound and writes aliases out; this one counts before it builds.
    """

    def __init__(self, file: Path, source: Expanded, problems: Problems, *, lines: bool = False) -> None:
        self.file = str(file)
        self.lines = lines
        self.source = source
        self.problems = problems
        self.root: Tree | None = None
        self.stack: list[_Frame] = []
        self.anchors: dict[str, Tree | None] = {}
        self.last = Position(self.file, 1, 1)
        self.documents = 0
        self.ended = False
        self.written = 0

    def compose(self) -> None:
        """Fill `root`. Raises TopologyError where the rest of the file cannot be understood."""
        try:
            for event in events(self.source.text):
                self.last = self._place(event)
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except TopologyError:
            raise
        except Exception:
            # The parser lets exceptions of its own code through (chr() of an escape out of range, for one).
            raise self._fail("this is not valid YAML", self.last, "check the line after this place too") from None

    def _place(self, event: Event) -> Position:
        line, column = event.start_mark.line, event.start_mark.column
        if isinstance(event, ScalarEvent) and self._is_missing(event):
            line, column = self._gap(event.start_mark.index, line, column)
        return self._position(line, column)

    def _is_missing(self, event: ScalarEvent) -> bool:
        """Whether this is what stands for the value of a key that has none."""
        written = event.value or event.style or event.anchor or event.tag
        return not written and bool(self.stack) and self.stack[-1].key is not None

    def _gap(self, at: int, line: int, column: int) -> tuple[int, int]:
        """The line and column where a missing value is told: in braces its key's colon ends there, else the next key
        begins there. libyaml has it at the other end of the gap between them."""
        text = self.source.text
        if self.stack[-1].in_braces:
            while text[at - 1] == " ":
                at, column = at - 1, column - 1
            return line, column
        gap = _GAP.match(text, at)
        assert gap is not None
        lines = gap[0].split("\n")
        return line + len(lines) - 1, len(lines[-1]) + (column if len(lines) == 1 else 0)

    def _position(self, line: int, column: int) -> Position:
        """The place in the file of a line and column of its expanded text, which start at 0."""
        return Position(self.file, line + 1, self.source.column(line + 1, column) + 1)

    def _fail(self, message: str, position: Position, hint: str | None = None) -> TopologyError:
        return TopologyError(Problem(message, position, hint))

    def _second_document(self, position: Position) -> TopologyError:
        return self._fail("a second YAML document starts here", position, "one topology per file")

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> TopologyError:
        unclosed = error.context == "while scanning a quoted scalar"
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        where = self._position(mark.line, mark.column) if mark else self.last
        if self.ended:
            return self._second_document(where)
        told = f"{error.context or ''}; {error.problem or ''}"
        for jargon, english in PLAIN_ENGLISH:
            if jargon in told:
                opened = error.context_mark.line + 1 if "flow" in jargon and error.context_mark else None
                return self._fail(f"not valid YAML: {english}", where, opened and f"it opens in line {opened}")
        return self._fail("not valid YAML", where, " ".join((error.problem or "check the line before, too").split()))

    def _take(self, event: Event) -> None:
        self.written += isinstance(event, _WRITTEN)
        if self.written > MAX_WRITTEN:
            raise self._fail(f"more than {MAX_WRITTEN} keys and values", self.last, "split the lab")
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._second_document(self.last)
        elif isinstance(event, DocumentEndEvent):
            self.ended = event.explicit
        elif isinstance(event, ScalarEvent):
            self._add(self._scalar(event), event.anchor)
        elif isinstance(event, AliasEvent):
            self._add(self._alias(event.anchor), None)
        elif isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._open(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._close()

    def _refuse_tag(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> None:
        if event.tag is not None and str(event.tag) not in {"!", "!!str", "tag:yaml.org,2002:str"}:
            self.problems.add(f"YAML tag {event.tag}", self.last, "put the value in quotes, or remove the tag")

    def _scalar(self, event: ScalarEvent) -> Scalar:
        self._refuse_tag(event)
        text = str(event.value)
        plain = not event.style and event.tag is None
        if text.isprintable():
            return Scalar(resolve(text) if plain else text, text, self.last)
        several = self.lines or (event.style == "|" and self._is_embedded())
        if several and "\n" in text and all(char.isprintable() or char in "\n\t" for char in text):
            return Scalar(text, text, self.last)
        bad = next((char for char in text if not char.isprintable()), None)
        if bad == "\n":
            self.problems.add("a value with a line break", self.last, "write it in one line")
        elif bad is not None:
            what = "control" if unicodedata.category(bad) in _CONTROL else "unprintable"
            self.problems.add(f"{what} character U+{ord(bad):04X} in a value", self.last, "remove it")
        text = "".join(char for char in text if char.isprintable())
        return Scalar(resolve(text) if plain else text, text, self.last)

    def _is_embedded(self) -> bool:
        """Whether the value that comes next is a configuration, which alone has several lines."""
        key = self.stack[-1].key if self.stack else None
        return key is not None and key[0] == EMBEDDED

    def _alias(self, anchor: str) -> Tree:
        if anchor not in self.anchors:
            raise self._fail(f"no anchor &{anchor} before this alias", self.last, "put the value in quotes")
        tree = self.anchors[anchor]
        if tree is None:
            raise self._fail(f"the value of &{anchor} holds itself", self.last, "remove the alias")
        return tree

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        self._refuse_tag(event)
        if self.stack and self.stack[-1].is_mapping and self.stack[-1].key is None:
            raise self._fail("a key must be a plain word", self.last, "put a value with braces or brackets in quotes")
        if len(self.stack) >= MAX_DEPTH:
            raise self._fail(f"nested more than {MAX_DEPTH} deep", self.last, "a topology needs no more than ten")
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(self.last, event.anchor, isinstance(event, MappingStartEvent), event.flow_style))

    def _close(self) -> None:
        frame = self.stack.pop()
        if not frame.is_mapping:
            self._add(Branch(frame.position, items=tuple(frame.items)), frame.anchor)
            return
        if frame.merge is not None:
            self._merge(frame, frame.merge)
        self._add(Branch(frame.position, entries=frame.entries), frame.anchor)

    def _merge(self, frame: _Frame, merged: Tree) -> None:
        """`<<: *anchor`: the anchor's entries, where the mapping has none of its own (yaml.org/type/merge.html)."""
        sources = merged.items if isinstance(merged, Branch) and merged.entries is None else (merged,)
        for source in sources:
            if not isinstance(source, Branch) or source.entries is None:
                self.problems.add("<< needs a mapping", source.position, "as in <<: *anchor")
                continue
            frame.entries.update((key, entry) for key, entry in source.entries.items() if key not in frame.entries)

    def _add(self, tree: Tree, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = tree
        if not self.stack:
            self.root = tree
            return
        frame = self.stack[-1]
        if frame.is_mapping and frame.key is None:
            if not isinstance(tree, Scalar):
                raise self._fail("a key must be a plain word", self.last, "put a value that starts with * in quotes")
            frame.key = (tree.text, self.last)
            return
        frame.size += tree.size
        if frame.size > MAX_VALUES:
            raise self._fail(f"more than {MAX_VALUES} values", self.last, "do aliases multiply each other?")
        if len(self.stack) + tree.depth > MAX_DEPTH + 1:
            raise self._fail(f"nested more than {MAX_DEPTH} deep", self.last, "do aliases hold aliases?")
        if frame.key is None:
            frame.items.append(tree)
        else:
            self._set(frame, *frame.key, tree)

    def _set(self, frame: _Frame, key: str, position: Position, tree: Tree) -> None:
        frame.key = None
        if key == "<<" and frame.merge is None:
            frame.merge = tree
        elif key in frame.entries:
            first = frame.entries[key].key_position.line
            self.problems.add(f'key "{key}" is written twice', position, f"the first stands in line {first}")
        elif key == "<<":
            self.problems.add('key "<<" is written twice', position, "merge a list: <<: [*a, *b]")
        else:
            frame.entries[key] = Entry(position, tree)
