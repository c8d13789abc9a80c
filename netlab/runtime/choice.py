"""A runtime's functions, by its name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from netlab.registry.runtimes import entry

if TYPE_CHECKING:
    from netlab.runtime.base import Runtime


def by_name(name: str) -> Runtime:
    """The runtime of that name. InputError where there is none."""
    return cast("Runtime", import_module(entry(name).implementation))
