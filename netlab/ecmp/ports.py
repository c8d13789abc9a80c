"""The source ports of the flows: drawn by the seed, and no two flows with the same addresses and ports."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

from netlab.model.endpoint import endpoint
from netlab.model.errors import InputError, Problem
from netlab.model.parameters import parameter
from netlab.model.plan import CheckPlan

_PORTS = range(1024, 65536)
"""The unprivileged source ports that one client address has for one VIP and port: `limits.FLOWS` of them."""
MAX_FLOWS = len(_PORTS)

_Path = tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address, int]
"""Client address, VIP and port: what flows have in common that differ by their source port alone."""


@dataclass(frozen=True)
class SourcePorts:
    """The source ports of one check's flows, and `spare` ones for those that the client has in use."""

    ports: tuple[int, ...]
    spare: tuple[int, ...]


def refuse_too_many(checks: Sequence[CheckPlan], flows: int) -> None:
    """InputError where the checks need more source ports than a client address has."""
    for (_, vip, port), together in _by_path(checks).items():
        fit = MAX_FLOWS // len(together)
        if flows > fit:
            routers = ", ".join(check.router for check in together)
            message = (
                f"{parameter('flows')} {flows}: {together[0].client} has {MAX_FLOWS} source ports to "
                f"{endpoint(vip, port)}, and {len(together)} routers on its way ({routers}) share them: {fit} flows "
                "each"
            )
            fewer, one = f"{parameter('flows')} {fit}", f"one router at a time with {parameter('routers')}"
            raise InputError(Problem(message, hint=f"{fewer}, or {one}"))


def draw(checks: Sequence[CheckPlan], flows: int, seed: int) -> tuple[SourcePorts, ...]:
    """The source ports of each check; none is drawn twice on one path.

    Each check draws for itself, and passes over what those before it have: the same router alone gets the same ports
    by the same seed, but for the few that it would share.
    """
    drawn: dict[CheckPlan, SourcePorts] = {}
    for shared, together in _by_path(checks).items():
        own: dict[CheckPlan, tuple[int, ...]] = {}
        taken: set[int] = set()
        for check in together:
            own[check] = _own(check, flows, seed, taken)
            taken.update(own[check])
        rest = sorted(set(_PORTS) - taken)
        each = min(flows, len(rest) // len(together))
        spare = random.Random(f"{seed} {shared}").sample(rest, each * len(together))
        for number, check in enumerate(together):
            drawn[check] = SourcePorts(own[check], tuple(spare[number * each : (number + 1) * each]))
    return tuple(drawn[check] for check in checks)


def _own(check: CheckPlan, flows: int, seed: int, taken: set[int]) -> tuple[int, ...]:
    pool = random.Random(f"{seed} {check.router} {check.vip} {check.port}").sample(_PORTS, flows + len(taken))
    return tuple(islice((port for port in pool if port not in taken), flows))


def _by_path(checks: Sequence[CheckPlan]) -> dict[_Path, list[CheckPlan]]:
    found: dict[_Path, list[CheckPlan]] = {}
    for check in checks:
        found.setdefault((check.client_address, check.vip, check.port), []).append(check)
    return found
