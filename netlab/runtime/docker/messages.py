"""What the init of a container is told beside inside.messages. Only type checkers read this file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict


class File(TypedDict):
    """A file of the machine."""

    path: str
    content: str
    mode: int


class MachineRequest(TypedDict):
    """What is to be done before the first process: `logs` names the descriptors that came before it."""

    logs: list[str]
    files: list[File]
    keep_files: bool
    accounts_of_frr: Sequence[str]
    runs_frr: bool
    capabilities: Sequence[str]


class Commit(TypedDict):
    """The machine lives on without its builder."""

    op: Literal["commit"]
