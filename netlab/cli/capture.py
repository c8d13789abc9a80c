"""capture: packets of a node."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from netlab.cli import names
from netlab.cli.options import LabOption
from netlab.cli.until import interrupts_call
from netlab.model.errors import InputError, Problem

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="NODE[:IF]",
        help="A node, or one interface of it. Without :IF all of them.",
        show_default=False,
        autocompletion=names.targets,
    ),
]
FilterArgument = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Argument(
        metavar="[FILTER]...", help="What to capture, as tcpdump has it: tcp port 179.", show_default="everything"
    ),
]
WriteOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--write", "-w", metavar="FILE", help="Write pcapng to FILE; - is standard output."),
]
CountOption = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--count", "-c", metavar="N", help="End after N packets."),
]
DurationOption = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--duration", metavar="S", help="End after S seconds."),
]
SnaplenOption = Annotated[int, typer.Option("--snaplen", "-s", metavar="N", help="Keep N bytes of each packet.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(capture)


def capture(
    target: TargetArgument,
    filter_words: FilterArgument = None,
    write: WriteOption = None,
    count: CountOption = None,
    duration: DurationOption = None,
    snaplen: SnaplenOption = 262_144,
    lab: LabOption = None,
) -> None:
    """Capture packets of a node: a line each, or pcapng for Wireshark.

    \b
    netlab capture rt-frr:eth1 tcp port 179
    netlab capture rt-frr -w bgp.pcapng --duration 10 host k8s-worker2
    netlab capture rt-frr:eth1 -w - 'tcp port 80' | wireshark -k -i -

    Ends with Ctrl-C (exit code 0), with its reader, or with the lab (exit code 3).
    """
    from netlab import api

    if write == "-" and sys.stdout.isatty():
        hint = "pipe it: netlab capture ... -w - | wireshark -k -i -; without -w there is a line per packet"
        raise InputError(Problem("packets are no text for a terminal", hint=hint))
    wanted = " ".join(filter_words or ())
    with api.capture(target, wanted, file=write, count=count, duration=duration, snaplen=snaplen, lab=lab) as running:
        print(f"netlab: capturing {target} ({', '.join(running.interfaces)}), Ctrl-C ends it", file=sys.stderr)
        with interrupts_call(running.stop):
            report = running.wait()
    lost = f", {report.drops} lost for want of time" if report.drops else ""
    print(f"netlab: {report.packets} packet{'' if report.packets == 1 else 's'} captured{lost}", file=sys.stderr)
