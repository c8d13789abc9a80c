"""The errors a user can meet. Raised where the cause is known, shown in one place (netlab.cli)."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 400


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text file. Lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input: what, where, and how to mend it."""

    message: str
    position: Position | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        mend = f" ({self.hint})" if self.hint else ""
        message = self.message
        if len(message) > _LONGEST:  # the file may have a word of a megabyte
            message = f"{message[: _LONGEST - 80]} ... {message[-75:]}"
        return f"{where}{message}{mend}"


class NetlabError(Exception):
    """Base of every error that is shown as one line per problem, without a traceback."""

    exit_code = 3

    def lines(self) -> tuple[str, ...]:
        """What the user reads, one line per problem."""
        return (str(self),)


class InputError(NetlabError):
    """What the user wrote is wrong: a topology, a configuration, an option. Carries every problem found."""

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems

    def lines(self) -> tuple[str, ...]:
        return tuple(str(problem) for problem in self.problems)


class TopologyError(InputError):
    """A topology file, or a file that it names, is wrong."""


class HostError(NetlabError):
    """This host lacks something. `remedy` is the command or the setting that mends it."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy

    def lines(self) -> tuple[str, ...]:
        return (f"{self} (to mend it: {self.remedy})",) if self.remedy else (str(self),)


class LabError(NetlabError):
    """The lab cannot do what was asked: it does not run, runs already, or a step of building it failed."""


class ConvergenceError(LabError):
    """A lab was built, but has not converged in time. `missing` says what is, one line each."""

    exit_code = 1

    def __init__(self, lab: str, missing: tuple[str, ...]) -> None:
        super().__init__(f"lab {lab} has not converged: {'; '.join(missing)}")
        self.missing = missing


class CommandError(LabError):
    """A command in a node failed, or did not end in time."""
