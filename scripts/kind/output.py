"""Messages, and the end of the script where something is missing: as in the shell scripts beside this folder."""

from __future__ import annotations

import sys
from typing import NoReturn


def say(message: str) -> None:
    """A line of progress."""
    print(f"==> {message}", file=sys.stderr, flush=True)


def die(code: int, *lines: str) -> NoReturn:
    """End the script; the first line says what is wrong."""
    print("build-images: " + "\n".join(lines), file=sys.stderr, flush=True)
    raise SystemExit(code)


def duration(seconds: float) -> str:
    """`45 s` or `12 min`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
