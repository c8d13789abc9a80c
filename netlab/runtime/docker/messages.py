"""What the init of a container is told beside inside.messages. Only type checkers read this file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict


class File(TypedDict):
    """A file of the machine."""

    path: str
    content: str
    mode: int


class AccountsRequest(TypedDict):
    """The user and the groups of a routing daemon, which become root's in these `files`; root gets these `folders`."""

    files: Sequence[str]
    user: str
    groups: Sequence[str]
    folders: Sequence[str]


class MachineRequest(TypedDict):
    """What is to be done before the first process: `logs` names the descriptors that came before it."""

    logs: list[str]
    files: list[File]
    keep_files: bool
    accounts: AccountsRequest | None
    capabilities: Sequence[str]


class Commit(TypedDict):
    """The machine lives on without its builder."""

    op: Literal["commit"]
