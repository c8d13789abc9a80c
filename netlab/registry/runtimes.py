"""The runtimes: who can run a lab's machines, by name. Nothing else in netlab spells such a name.

Another package brings one by an entry point of the group `netlab.runtimes` that names a `RuntimeEntry`.
"""

from __future__ import annotations

from collections.abc import Callable

from netlab.model.errors import InputError, Problem
from netlab.model.parameters import parameter
from netlab.model.runtime import RuntimeEntry, Traits
from netlab.registry import Registry

RUNTIMES = Registry(
    "netlab.runtimes",
    "runtime",
    RuntimeEntry,
    {"netns": "netlab.runtime.netns.entry:RUNTIME", "docker": "netlab.runtime.docker.entry:RUNTIME"},
)

USUAL = "netns"
"""What runs a lab whose file names no other."""


def traits(name: str) -> Traits:
    """What the runtime of that name is. InputError where there is none, HostError where it cannot be used."""
    return entry(name).traits


def entry(name: str) -> RuntimeEntry:
    """The runtime of that name, its code not yet imported. InputError where there is none."""
    try:
        return RUNTIMES.load(name)
    except KeyError:
        there = " and ".join(RUNTIMES.names())
        raise InputError(
            Problem(f"{parameter('runtime')} {name}: no such runtime", hint=f"there are {there}")
        ) from None


def with_traits(wanted: Callable[[Traits], bool]) -> str:
    """The name of the first runtime that is as wanted, for a message that says what would do. Empty where none is."""
    return next((name for name in RUNTIMES.usable() if wanted(RUNTIMES.load(name).traits)), "")
