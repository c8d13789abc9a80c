"""What the init of a machine is told and answers, one JSON document a line. Only type checkers read this file."""

from __future__ import annotations

from typing import TypedDict


class Command(TypedDict):
    """What is executed; `name` is its log's."""

    name: str
    argv: list[str]


class Process(Command):
    """A model.plan.ProcessPlan, as far as it is the starter's."""

    after: list[str]
    sockets: list[str]
    port: int | None
    oneshot: bool
    if_present: bool
    refuse_output: str | None
    retry_output: str | None


class StartRequest(TypedDict):
    """What a machine's starter is asked; `timeout` in seconds."""

    env: dict[str, str]
    processes: list[Process]
    exec: list[list[str]]
    timeout: float


class Answer(TypedDict, total=False):
    """One of: ready; started (a machine's name); error; failed (a machine's name) with the process, how it failed and
    the end of what it printed."""

    ready: str | bool
    started: str
    failed: str
    process: str
    message: str
    output: str
    error: str
