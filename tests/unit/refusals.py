"""Run `netlab validate` on a wrong file, as a user would, and read what it says."""

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from netlab.cli import main

CPU_SECONDS = 2.0


def refused(
    file: Path | str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *command: str
) -> list[str]:
    """The lines on standard error, without the program's name. `command` is another one than `validate`.

    Asserts what holds for every refusal: exit code 2, nothing on standard output, every line a problem that prints,
    no traceback, and no more than two seconds of CPU.
    """
    before = [(number, signal.getsignal(number)) for number in (*main._STOPS, signal.SIGALRM)]
    monkeypatch.setattr(sys, "argv", ["netlab", *(command or ("validate",)), str(file)])
    started = time.process_time()
    try:
        with pytest.raises(SystemExit) as left:
            main.main()
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    seconds = time.process_time() - started
    shown = capsys.readouterr()
    assert left.value.code == 2, shown.out + shown.err
    assert shown.out == ""
    lines = shown.err.removesuffix("\n").split("\n")
    for line in lines:
        assert line.startswith("netlab: ")
        assert line.isprintable()
    assert seconds < CPU_SECONDS
    return [line.removeprefix("netlab: ") for line in lines]


def expected(text: str, name: str) -> list[str]:
    """What the `expect:` comments of a file say, with its name before them where they begin with a place in it."""
    found = re.findall(r"^(?:[#!]|//) expect: (.*)$", text, re.MULTILINE)
    return [f"{name}:{line}" if re.match(r"\d+:\d+: ", line) else line for line in found]
