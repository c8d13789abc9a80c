import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from netlab.runtime.netns import labinit, launch, making
from netlab.statefolder import lab_folder


@pytest.fixture(autouse=True)
def _keep_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher makes its log its standard error; the tests keep theirs."""
    monkeypatch.setattr(os, "dup2", lambda source, target: target)


def refusal(directory: Path) -> dict[str, Any]:
    with pytest.raises(lab_folder.Refused) as refused:
        lab_folder.take(str(directory))
    return {"error": str(refused.value), "remedy": refused.value.remedy}


def test_a_claim_makes_a_private_folder_and_holds_its_lock(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "netlab" / "lab, with: ü"
    folder = launch._claim(str(directory))
    assert directory.stat().st_mode & 0o777 == 0o700
    assert directory.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in directory.iterdir()) == ["init.log", "lock", "mount"]
    assert {path.stat().st_mode & 0o077 for path in directory.iterdir()} == {0}
    other = os.open(directory / "lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    os.close(folder)


def test_a_lab_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    with pytest.raises(lab_folder.Exists):
        lab_folder.take(str(tmp_path / "lab"))
    assert list((tmp_path / "lab").iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "netlab").write_text("")
    for directory in (tmp_path / "netlab" / "lab", tmp_path / "netlab" / "netlab" / "lab"):
        assert refusal(directory)["error"] == f"cannot make {tmp_path}/netlab: Not a directory"


def test_a_folder_that_cannot_be_made_says_so_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        raise OSError(30, "Read-only file system", path)

    monkeypatch.setattr(os, "mkdir", refuse)
    assert refusal(tmp_path / "netlab" / "lab") == {
        "error": f"cannot make {tmp_path}/netlab: Read-only file system",
        "remedy": "set XDG_STATE_HOME to a folder of yours",
    }


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    answer = refusal(tmp_path / "lab")
    assert answer == {
        "error": f"others may write in {tmp_path}",
        "remedy": "set XDG_STATE_HOME to a folder of yours",
    }
    assert not (tmp_path / "lab").exists()


def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert refusal(tmp_path / "lab")["error"].endswith(" belongs to another user")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: int) -> int:
        os.close(os.open("lock", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=folder))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab_folder, "_lock", full)
    directory = tmp_path / "netlab" / "lab"
    assert refusal(directory)["error"] == f"cannot write in {directory}: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_goes_away_meanwhile_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the only other lab removes the folder of all labs."""
    parent = tmp_path / "netlab"
    real, calls = os.mkdir, []

    def mkdir(path: Any, *arguments: Any, **options: Any) -> None:
        if path == "lab" and not calls:
            calls.append(path)
            parent.rmdir()
        real(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    for descriptor in lab_folder.take(str(parent / "lab")):
        os.close(descriptor)
    assert calls
    assert (parent / "lab" / "lock").exists()


def test_a_folder_whose_lock_was_removed_is_claimed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `destroy` may take a folder that is a few microseconds old for a dead lab's."""
    real, calls = fcntl.flock, []

    def flock(descriptor: int, operation: int) -> None:
        if not calls:
            calls.append(descriptor)
            (tmp_path / "lab" / "lock").unlink()
            (tmp_path / "lab").rmdir()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    for descriptor in lab_folder.take(str(tmp_path / "lab")):
        os.close(descriptor)
    assert calls
    assert (tmp_path / "lab" / "lock").exists()


def test_the_state_is_removed_through_descriptors(tmp_path: Path) -> None:
    directory = tmp_path / "netlab" / "lab"
    folder = launch._claim(str(directory))
    (directory / "logs").mkdir()
    (directory / "logs" / "link").symlink_to("/etc/passwd")
    lab_folder.remove_state(str(directory), folder)
    assert list(tmp_path.iterdir()) == []
    assert Path("/etc/passwd").exists()


def test_an_init_whose_builder_is_gone_removes_its_state(tmp_path: Path) -> None:
    directory = tmp_path / "netlab" / "lab"
    folder = launch._claim(str(directory))
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        labinit.run(theirs, str(directory), folder)
    theirs.close()
    ours.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_fails_is_answered_before_the_state_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(38, "mount_setattr /: Function not implemented")

    monkeypatch.setattr(labinit.rootfs, "prepare_lab", refuse)
    directory = tmp_path / "netlab" / "lab"
    folder = launch._claim(str(directory))
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        labinit.run(theirs, str(directory), folder)
    theirs.close()
    ours.sendall(json.dumps({"op": "nodes", "nodes": [], "keep": [], "writable": []}).encode() + b"\n")
    assert json.loads(ours.recv(4096)) == {
        "error": "mount_setattr /: Function not implemented",
        "remedy": "Linux 5.12 or later is needed",
    }
    ours.close()
    os.waitpid(child, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(28, "No space left on device", "logs"), "make room there, or set XDG_STATE_HOME to another folder"),
        (OSError(28, "unshare: No space left on device"), "raise user.max_user_namespaces"),
        (OSError(11, "Resource temporarily unavailable"), "raise the limit of processes (ulimit -u)"),
        (OSError(24, "Too many open files"), "raise the hard limit of open files"),
    ],
)
def test_what_ran_out_is_named(error: OSError, remedy: str) -> None:
    assert (making.remedy(error) or "").startswith(remedy)


def test_a_folder_of_labs_that_was_made_for_nothing_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.mkdir

    def full(path: Any, *arguments: Any, **options: Any) -> None:
        if path == "lab":
            raise OSError(28, "No space left on device", path)
        real(path, *arguments, **options)

    monkeypatch.setattr(os, "mkdir", full)
    assert "No space left on device" in refusal(tmp_path / "netlab" / "lab")["error"]
    assert list(tmp_path.iterdir()) == []
