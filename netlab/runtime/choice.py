"""The runtimes there are, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.model.errors import HostError, InputError, Problem

if TYPE_CHECKING:
    from netlab.runtime.base import Runtime


def by_name(name: str) -> Runtime:
    """The runtime of that name. InputError where there is none, HostError where this version does not bring it."""
    if name == "netns":
        from netlab.runtime.netns import runtime

        return runtime
    if name == "docker":
        raise HostError("this version of netlab has no docker runtime yet", "deploy with --runtime netns")
    raise InputError(Problem(f"--runtime {name}: no such runtime", hint="there is netns"))
