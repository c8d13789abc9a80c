"""The events of YAML 1.2 in a text, by libyaml as far as it goes, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, islice

import yaml
from yaml.error import Mark
from yaml.events import Event
from yaml.tokens import ScalarToken, Token

# YAML 1.2, 7.3.3 and 7.4.2: what makes a colon in brackets or braces the end of a key.
_SEPARATES = "\0 \t\r\n,[]{}"
_BLANK = "\0 \t\r\n\x85\u2028\u2029"
_ENDS_KEY = "\"'}]"
PLAIN_ENGLISH = (
    ("while scanning a quoted scalar", "the quote that opens here is not closed"),
    ("while scanning a double-quoted scalar", "an escape in double quotes that YAML does not know"),
    ("could not find expected ':'", "the key before this place has no colon"),
    ("cannot start any token", "a value may not start with this character; put it in quotes"),
    ("mapping values are not allowed", "a colon does not fit here; put the value in quotes or check the indentation"),
    ("sequence entries are not allowed", "a list entry does not fit here; begin a new line"),
    ("while parsing a flow sequence", "the list in brackets is not closed, or lacks a comma"),
    ("while parsing a flow mapping", "the mapping in braces is not closed, or lacks a comma"),
    ("while parsing a block", "this does not fit here; check its indentation and the quotes before it"),
    ("while scanning an alias", "an alias (*) without a name; put the value in quotes"),
    ("while scanning an anchor", "an anchor (&) without a name; put the value in quotes"),
    ("while scanning a tag", "a YAML tag (!) stands here; put the value in quotes"),
    ("while scanning a block scalar", "a line break must follow | or >; put the value in quotes"),
    ("while scanning a directive", "a line may not start with %; put the value in quotes"),
    ("<document start>", "a line may not start with %; put the value in quotes"),
    (
        "expected the node content",
        "a value is missing before this character; put the character in quotes if it is meant",
    ),
)
"""What stands in an error of PyYAML's own parser, and what it means to whoever wrote the file."""


class _PurePython(yaml.BaseLoader):  # type: ignore[misc]
    """PyYAML's parser without libyaml, which has YAML 1.1, with what YAML 1.2 takes beside that.

    In brackets and braces too, a colon that neither white space nor a bracket, brace or comma follows belongs to the
    value, as in `[::1/64]`; so does a question mark. And an anchor's name may have any characters but these.
    """

    def check_value(self) -> bool:
        in_value = self.flow_level and self.peek(1) not in _SEPARATES and self.peek(-1) not in _ENDS_KEY
        return not in_value and bool(super().check_value())

    def check_plain(self) -> bool:
        starts_value = self.flow_level and self.peek() == ":" and self.peek(1) not in _SEPARATES
        return bool(starts_value or super().check_plain())

    def scan_anchor(self, token: Callable[[str, Mark, Mark], Token]) -> Token:
        if self.peek(1) in _SEPARATES:
            return super().scan_anchor(token)  # which says that it has no name
        start = self.get_mark()
        self.forward()
        length = next(at for at in count() if self.peek(at) in _SEPARATES)
        name = self.prefix(length)
        self.forward(length)
        return token(name, start, self.get_mark())

    def scan_plain(self) -> Token:
        ends = _SEPARATES if self.flow_level else _BLANK
        indent = self.indent + 1
        start = end = self.get_mark()
        chunks: list[str] = []
        spaces: list[str] = []
        while self.peek() != "#":
            length = 0
            while (char := self.peek(length)) not in ends and not (char == ":" and self.peek(length + 1) in ends):
                length += 1
            if length == 0:
                break
            self.allow_simple_key = False
            chunks += (*spaces, self.prefix(length))
            self.forward(length)
            end = self.get_mark()
            spaces = self.scan_plain_spaces(indent, start)
            if not spaces or (not self.flow_level and self.column < indent):
                break
        return ScalarToken("".join(chunks), True, start, end)


def events(text: str) -> Iterator[Event]:
    """The parser's events. YAMLError, and whatever else PyYAML's own code raises, where the text is no YAML.

    libyaml is many times as fast. Where it stops, PyYAML's own parser goes on: it takes more (a value that begins
    with a colon in brackets, an anchor with a dot in its name, half of a surrogate pair), and says more precisely what
    is wrong.
    """
    taken = 0
    if yaml.__with_libyaml__:
        try:
            for event in yaml.parse(text, yaml.CBaseLoader):
                yield event
                taken += 1
            return
        except (yaml.YAMLError, UnicodeError):
            pass
    yield from islice(yaml.parse(text, _PurePython), taken, None)
