import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netlab.statefolder import lock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "netlab" / "lab"
    made.mkdir(parents=True)
    (made / "lock").touch()
    (made / "logs").mkdir()
    (made / "logs" / "zebra.log").write_text("a line")
    return made


@contextmanager
def held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_lock_is_held_as_long_as_its_holder_lives(folder: Path) -> None:
    assert not lock.is_held(folder)
    with held(folder):
        assert lock.is_held(folder)
    assert not lock.is_held(folder)


def test_two_looks_at_a_time_do_not_take_each_other_for_the_holder(folder: Path) -> None:
    other = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_SH)  # what a look does for a moment
    assert not lock.is_held(folder)
    os.close(other)


def test_no_folder_no_lock(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "none")
    assert lock.remove_folder(tmp_path / "none", 0)


def test_a_dead_labs_folder_goes_and_its_empty_parent_too(folder: Path) -> None:
    assert lock.remove_folder(folder, 0)
    assert not folder.parent.exists()


def test_an_interrupted_removal_leaves_an_unfinished_lab(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (folder / "lab.json").touch()
    monkeypatch.setattr(lock.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.remove_folder(folder, 0)
    assert not (folder / "lab.json").exists()
    assert (folder / "lock").exists()


def test_the_parent_stays_where_another_lab_lives(folder: Path) -> None:
    (folder.parent / "other").mkdir()
    assert lock.remove_folder(folder, 0)
    assert [path.name for path in folder.parent.iterdir()] == ["other"]


def test_a_living_labs_folder_is_not_removed(folder: Path) -> None:
    with held(folder):
        assert not lock.remove_folder(folder, 0.02)
    assert (folder / "logs" / "zebra.log").read_text() == "a line"


def test_removal_waits_for_the_lock(folder: Path) -> None:
    descriptor = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    timer = threading.Timer(0.05, os.close, (descriptor,))
    timer.start()
    assert lock.remove_folder(folder, 5)
    timer.join()
    assert not folder.exists()


def test_a_lock_of_a_folder_that_was_replaced_meanwhile_is_no_leave_to_remove(folder: Path) -> None:
    """Another netlab removed the dead lab and deployed it anew between our opening and our locking."""
    descriptor = os.open(folder / "lock", os.O_RDWR)
    (folder / "lock").unlink()
    (folder / "lock").touch()
    assert not lock._took(descriptor, folder / "lock")
    os.close(descriptor)


def test_a_folder_without_a_lock_is_given_time_to_get_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "lock").unlink()
    monkeypatch.setattr(lock, "_CLAIM_SECONDS", 0.05)

    def claim() -> None:
        (folder / "lock").touch()
        descriptors.append(os.open(folder / "lock", os.O_RDWR))
        fcntl.flock(descriptors[0], fcntl.LOCK_EX)

    descriptors: list[int] = []
    claim()
    assert not lock.remove_folder(folder, 0.02)
    os.close(descriptors[0])
    (folder / "lock").unlink()
    assert lock.remove_folder(folder, 0)
    assert not folder.exists()
