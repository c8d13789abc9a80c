"""What a lab package reports while it works. Who shows it, and how, is the command's business."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives one short line per step, such as "wiring 14 links"."""

    def step(self, text: str) -> None:
        """A step begins."""

    def note(self, text: str) -> None:
        """Something worth knowing that stops nothing."""
