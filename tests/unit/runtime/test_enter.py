"""How Ctrl-C passes through the processes between a caller and its command. That they enter is shown in tests/lab."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from netlab.runtime.netns import enter


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The namespaces that are entered are this process's own, and nothing is given up for the command."""
    monkeypatch.setattr(enter, "_open_namespaces", lambda pid: {kind: os.dup(0) for kind in ("user", "pid")})
    monkeypatch.setattr(enter, "_NAMESPACES", ())
    monkeypatch.setattr(enter.rights, "confine", lambda capabilities: None)
    for name in ("setns", "leave_session_keyring"):
        monkeypatch.setattr(enter.sc, name, lambda *_: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ctrl_c_right_after_the_commands_start_is_the_commands(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    caller, fork = os.getpid(), os.fork

    def held() -> int:
        """The process between caller and command gets no processor time once the command is there."""
        child = fork()
        if child and os.getppid() == caller:
            time.sleep(0.5)
        return child

    monkeypatch.setattr(os, "fork", held)
    output, into = os.pipe()
    script = "trap 'exit 5' INT; echo $$; while :; do sleep 0.02; done"
    between = enter.spawn(caller, enter.Command(("sh", "-c", script), dict(os.environ), files={1: into}))
    command = int(os.read(output, 100))

    for process in (between, command):
        os.kill(process, signal.SIGINT)

    assert os.waitstatus_to_exitcode(os.waitpid(between, 0)[1]) == 5
    os.kill(caller, signal.SIGINT)  # which is not the caller's any more
