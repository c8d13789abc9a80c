"""Opening a folder on a path that nobody but its user and root can change.

Where another user owns a folder of the path, or may write in one, a link could be put in the place of any folder
below, at any moment: a check of the last folder alone proves nothing then. So every step is checked, from the root
down, by descriptor; once all have passed, the path means the same folder for good.

Imported by the lab's launcher: nothing but os and stat, no pathlib.
"""

from __future__ import annotations

import errno
import os
import stat

_MOST_LINKS = 40  # as the kernel has it (path_resolution(7))
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Untrusted(Exception):
    """Somebody else can change where the path leads. The text says who and where."""


def open_folder(path: str, *, make: bool = False) -> int:
    """A descriptor of the folder at `path` (absolute), which is this user's own; with `make`, made where it is missing.

    Untrusted, or OSError with the failing folder as its filename: FileNotFoundError, NotADirectoryError and the like.
    """
    folder = os.open("/", _OPEN)
    try:
        here = _walk(folder, path, make)
    except OSError as error:
        error.filename = error.filename or path
        raise
    finally:
        os.close(folder)
    found = os.fstat(here)
    refusal = None
    if found.st_uid != os.geteuid():
        refusal = f"{path} belongs to another user"
    elif found.st_mode & 0o022:
        refusal = f"others may write in {path}"
    if refusal:
        os.close(here)
        raise Untrusted(refusal)
    return here


def check_path(path: str) -> None:
    """Whether a folder of this user's could be made at `path`, a folder that need not be its own.

    Untrusted, or OSError with the failing folder as its filename.
    """
    root = os.open("/", _OPEN)
    try:
        folder = _walk(root, path, make=False)
    finally:
        os.close(root)
    try:
        _check(folder, path)
    finally:
        os.close(folder)


def _walk(root: int, path: str, make: bool) -> int:
    folder, above, links = os.dup(root), "/", 0
    left = path.split("/")[::-1]
    try:
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            _check(folder, above)
            full = os.path.normpath(os.path.join(above, name))  # noqa: PTH118
            link = _link_or_folder(folder, name, full, make)
            if isinstance(link, int):
                os.close(folder)
                folder, above = link, full
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), full)
            left += link.split("/")[::-1]
            if link.startswith("/"):
                os.close(folder)
                folder, above = os.dup(root), "/"
    except BaseException:
        os.close(folder)
        raise
    return folder


def _link_or_folder(folder: int, name: str, full: str, make: bool) -> int | str:
    """What stands there: the text of a link, or a descriptor of a folder."""
    if make:
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            pass
        except OSError as error:
            if not _stands(folder, name):  # a parent that may only be looked through, or is read-only
                error.filename = full
                raise
    try:
        found = os.open(name, _LOOK, dir_fd=folder)
    except OSError as error:
        error.filename = full
        raise
    try:
        status = os.fstat(found)
        if stat.S_ISLNK(status.st_mode):
            if not _is_ours(status.st_uid):
                raise Untrusted(f"{full} is a link that belongs to another user")
            return os.readlink("", dir_fd=found)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), full)
        return os.dup(found)
    finally:
        os.close(found)


def _stands(folder: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except OSError:
        return False
    return True


def _check(folder: int, path: str) -> None:
    """Whoever may write in a folder can replace what is in it, unless the sticky bit keeps others' entries theirs."""
    found = os.fstat(folder)
    if not _is_ours(found.st_uid):
        raise Untrusted(f"{path} belongs to another user")
    if found.st_mode & stat.S_ISVTX:
        return
    # A user's own group, which many systems give every user, is the user.
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid not in (0, os.getegid())):
        raise Untrusted(f"others may write in {path}")


def _is_ours(uid: int) -> bool:
    return uid in (0, os.geteuid()) or uid == _unmapped()


def _unmapped() -> int | None:
    """The id that stands for every id without a mapping, in a user namespace that has such: the host's root is one."""
    with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123
        if any(int(line.split()[2]) == 2**32 - 1 for line in file):
            return None
    with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read())
