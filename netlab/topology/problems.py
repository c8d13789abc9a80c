"""Gather the problems of several steps, and find the word that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from netlab.model.errors import InputError, Position, Problem, TopologyError

MOST = 100
"""Problems that are told. Looking for the next one, with a word that may have been meant, takes time."""


class Problems:
    """Problems of several steps, to be raised at once. The same problem counts once.

    The one that is too many raises TopologyError with those before it.
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._problems: dict[Problem, None] = {}
        self.extend(problems)

    def add(self, message: str, position: Position | None = None, hint: str | None = None) -> None:
        """Note one problem."""
        self.extend([Problem(message, position, hint)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several problems."""
        for problem in problems:
            if len(self._problems) >= MOST and problem not in self._problems:
                rest = Problem(f"these are the first {MOST} problems", hint="mend them, then look again")
                raise TopologyError(*self.sorted(), rest)
            self._problems[problem] = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._problems)

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Note the problems of an InputError raised in the block, which ends there."""
        try:
            yield
        except InputError as error:
            self.extend(error.problems)

    def sorted(self) -> list[Problem]:
        """All problems by position; those without one come first."""
        return sorted(
            self._problems,
            key=lambda p: (p.position.file, p.position.line, p.position.column) if p.position else ("", 0, 0),
        )

    def raise_any(self) -> None:
        """Raise one TopologyError with all problems, if there are any."""
        if self._problems:
            raise TopologyError(*self.sorted())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    words = {candidate.lower(): candidate for candidate in known}
    for cutoff in (0.75, 0.6):
        # Short words are one letter apart from each other by chance, so a long word may differ more.
        if cutoff == 0.75 or len(word) > 3:
            close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=cutoff)
            if close:
                return words[close[0]]
    return None


def did_you_mean(word: str, known: Collection[str], or_list: bool = True) -> str | None:
    """A hint with the nearest known word; where none is near, with `or_list`, the known words if they are few."""
    near = nearest(word, known)
    if near is not None:
        return f'did you mean "{near}"?'
    return f"known: {', '.join(sorted(known))}" if or_list and 0 < len(known) <= 16 else None
