"""Where a library's progress goes: Python's logging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.lab.progress import Progress

if TYPE_CHECKING:
    from logging import Logger

__all__ = ["LogProgress", "Progress"]


class LogProgress:
    """Steps at level INFO and notes at WARNING, to the logger `netlab`."""

    def __init__(self, logger: Logger | None = None) -> None:
        import logging

        self._logger = logger or logging.getLogger("netlab")

    def step(self, text: str) -> None:
        """A step begins."""
        self._logger.info("%s", text)

    def note(self, text: str) -> None:
        """Something worth knowing that stops nothing."""
        self._logger.warning("%s", text)
