"""Environment variables in a topology file: `${NAME}`, with what stands in where it is not set, as containerlab has it.

A file's text is expanded before YAML reads it, so `mtu: ${MTU:=9000}` is a number. Only the form with braces is
expanded: `$NAME` belongs to the shells in `exec` and `cmd`, to which `$$` is a `$`, so that `$${NAME}` is theirs too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from netlab.model.errors import Position
from netlab.topology.problems import Problems

_VARIABLE = re.compile(r"\$(?P<escaped>\$)|\$\{(?P<name>[A-Za-z_]\w*)(?:(?P<rule>:?[-=+])(?P<other>[^}]{0,256}))?\}")
_OPENED = re.compile(r"\$\{")


@dataclass(frozen=True)
class Expanded:
    """A text in which variables were replaced, and where its parts stood before."""

    text: str
    shifts: Mapping[int, tuple[tuple[int, int, int], ...]] = field(default_factory=dict)
    """By line (the first is 1), for each part that was replaced: where it begins and ends now, and how far what
    follows has moved to the right. Columns start at 0."""

    def column(self, line: int, column: int) -> int:
        """The column in the file of a column (both start at 0) of a line of the text."""
        shifts = self.shifts.get(line, ())
        after = bisect_right(shifts, (column, len(self.text), 0))
        if after == 0:
            return column
        begin, end, moved = shifts[after - 1]
        return column - moved if column >= end else begin - (shifts[after - 2][2] if after > 1 else 0)


def expand(text: str, file: str, environment: Mapping[str, str], limit: int, problems: Problems) -> Expanded | None:
    """The text with every variable replaced.

    None, and a problem, where one is not set or they make it longer than `limit`: what it says is not known then.
    """
    if "$" not in text:
        return Expanded(text)
    lines: list[str] = []
    shifts = {}
    size = 0
    known = problems.count
    for number, line in enumerate(text.split("\n"), 1):
        replaced, moved = _line(line, file, number, environment, problems) if "$" in line else (line, [])
        size += len(replaced) + 1
        if size > limit:
            problems.add("with its variables written out the file is larger than 1 MB", Position(file, number, 1))
            return None
        lines.append(replaced)
        if moved:
            shifts[number] = tuple(moved)
    return Expanded("\n".join(lines), shifts) if problems.count == known else None


def _line(
    line: str, file: str, number: int, environment: Mapping[str, str], problems: Problems
) -> tuple[str, list[tuple[int, int, int]]]:
    comment = _comment(line)
    done: list[str] = []
    size = at = moved = 0
    shifts = []
    starts = set()
    for found in _VARIABLE.finditer(line, 0, comment):
        starts.add(found.start() + (1 if found["escaped"] else 0))
        place = Position(file, number, found.start() + 1)
        value = "$" if found["escaped"] else _value(found, place, environment, problems)
        done += (line[at : found.start()], value)
        size += found.start() - at
        moved += len(value) - len(found[0])
        shifts.append((size, size + len(value), moved))
        size += len(value)
        at = found.end()
    for opened in _OPENED.finditer(line, 0, comment):
        if opened.start() not in starts:
            hint = "write ${NAME}, ${NAME:=otherwise}, or $${ for a ${ that stays"
            problems.add("this is no variable", Position(file, number, opened.start() + 1), hint)
    return "".join((*done, line[at:])), shifts


def _value(found: re.Match[str], position: Position, environment: Mapping[str, str], problems: Problems) -> str:
    name, rule, other = found["name"], found["rule"] or "", found["other"] or ""
    value = environment.get(name)
    there = value is not None and (value != "" or not rule.startswith(":"))
    if rule.endswith("+"):
        return other if there else ""
    if there:
        assert value is not None
        if not value.isprintable():
            problems.add(f"the variable {name} has characters that do not print", position, "set it anew")
            return ""
        return value
    if not rule:
        problems.add(f"the variable {name} is not set", position, f"set it, or write ${{{name}:=otherwise}}")
    return other


def _comment(line: str) -> int:
    """Where the line's comment begins; its end where it has none."""
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote and not (char == '"' and line[at - 1] == "\\") else quote
        elif char in "\"'" and (at == 0 or line[at - 1] in " [{,:("):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] in " \t"):
            return at
    return len(line)
