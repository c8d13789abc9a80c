"""Files that a topology names: inside its folder, and there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from netlab.model.errors import Position
from netlab.topology.problems import Problems, did_you_mean


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file, at most `limit` bytes of it and one more.

    A pipe or a device is never waited for, whatever the path has become since somebody looked.
    Raises OSError; IsADirectoryError for a folder, and ESPIPE for what is neither file nor folder.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(mode):
            raise OSError(errno.ESPIPE, "is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(limit + 1) or b""
    finally:
        os.close(descriptor)


def is_utf8(path: Path) -> bool:
    """Whether a path can be written in JSON: every byte of it is UTF-8."""
    return not any("\ud800" <= char <= "\udfff" for char in str(path))


_SOFTWARE = (Path("/usr"), Path("/lib/modules"))
"""Folders of the host that hold programs and kernel modules, readable to everybody, and nobody's secrets or sockets."""


def shared_software(written: str) -> Path | None:
    """What a bind may show of the host beside the topology's folder, and only for reading: installed software.

    A file from anywhere must not name /etc/shadow or Docker's socket; VyOS and others need the kernel's modules.
    """
    if not written.startswith("/"):
        return None
    try:
        path = Path(written).resolve(strict=True)
    except (OSError, RuntimeError):  # a loop of links is a RuntimeError before Python 3.13
        return None
    return path if any(path.is_relative_to(folder) for folder in _SOFTWARE) and is_utf8(path) else None


def inside(folder: Path, written: str, position: Position, problems: Problems) -> Path | None:
    """The existing file or folder that `written` names, absolute, every symbolic link followed.

    None, and a problem, where it leaves `folder` (an absolute path with its links followed) or does not exist.
    """
    try:
        path = (folder / written).resolve()
        exists = path.exists()
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "a loop of symbolic links"
        problems.add(f'"{written}" cannot be read: {reason}', position)
        return None
    if not path.is_relative_to(folder):
        problems.add(f'"{written}" leaves the topology\'s folder', position, "copy it next to the topology file")
        return None
    if not is_utf8(path):
        problems.add(f'"{written}" has bytes that are not UTF-8 in its path', position, "rename it")
        return None
    if not exists:
        problems.add(f'no such file "{written}"', position, _near(path, written))
        return None
    if not os.access(path, os.R_OK):
        problems.add(f'"{written}" cannot be read', position, "give yourself read permission")
        return None
    return path


def root_folder(folder: Path, written: str, position: Position, problems: Problems) -> Path | None:
    """The folder that holds a node's root file system, absolute, every symbolic link followed.

    It may lie anywhere, unlike every other path: it is only read, and a node without one sees the host's files too.
    None, and a problem, where it is not there, is no folder, or cannot be read.
    """
    try:
        path = (folder / written).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError before Python 3.13
        reason = error.strerror if isinstance(error, OSError) else "a loop of symbolic links"
        problems.add(
            f'rootfs "{written}": {reason}', position, "name the folder that a root file system is unpacked in"
        )
        return None
    if not is_utf8(path):
        problems.add(f'rootfs "{written}" has bytes that are not UTF-8 in its path', position, "rename it")
        return None
    if not path.is_dir():
        problems.add(f'rootfs "{written}" is not a folder', position, "unpack the root file system first")
        return None
    if not os.access(path, os.R_OK | os.X_OK):
        problems.add(f'rootfs "{written}" cannot be read', position, "give yourself permission to read and search it")
        return None
    return path


def _near(path: Path, written: str) -> str | None:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return "paths start at the topology's folder"
    hint = did_you_mean(path.name, names, or_list=False)
    return hint if hint or "/" in written else "paths start at the topology's folder"
