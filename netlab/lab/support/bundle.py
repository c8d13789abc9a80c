"""The items of an archive, their limits, and the archive with its manifest."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from netlab.lab.support import redact
from netlab.model.errors import HostError, InputError, Problem

LARGEST_ITEM = 1 << 20
_LARGEST_TOTAL = 64 << 20
_SECONDS = 60.0
_AT_A_TIME = 8

_ABOUT = """\
What netlab collected for a bug report. Read it before you pass it on: passwords and keys are replaced by {mark}
wherever they were recognised, but addresses, names and whatever your own files and commands print are as they are.
Each text is its first {limit} KiB, of a log its last.
"""


@dataclass
class Bundle:
    """Texts by their path in the archive, and what could not be had. Safe to add to from several threads."""

    texts: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    _jobs: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def add(self, path: str, content: str, *, last: bool = False) -> None:
        """A text, redacted and cut to its first part, or to its `last`."""
        if len(content) > LARGEST_ITEM:
            content = content[-LARGEST_ITEM:] if last else content[:LARGEST_ITEM]
            self.left_out[path] = f"all but its {'last' if last else 'first'} {LARGEST_ITEM >> 10} KiB"
        self.texts[path] = redact.text(content)

    def add_document(self, path: str, value: object) -> None:
        """A JSON document, redacted."""
        import json

        self.texts[path] = json.dumps(redact.document(value), indent=1)

    def add_file(self, path: str, file: Path, *, last: bool = False) -> None:
        """A file of the host, no more of it read than is kept."""
        try:
            with file.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if last and size > LARGEST_ITEM:
                    stream.seek(-LARGEST_ITEM - 1, os.SEEK_END)
                self.add(path, stream.read(LARGEST_ITEM + 1).decode("utf-8", "replace"), last=last)
        except OSError as error:
            self.left_out[path] = f"{file}: {error.strerror}"

    def attempt(self, path: str, job: Callable[[], None]) -> None:
        """Do `job` now; what goes wrong with it is why `path` is left out."""
        try:
            job()
        except Exception as error:  # a bug of netlab's own is no reason to have no report of it
            self.left_out[path] = f"{type(error).__name__}: {error}"

    def later(self, path: str, job: Callable[[], None]) -> None:
        """Do it in `run`, beside others."""
        self._jobs.append((path, job))

    def run(self) -> None:
        """Do what was put off, side by side, for a minute at most."""
        pool = ThreadPoolExecutor(_AT_A_TIME)
        futures: dict[Future[None], str] = {}
        for path, job in self._jobs:
            futures[pool.submit(self.attempt, path, job)] = path
        _, late = wait(futures, timeout=_SECONDS)
        pool.shutdown(wait=False, cancel_futures=True)
        for future in late:
            self.left_out[futures[future]] = f"no answer within {_SECONDS:.0f} s"

    def write(self, file: Path) -> int:
        """Write the archive, its owner's alone; its size in bytes. InputError where the file is there already."""
        try:
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            raise InputError(Problem(f"{file} is there already", hint="name another file with -o")) from None
        except OSError as error:
            raise HostError(f"cannot write {file}: {error.strerror}", "name another file with -o") from None
        try:
            with os.fdopen(descriptor, "wb") as stream:
                self._write(stream, file.name.removesuffix(".tar.gz"))
                return stream.tell()
        except OSError as error:
            file.unlink(missing_ok=True)
            raise HostError(f"cannot write {file}: {error.strerror}", "name another file with -o") from None
        except BaseException:
            file.unlink(missing_ok=True)
            raise

    def _write(self, stream: io.BufferedWriter, folder: str) -> None:
        kept: dict[str, bytes] = {}
        total = 0
        for path, content in sorted(dict(self.texts).items()):
            data = content.encode("utf-8", "replace")
            total += len(data)
            if total > _LARGEST_TOTAL:
                self.left_out[path] = f"the archive is full ({_LARGEST_TOTAL >> 20} MiB)"
            else:
                kept[path] = data
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for path, data in {"MANIFEST.txt": self._manifest(kept).encode(), **kept}.items():
                about = tarfile.TarInfo(f"{folder}/{path}")
                about.size, about.mode, about.mtime = len(data), 0o600, int(time.time())
                archive.addfile(about, io.BytesIO(data))

    def _manifest(self, kept: dict[str, bytes]) -> str:
        lines = [_ABOUT.format(mark=redact.MARK, limit=LARGEST_ITEM >> 10), "in it:"]
        lines += [f"  {len(data):8d}  {path}" for path, data in kept.items()]
        left_out = [f"  {path}: {redact.text(why)}" for path, why in sorted(self.left_out.items())]
        return "\n".join([*lines, "", "left out:", *left_out]) + "\n"
