"""What a capturer is asked and what it reports. Plain values: they travel as JSON without a checking library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_SNAPLEN = 262_144
"""Bytes kept of a packet, as tcpdump has it: all of it."""


@dataclass(frozen=True)
class CaptureRequest:
    """Record packets of `node`, whose init has `pid` in the lab's PID namespace.

    `interface` None: all of them. `filter` is in pcap-filter(7) syntax, "" for everything. `count` packets and
    `duration` seconds end it; None: nothing but the caller does. `snaplen` in bytes.
    """

    lab: str
    node: str
    pid: int
    interface: str | None = None
    filter: str = ""
    count: int | None = None
    duration: float | None = None
    snaplen: int = DEFAULT_SNAPLEN
    form: Literal["pcapng", "lines"] = "pcapng"
    replace: bool = False
    """Empty the output first, where it is a file: not before the filter is found to be right."""


@dataclass(frozen=True)
class CaptureReport:
    """How a recording ended: packets written, and packets that matched and that the kernel had no room for."""

    packets: int
    drops: int
