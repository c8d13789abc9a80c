"""exec, shell, vtysh, logs, config: looking into a node."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn, Optional

import typer

from netlab.cli import names
from netlab.cli.options import LabOption
from netlab.cli.until import interrupts_call, reader_is_gone
from netlab.model.errors import NetlabError

NodeArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="A node's name.", show_default=False, autocompletion=names.nodes)
]
VtyCommands = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--command", "-c", metavar="CMD", help="A command; may be repeated."),
]
ProcessOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="NAME", help="Only this process, such as bgpd.", autocompletion=names.processes),
]
TailOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--tail", "-n", metavar="N", help="Only the last N lines of each process."),
]
_SHELL = ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")
_FAILED = 125  # netlab's own failure, as docker exec has it


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(
        execute
    )
    app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(kubectl)
    for command in (shell, vtysh, logs, config):
        app.command()(command)


def execute(
    node: NodeArgument,
    command: Annotated[list[str], typer.Argument(metavar="CMD", help="The command and its arguments, after `--`.")],
    lab: LabOption = None,
) -> None:
    """Run a command in a node: netlab exec NODE -- CMD...

    Output and exit code are the command's own; 125, 126 and 127 are netlab's, as `docker exec` has them.
    """
    _run(node, tuple(command), lab)


def shell(node: NodeArgument, lab: LabOption = None) -> None:
    """Open a shell in a node."""
    _run(node, _SHELL, lab)


def vtysh(
    node: NodeArgument,
    command: VtyCommands = None,
    lab: LabOption = None,
) -> None:
    """Open the command line of a router that runs FRR, or run commands in it. BIRD's: netlab exec NODE -- birdc."""
    argv = ("vtysh", *(part for text in command or () for part in ("-c", text)))
    _run(node, argv, lab, of_daemon=True)


def kubectl(
    arguments: Annotated[list[str], typer.Argument(metavar="ARG", help="kubectl's own arguments, after `--`.")],
    cluster: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="NODE", help="Which cluster, where the lab has several."),
    ] = None,
    lab: LabOption = None,
) -> None:
    """Run kubectl against the lab's Kubernetes cluster: netlab kubectl -- get pods -o wide

    Output and exit code are kubectl's own; 125 is netlab's.
    """
    from netlab import api

    try:
        code = api.kubectl(tuple(arguments[1:] if arguments[:1] == ["--"] else arguments), lab=lab, cluster=cluster)
    except NetlabError as error:
        error.exit_code = _FAILED
        raise
    sys.stdout.flush()
    os._exit(code)


def _run(node: str, argv: tuple[str, ...], lab: str | None, *, of_daemon: bool = False) -> NoReturn:
    from netlab import api

    if argv[:1] == ("--",):
        argv = argv[1:]
    try:
        environment = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
        code = api.attach(node, argv, lab=lab, environment=environment, of_daemon=of_daemon)
    except NetlabError as error:
        error.exit_code = _FAILED
        raise
    sys.stdout.flush()
    os._exit(code)  # nothing of the interpreter's end is needed, and scripts call this by the hundred


def logs(
    node: NodeArgument,
    process: ProcessOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    tail: TailOption = None,
    lab: LabOption = None,
) -> None:
    """Show what a node's processes printed, in a dead lab too.

    Every line begins with its process, unless --process names one. --follow ends with Ctrl-C or with the lab, and the
    exit code is 0.
    """
    from netlab import api

    def show(lines: Iterable[tuple[str, str]]) -> None:
        for name, line in lines:
            typer.echo(line if process else f"{name}: {line}")

    if not follow:
        show(api.logs(node, process, tail=tail, lab=lab))
        return
    stopped = threading.Event()
    with interrupts_call(stopped.set):
        lines = api.follow(node, process, is_over=lambda: stopped.is_set() or reader_is_gone(), tail=tail, lab=lab)
        show(lines)
    if not stopped.is_set() and not reader_is_gone():
        typer.echo("netlab: the lab has ended", err=True)


def config(
    node: NodeArgument,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of this topology file, not of a lab.", readable=False)
    ] = None,
    with_source: Annotated[
        bool, typer.Option("--with-source", help="Say before each line, in a comment, what it was made from.")
    ] = False,
    lab: LabOption = None,
) -> None:
    """Show the configuration that netlab made for a router."""
    from netlab import api

    typer.echo(api.config(node, file=file, lab=lab, with_source=with_source), nl=False)
