"""The lock of a lab's state folder. A lab's init holds it as long as it lives, so it is the test of life.

A folder is removed by nobody but the holder of its lock, so that a new lab of the same name is never removed with
the remains of an old one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

NAME = "lock"
_RECORDS = ("kept.json", "lab.json")
_POLL = 0.002
_CLAIM_SECONDS = 0.5  # between the making of the folder and that of its lock; in fact microseconds


def is_held(folder: Path) -> bool:
    """Whether a living init holds the lock. The look is shared, so that two at a time do not take each other for it."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def remove_folder(folder: Path, timeout: float) -> bool:
    """Remove a state folder, and its parent where that is empty then, once the lock is free.

    False where the lock is still held after `timeout` seconds. OSError for what cannot be removed.
    """
    start = time.monotonic()
    while True:
        waited = time.monotonic() - start
        try:
            descriptor = os.open(folder / NAME, os.O_RDWR | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.lexists(folder):
                return True
            if waited > _CLAIM_SECONDS:  # whoever made it died before the lock
                _remove(folder)
                return True
        else:
            try:
                if _took(descriptor, folder / NAME):
                    _remove(folder)
                    return True
            finally:
                os.close(descriptor)
            if waited > timeout:
                return False
        time.sleep(_POLL)


def _took(descriptor: int, path: Path) -> bool:
    """Whether the lock was to be had, and is still the lock file of that folder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _remove(folder: Path) -> None:
    """The records go first: what an interrupt leaves then is an unfinished lab, and not one that lacks its plan."""
    for record in _RECORDS:
        with contextlib.suppress(OSError):
            (folder / record).unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):
        shutil.rmtree(folder)  # says what stands in the way
    try:
        folder.parent.rmdir()
    except OSError:
        pass  # other labs live there
