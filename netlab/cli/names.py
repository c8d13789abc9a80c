"""What a shell completes: labs, nodes, their interfaces and processes, that begin with what stands there already."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import typer


def labs(incomplete: str) -> list[str]:
    """Every lab of this user."""
    from netlab.api import names

    return _starting(incomplete, names.labs())


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The nodes of the lab that the command line means, of all labs where it is not clear."""
    from netlab.api import names

    return _starting(incomplete, names.interfaces(_lab(ctx)))


def routers(ctx: typer.Context, incomplete: str) -> list[str]:
    """The nodes that run routing daemons for the user."""
    from netlab.api import names

    return _starting(incomplete, names.routers(_lab(ctx)))


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """NODE or NODE:INTERFACE: interfaces once a colon is there, and the colon once the node is whole."""
    from netlab.api import names

    interfaces = names.interfaces(_lab(ctx))
    if ":" in incomplete:
        node = incomplete.partition(":")[0]
        return _starting(incomplete, [f"{node}:{interface}" for interface in interfaces.get(node, ())])
    if incomplete in interfaces and not any(name.startswith(incomplete) and name != incomplete for name in interfaces):
        return [f"{incomplete}:{interface}" for interface in interfaces[incomplete]]
    return _starting(incomplete, interfaces)


def processes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The processes of the node whose name stands on the line."""
    import os
    import shlex

    from netlab.api import names

    with suppress(KeyError, ValueError):
        words = set(shlex.split(os.environ["COMP_WORDS"]))
        return _starting(incomplete, names.processes(words, _lab(ctx)))
    return []


def _starting(incomplete: str, found: Iterable[str]) -> list[str]:
    return [name for name in found if name.startswith(incomplete)]


def _lab(ctx: typer.Context) -> str | None:
    name = ctx.params.get("lab")
    return str(name) if name else None
