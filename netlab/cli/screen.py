"""Progress on standard error: coloured on a terminal, plain lines elsewhere.

Lines, and no live display: that would start a thread, and a process with two cannot enter a user namespace.
"""

from __future__ import annotations

import os
import sys
import time

from netlab.model.text import printable


class Screen:
    """Shows the steps of a lab package with the time since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._console = None
        if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False)

    def step(self, text: str) -> None:
        """A step begins."""
        self._print(f"{time.monotonic() - self._start:6.2f} s  {text}", "dim")

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._print(f"          note: {text}", "yellow")

    def done(self, text: str) -> None:
        """The work is done."""
        self._print(f"{time.monotonic() - self._start:6.2f} s  {text}", "bold")

    def _print(self, text: str, style: str) -> None:
        text = printable(text)
        if self._console:
            self._console.print(text, style=style, markup=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr)
