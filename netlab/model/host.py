"""What a host has and lacks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostFinding:
    """One need: whether it is met, what was found, and what mends it. `needed`: without it no lab runs, or not all."""

    need: str
    ok: bool
    needed: bool
    found: str
    mend: str = ""

    @property
    def sentence(self) -> str:
        """As an error says it."""
        return f"{self.need}: {self.found}"
