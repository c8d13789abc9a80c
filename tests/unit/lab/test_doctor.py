"""What doctor adds to a runtime's needs: the state folder and memory."""

import os
from pathlib import Path

import pytest

from netlab.lab import doctor

ELSEWHERE = "set XDG_STATE_HOME to a folder of yours"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "netlab"


def test_a_state_folder_that_is_there_or_can_be_made(state: Path) -> None:
    assert (doctor._state_folder().ok, doctor._state_folder().found) == (True, str(state))
    assert not state.exists()
    state.mkdir(mode=0o700)
    assert doctor._state_folder().ok


def test_a_state_folder_that_others_may_write_in(state: Path) -> None:
    state.mkdir()
    state.chmod(0o777)
    found = doctor._state_folder()
    assert (found.ok, found.needed, found.found, found.mend) == (
        False,
        True,
        f"others may write in {state}",
        ELSEWHERE,
    )


def test_a_state_folder_that_is_a_file(state: Path) -> None:
    state.touch()
    assert doctor._state_folder().found == f"cannot make {state}: Not a directory"


def test_a_state_folder_where_nothing_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/self/netlab-state")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = doctor._state_folder()
    assert (found.ok, found.mend) == (False, ELSEWHERE)


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert doctor._state_folder().found == "there is no home folder to keep labs in"


@pytest.mark.parametrize(
    ("text", "ok", "found"),
    [
        ("MemTotal: 1 kB\nMemAvailable:    2252800 kB\n", True, "2200 MiB free: room for 100 routers"),
        ("MemAvailable: 102400 kB\n", False, "100 MiB free: room for 4 routers"),
        ("", False, "0 MiB free: room for 0 routers"),
    ],
)
def test_memory(monkeypatch: pytest.MonkeyPatch, text: str, ok: bool, found: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, **options: text)
    memory = doctor._memory()
    assert (memory.ok, memory.found, bool(memory.mend)) == (ok, found, not ok)
