"""What the command line calls the parameters of netlab.api: messages name them so."""

from __future__ import annotations

_OTHERWISE = {"file": "FILE", "everything": "--all", "routers": "--router"}


def option(parameter: str) -> str:
    """The option that gives the parameter, with its dashes."""
    return _OTHERWISE.get(parameter) or f"--{parameter.replace('_', '-')}"
