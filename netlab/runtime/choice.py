"""The runtimes there are, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.model.errors import InputError, Problem

if TYPE_CHECKING:
    from netlab.runtime.base import Runtime


def by_name(name: str) -> Runtime:
    """The runtime of that name. InputError where there is none."""
    if name == "netns":
        from netlab.runtime.netns import runtime

        return runtime
    if name == "docker":
        from netlab.runtime.docker import runtime as containers

        return containers
    raise InputError(Problem(f"--runtime {name}: no such runtime", hint="there are netns and docker"))
