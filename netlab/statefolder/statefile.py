"""A file of a lab's state folder: read only if netlab wrote it, and replaced as a whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from netlab.model.errors import HostError, LabError


def read(path: Path) -> bytes:
    """Its content. LabError for what netlab did not put there: a link, a pipe, a file with other names."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
                return file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR):
            raise HostError(f"cannot read {path}: {error.strerror}") from None
    raise LabError(f"{path} is damaged: not a file that netlab wrote")


def write(path: Path, data: bytes) -> None:
    """Replace it in one step: whoever is killed leaves the old one or the new one. OSError."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # of a netlab that was killed here
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    new.rename(path)
