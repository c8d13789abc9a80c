"""What `doctor` found, for a terminal or as JSON."""

from __future__ import annotations

from netlab.model import codec
from netlab.model.host import HostFinding


def print_findings(findings: tuple[HostFinding, ...], *, as_json: bool) -> None:
    """One line per need, and below it the command that mends it."""
    if as_json:
        print(codec.encode({"schema": 1, "needs": findings}, indent=2).decode())
        return
    for finding in findings:
        mark = "ok     " if finding.ok else "MISSING" if finding.needed else "missing"
        print(f"{mark}  {finding.need}: {finding.found}")
        if finding.mend:
            print(f"           to mend it: {finding.mend}")
