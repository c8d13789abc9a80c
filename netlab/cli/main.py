"""The `netlab` program: its commands, and the one place where errors are shown."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

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


class Interrupted(BaseException):
    """SIGINT or SIGTERM. Not an Exception, so that whatever is under way unwinds and cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _interrupt(number: int, _frame: object) -> NoReturn:
    # What was begun is now undone, and a second Ctrl-C must not stop that.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(number)


def main() -> NoReturn:
    """Run the command line and leave with its exit code (docs/design.md says what they mean)."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(prog_name="netlab")
    except Interrupted as interrupted:
        print("netlab: interrupted", file=sys.stderr)
        sys.exit(128 + interrupted.number)
    except NetlabError as error:
        for line in error.lines():
            print(f"netlab: {line}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone (`netlab logs | head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:  # standard output on a full disk, for example
        print(f"netlab: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(3)
    sys.exit(0)


if __name__ == "__main__":
    main()
