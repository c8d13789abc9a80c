"""The `netlab` program: its commands, and the one place where errors are shown."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from netlab.cli import capture, check, commands, completion, graph, host, lifecycle, repair, schema, support
from netlab.cli.spelling import option
from netlab.model.errors import NetlabError
from netlab.model.parameters import spelled
from netlab.model.text import printable

if TYPE_CHECKING:
    from typing_extensions import Buffer

app = typer.Typer(
    name="netlab",
    help="Build a network with real routers on this machine and see, with evidence, whether ECMP spreads the traffic.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (lifecycle, repair, commands, capture, graph, check, host, schema, support, completion):
    module.register(app)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        import netlab

        typer.echo(f"netlab {netlab.__version__}")
        raise typer.Exit


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP (the terminal is gone).

    Not an Exception, so that whatever is under way unwinds and cleans up.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


_REPEAT = 0.1  # seconds
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, _frame: object) -> NoReturn:
    # What was begun is now undone, and a second Ctrl-C must not stop that.
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: _interrupt_again(number))
    signal.setitimer(signal.ITIMER_REAL, _REPEAT, _REPEAT)
    raise Interrupted(number)


def _interrupt_again(number: int) -> None:
    """Raise until somebody handles it: native code swallows what a signal raises below it (pydantic's, a finalizer)."""
    handled = sys.exc_info()[1]
    while handled is not None:
        if isinstance(handled, Interrupted):
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        handled = handled.__context__
    raise Interrupted(number)


class _Output(io.FileIO):
    """Standard output that does not mind when its reader is gone (`netlab logs | head`).

    There is nothing to say then and nobody to say it to, and the exit code still tells how the command ended.
    """

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes
        except OSError as error:  # a full disk, for example
            raise OSError(error.errno, error.strerror, "standard output") from None


def main() -> NoReturn:
    """Run the command line and leave with its exit code (docs/design.md says what they mean)."""
    if completion.LINE in os.environ:
        completion.answer(app)
    if sys.stdout is sys.__stdout__:  # and no test's or caller's own
        output = io.BufferedWriter(_Output(1, "w", closefd=False))
        sys.stdout = io.TextIOWrapper(output, encoding="utf-8", line_buffering=os.isatty(1))
    for stop in _STOPS:
        if signal.getsignal(stop) is not signal.SIG_IGN:  # nohup
            signal.signal(stop, _interrupt)
    try:
        code = _run()
        _stop_listening(signal.SIG_DFL)
    except Interrupted as interrupted:
        _stop_listening(signal.SIG_IGN)  # by default they would end Python with another exit code
        print("netlab: interrupted", file=sys.stderr)
        code = 128 + interrupted.number
    sys.exit(code)


def _run() -> str | int | None:
    """The command's exit code; an error is shown."""
    try:
        try:
            with spelled(option):
                app(prog_name="netlab")
        except SystemExit as ended:
            sys.stdout.flush()
            return ended.code
    except NetlabError as error:
        for line in error.lines():
            print(f"netlab: {printable(line)}", file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("netlab: no memory is left (to mend it: raise the limit, see `ulimit -v`)", file=sys.stderr)
        return 3
    except OSError as error:
        what = str(error.filename) if error.filename else "the kernel refused a system call"
        print(f"netlab: {printable(what)}: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 3
    return 0


def _stop_listening(action: signal.Handlers) -> None:
    """From now on there is nobody to handle an Interrupted: it would be a traceback in the middle of Python's exit."""
    for stop in _STOPS:
        if signal.getsignal(stop) is not signal.SIG_IGN:  # nohup
            signal.signal(stop, action)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)


if __name__ == "__main__":
    main()
