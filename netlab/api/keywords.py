"""What `ecmp_check` may be told, as Python programs write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from netlab.model.errors import InputError, Problem

if TYPE_CHECKING:
    from netlab.ecmp.options import CheckOptions
    from netlab.model.topology import Expect


class CheckKeywords(TypedDict, total=False):
    """The keywords of `ecmp_check`. Each may be left out.

    routers, vip ("IP" or "IP:PORT"): only these.
    flows: connections per router and VIP, 1 to 64512 (600); routers on one way from a client to a VIP share that
    number.
    seed: the source ports of an earlier run, from `verdict.seed`. timeout: seconds for each connection, and for its
    answer (5). expect: a word of `Expect`, such as "ecmp", over what the topology expects.
    evidence: a file to save what was seen in, for `judge`.
    """

    routers: str | tuple[str, ...] | list[str]
    vip: str | None
    flows: int
    seed: int | None
    timeout: float
    expect: Expect | str | None
    evidence: str | Path | None


def check_options(given: CheckKeywords) -> CheckOptions:
    """The same as the layers below have it. InputError for a number or a word that makes no sense."""
    from netlab.ecmp.options import CheckOptions

    ready: dict[str, Any] = dict(given)
    routers, evidence = given.get("routers", ()), given.get("evidence")
    ready["routers"] = (routers,) if isinstance(routers, str) else tuple(routers)
    ready["evidence"] = None if evidence is None else Path(evidence)
    ready["expect"] = expectation(given.get("expect"))
    return CheckOptions(**ready)


def expectation(word: Expect | str | None) -> Expect | None:
    """The word of `Expect`. InputError where it is none."""
    from netlab.model.topology import Expect

    if word is None:
        return None
    try:
        return Expect(word)
    except ValueError:
        raise InputError(Problem(f"{word!r} cannot be expected", hint=f"there is {', '.join(Expect)}")) from None
