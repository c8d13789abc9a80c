"""What the numbers that a caller gives may be: the same on the command line and in netlab.api."""

from __future__ import annotations

from dataclasses import dataclass

from netlab.model.errors import InputError, Problem
from netlab.model.parameters import parameter

_LONGEST = 40


@dataclass(frozen=True)
class Limit:
    """The smallest and the largest number that a parameter takes, and what it counts, where it counts anything."""

    least: float
    most: float
    unit: str

    def check(self, name: str, value: object) -> None:
        """InputError where `value` of the parameter is no such number; None, where it was not given, is well."""
        whole = isinstance(self.least, int)
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        # In that order: NaN is neither less nor more than anything.
        if value is None or (right and self.least <= value <= self.most):  # type: ignore[operator]
            return
        kind = f"a {'whole ' if whole else ''}number{f' of {self.unit}' if self.unit else ''}"
        bounds = f"from {_shown(self.least)} to {_shown(self.most)}"
        raise InputError(Problem(f"{parameter(name)} {_shown(value)}: not {kind} {bounds}"))


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 4 * _LONGEST:  # Python writes no number of 5,000 digits
        return "(a number of very many digits)"
    text = f"{value:.15g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


TIMEOUT = Limit(0.1, 1_000_000.0, "seconds")
"""Below what poll(2) takes, in milliseconds."""
COMMAND = Limit(0.001, 1_000_000.0, "seconds")
FLOWS = Limit(1, 64_512, "flows")
"""One client address has that many unprivileged source ports for one VIP and port."""
SEED = Limit(0, 2**32 - 1, "")
PACKETS = Limit(1, 2**53, "packets")
SNAPLEN = Limit(1, 262_144, "bytes")
LINES = Limit(0, 1_000_000_000, "lines")
