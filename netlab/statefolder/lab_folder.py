"""Taking a state folder for a new lab: made in a trusted place, its lock taken. And giving one up again.

Imported by the netns launcher, a bare interpreter: standard library only, no pathlib.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import NamedTuple

from netlab.kernel import syscalls as sc
from netlab.statefolder import trusted_paths

ELSEWHERE = "set XDG_STATE_HOME to a folder of yours"
_TRIES = 100


class Exists(Exception):
    """There is a folder of that name already: a lab, or what is left of one."""


class Refused(Exception):
    """The folder cannot be had. The text says why, `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


class Claim(NamedTuple):
    """Two descriptors: of a lab's new folder, and of its lock, which is held as long as that is open somewhere."""

    folder: int
    lock: int


def take(directory: str) -> Claim:
    """Make the lab's state folder and take its lock. Raises Exists or Refused."""
    parent, name = os.path.split(directory)
    for _ in range(_TRIES):
        try:
            labs = trusted_paths.open_folder(parent, make=True)
        except trusted_paths.Untrusted as error:
            raise Refused(str(error), ELSEWHERE) from None
        except FileNotFoundError:
            continue  # another lab's end removed the empty folder
        except OSError as error:
            raise Refused(f"cannot make {error.filename}: {error.strerror}", ELSEWHERE) from None
        try:
            folder = _make(labs, name, directory)
        except (Exists, Refused):
            _remove_if_empty(labs)
            raise
        finally:
            os.close(labs)
        if folder is None:
            continue
        try:
            lock = _lock(folder)
        except OSError as error:
            remove_state(directory, folder)
            raise Refused(f"cannot write in {directory}: {error.strerror}", ELSEWHERE) from None
        if lock is not None:
            return Claim(folder, lock)
        os.close(folder)
    raise Refused(f"cannot make {directory}: its parent is removed again and again")


def retake(directory: str) -> Claim | None:
    """The folder of a lab that is there and its lock; None where somebody holds that."""
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    lock = os.open("lock", os.O_RDWR | os.O_NOFOLLOW, dir_fd=folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        os.close(folder)
        return None
    return Claim(folder, lock)


def _remove_if_empty(labs: int) -> None:
    """The folder of all labs, which may have been made for nothing."""
    name = os.path.basename(os.readlink(f"/proc/self/fd/{labs}"))
    above = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=labs)
    try:
        if os.path.samestat(os.fstat(labs), os.stat(name, dir_fd=above, follow_symlinks=False)):
            os.rmdir(name, dir_fd=above)
    except OSError:
        pass  # labs live there, or it is gone already
    finally:
        os.close(above)


def _make(labs: int, name: str, directory: str) -> int | None:
    """The lab's new folder; None where the folder of all labs is gone meanwhile."""
    try:
        os.mkdir(name, 0o700, dir_fd=labs)
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=labs)
    except FileExistsError:
        found = os.stat(name, dir_fd=labs, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            raise Exists from None
        error = f"{directory} is not a folder of this user"
        raise Refused(error, f"look at it, then remove {directory}") from None
    except FileNotFoundError:
        return None  # another lab's end removed the empty parent
    except OSError as error:
        raise Refused(f"cannot make {directory}: {error.strerror}", ELSEWHERE) from None


def _lock(folder: int) -> int | None:
    """The lock, taken. None where a `destroy` took the new folder for a dead lab's."""
    lock = os.open("lock", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=folder)
    fcntl.flock(lock, fcntl.LOCK_EX)  # held by others for no longer than a look
    try:
        if os.path.samestat(os.fstat(lock), os.stat("lock", dir_fd=folder)):
            return lock
    except FileNotFoundError:
        pass
    os.close(lock)
    return None


def remove_state(directory: str, directory_fd: int) -> None:
    """Remove the lab's folder through the descriptor, which was opened before the host's files became read-only.

    The folder itself goes by its parent; the parent too when it is empty.
    """
    try:
        sc.unmount(f"{directory}/mount")
    except OSError:
        pass  # not mounted yet
    parent = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory_fd)
    _remove_tree(os.path.basename(directory), parent)
    above = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
    try:
        os.rmdir(os.path.basename(os.path.dirname(directory)), dir_fd=above)
    except OSError:
        pass  # other labs live there


def _remove_tree(name: str, parent: int) -> None:
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    with os.scandir(folder) as entries:
        # The lock goes last: as long as there is one, nobody takes the folder for an abandoned one.
        for entry in sorted(entries, key=lambda entry: entry.name == "lock"):
            if entry.is_dir(follow_symlinks=False):
                _remove_tree(entry.name, folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
    os.close(folder)
    os.rmdir(name, dir_fd=parent)
