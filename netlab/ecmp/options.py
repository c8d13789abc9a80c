"""What a caller of ecmp-check may choose: the one list, from the command line to the measurement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from netlab.model import limits
from netlab.model.errors import InputError, Problem
from netlab.model.parameters import parameter
from netlab.model.topology import Expect


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What to look at, and how hard."""

    routers: tuple[str, ...] = ()
    """Only these; empty: all."""
    vip: str | None = None
    """Only this one: IP, IPV4:PORT or [IPV6]:PORT."""
    flows: int = 600
    """New connections per router and VIP."""
    seed: int | None = None
    """What the source ports are drawn by; None: another one each time."""
    timeout: float = 5.0
    """Seconds for each connection, and for its answer."""
    expect: Expect | None = None
    """In place of what the topology expects."""
    evidence: Path | None = None
    """The file to save what was seen in."""

    def __post_init__(self) -> None:
        """InputError for a number that makes no sense."""
        limits.FLOWS.check("flows", self.flows)
        limits.SEED.check("seed", self.seed)
        limits.TIMEOUT.check("timeout", self.timeout)

    def target(self) -> tuple[str | None, int | None]:
        """The address and the port of `vip`, None for what it leaves open. InputError where it has another form."""
        if self.vip is None:
            return None, None
        address, port = self.vip, ""
        bracketed = re.fullmatch(r"\[(.*)\](?::(.+))?", self.vip)
        if bracketed:
            address, port = bracketed[1], bracketed[2] or ""
        elif self.vip.count(":") == 1:
            address, _, port = self.vip.partition(":")
            port = port or "none"
        try:
            return str(ip_address(address)), int(port) if port else None
        except ValueError:
            message = f"{parameter('vip')} {self.vip}: not an address, or an address and a port"
            raise InputError(Problem(message)) from None
