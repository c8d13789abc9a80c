"""The `netlab` program: its commands, and the one place where errors are shown."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click
import typer

from netlab.cli import check, host, inside, lifecycle
from netlab.model.errors import NetlabError

app = typer.Typer(
    name="netlab",
    help="Build a network with real routers on this machine and see, with evidence, whether ECMP spreads the traffic.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (lifecycle, inside, check, host):
    module.register(app)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        import netlab

        typer.echo(f"netlab {netlab.__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line and leave with its exit code: 0, 1, 2, 3 or 130 (docs/design.md says what they mean)."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except (KeyboardInterrupt, click.Abort):
        print("netlab: interrupted", file=sys.stderr)
        code = 130
    except NetlabError as error:
        for line in error.lines():
            print(f"netlab: {line}", file=sys.stderr)
        code = getattr(error, "shown_exit_code", error.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone (`netlab logs | head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
