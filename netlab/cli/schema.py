"""schema: the topology file's format, for editors."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema of topology files.

    With it an editor completes keys, shows what they mean and marks mistakes.
    """
    import json

    from netlab import api

    typer.echo(json.dumps(api.schema(), indent=2, ensure_ascii=False))
