"""Text from files on a terminal: whatever could drive the terminal or hide what stands there is shown escaped."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

T = TypeVar("T")


def printable(text: str) -> str:
    """The text in one line, with every character that does not print as its escape: `\\x1b`, `\\u202e`.

    What does not print: controls, line breaks, marks that reverse the direction of writing, halves of surrogate
    pairs (bytes of a file name that are not UTF-8), and every space but the ordinary one.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = char.encode("unicode_escape", "surrogatepass").decode("ascii")
    return code if code != char else f"\\x{ord(char):02x}"


def printable_parts(value: T) -> T:
    """A model value with every text in it printable."""
    made: Any = value
    if isinstance(value, str):
        made = value if value.isprintable() else type(value)(printable(value))
    elif isinstance(value, tuple):
        made = tuple(printable_parts(part) for part in value)
    elif is_dataclass(value) and not isinstance(value, type):
        made = replace(value, **{field.name: printable_parts(getattr(value, field.name)) for field in fields(value)})
    return made  # type: ignore[no-any-return]
