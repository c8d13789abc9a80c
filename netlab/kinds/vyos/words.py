"""Split a configuration command into words with their columns, as VyOS's shell does."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.errors import Position, Problem, TopologyError


@dataclass(frozen=True)
class Word:
    """A word of a command and where it starts."""

    text: str
    position: Position


def split_line(line: str, file: str, number: int) -> tuple[Word, ...]:
    """The words of a line, without quotes and without a comment. Raises TopologyError on an open quote."""
    words: list[Word] = []
    column = 0
    while column < len(line):
        if line[column] in " \t":
            column += 1
        elif line[column] == "#":
            break
        else:
            start = column
            text, column = _word(line, column, Position(file, number, start + 1))
            words.append(Word(text, Position(file, number, start + 1)))
    return tuple(words)


def _word(line: str, column: int, start: Position) -> tuple[str, int]:
    text = ""
    while column < len(line) and line[column] not in " \t":
        character = line[column]
        column += 1
        if character in "'\"":
            end = line.find(character, column)
            if end < 0:
                raise TopologyError(Problem("the closing quote is missing", start, f"add {character}"))
            text += line[column:end]
            column = end + 1
        else:
            text += character
    return text, column
