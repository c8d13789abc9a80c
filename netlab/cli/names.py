"""Names that a shell may complete: labs, nodes, their interfaces and processes.

Called while somebody types: nothing here imports pydantic or fails.
"""

from __future__ import annotations

from contextlib import suppress

import typer


def labs(incomplete: str) -> list[str]:
    """Every lab of this user."""
    from netlab.lab import state

    with suppress(Exception):
        return _starting(incomplete, state.names())
    return []


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The nodes of the lab that the command line means, of all labs where it is not clear."""
    return _starting(incomplete, list(_interfaces(ctx)))


def routers(ctx: typer.Context, incomplete: str) -> list[str]:
    """The nodes that run routing daemons for the user."""
    return _starting(incomplete, [name for name, node in _plans(ctx).items() if node.get("role") == "router"])


def targets(ctx: typer.Context, incomplete: str) -> list[str]:
    """NODE or NODE:INTERFACE: interfaces once a colon is there, and the colon once the node is whole."""
    interfaces = _interfaces(ctx)
    if ":" in incomplete:
        node = incomplete.partition(":")[0]
        return _starting(incomplete, [f"{node}:{interface}" for interface in interfaces.get(node, ())])
    if incomplete in interfaces and not any(name.startswith(incomplete) and name != incomplete for name in interfaces):
        return [f"{incomplete}:{interface}" for interface in interfaces[incomplete]]
    return _starting(incomplete, list(interfaces))


def processes(ctx: typer.Context, incomplete: str) -> list[str]:
    """The processes of the node whose name stands on the line."""
    import os
    import shlex
    from pathlib import Path

    from netlab.lab import state

    found = set()
    with suppress(Exception):
        words = shlex.split(os.environ["COMP_WORDS"])
        for lab in _chosen(ctx):
            for node in {*words} & {*_plans(ctx)}:
                found |= {file.stem for file in Path(state.directory(lab), "logs", node).glob("*.log")}
    return _starting(incomplete, sorted(found))


def _starting(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _chosen(ctx: typer.Context) -> list[str]:
    from netlab.lab import state

    name = ctx.params.get("lab") or state.preferred()
    return [name] if name else state.names()


def _interfaces(ctx: typer.Context) -> dict[str, list[str]]:
    return {name: ["lo", *(i["name"] for i in node.get("interfaces", ()))] for name, node in _plans(ctx).items()}


def _plans(ctx: typer.Context) -> dict[str, dict]:  # type: ignore[type-arg]  # plan.json as it is
    import json

    from netlab.lab import state

    found = {}
    with suppress(Exception):
        for lab in _chosen(ctx):
            with suppress(OSError, ValueError):
                plan = json.loads((state.directory(lab) / "plan.json").read_bytes())
                found.update({node["name"]: node for node in plan["nodes"]})
    return found
