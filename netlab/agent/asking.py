"""Questions to routing daemons over their sockets, with one connection for each of their programs."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

from netlab.agent.namespaces import Namespaces
from netlab.daemons import DAEMONS
from netlab.model.routing import DaemonAnswer, DaemonQuestion

_TIMEOUT = 5.0


def ask(questions: tuple[DaemonQuestion, ...], namespaces: Namespaces) -> tuple[DaemonAnswer, ...]:
    """Ask each question."""
    with ExitStack() as stack:
        programs: dict[tuple[str, str], _Program] = {}
        for question in questions:
            key = (question.node, question.program)
            if key not in programs:
                programs[key] = stack.enter_context(closing(_Program(question, namespaces)))
        return tuple(programs[question.node, question.program].ask(question.command) for question in questions)


class _Program:
    """A program and the connection to it. One that failed to answer is not asked again: each try may take 5 s."""

    def __init__(self, question: DaemonQuestion, namespaces: Namespaces) -> None:
        self._name = f"{question.node}: {question.program}"
        dialogue = DAEMONS.load(question.daemon).dialogue
        assert dialogue is not None  # questions are its reader's, or its sign of life
        self._dialogue = dialogue
        self._path = namespaces.file(question.node, self._dialogue.path(question.program))
        self._connection: socket.socket | None = None
        self._error: str | None = None

    def ask(self, command: str) -> DaemonAnswer:
        """What it prints, or why it does not."""
        if self._error:
            return DaemonAnswer("", self._error)
        try:
            if self._connection is None:
                self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._connection.settimeout(_TIMEOUT)
                self._connection.connect(self._path)
                self._dialogue.greet(self._connection)
            return DaemonAnswer(self._dialogue.ask(self._connection, command))
        except OSError as error:
            self._error = f"{self._name} does not answer: {error.strerror or error}"
            return DaemonAnswer("", self._error)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
