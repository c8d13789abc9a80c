"""A verdict for a terminal: routers side by side, what was found, and the answer in one sentence.

Nothing is cut off: routers that do not fit beside each other go into a further table, and everything wraps.
"""

from __future__ import annotations

import io

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from netlab.model.verdict import Finding, RouterVerdict, Severity, Verdict
from netlab.report.answer import answer
from netlab.report.verdict_table import routers_per_table, verdict_table

_STYLES = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the whole verdict. Colour only repeats what the words say; without colour nothing is lost."""
    step = routers_per_table(console.width)
    for start in range(0, len(verdict.routers), step):
        console.print(verdict_table(verdict.routers[start : start + step]))
        console.print()
    names = [router.router for router in verdict.routers]
    for router in verdict.routers:
        _print_conclusion(router, console, names.count(router.router) > 1)
    _print_conditions(verdict, console)
    console.print(Text(answer(verdict), style="bold"))


def verdict_text(verdict: Verdict, width: int = 100) -> str:
    """The same as plain text, in so many columns."""
    console = Console(file=io.StringIO(), width=width, highlight=False, color_system=None)
    with console.capture() as shown:
        print_verdict(verdict, console)
    return "".join(f"{line.rstrip()}\n" for line in shown.get().splitlines())


def _print_conclusion(router: RouterVerdict, console: Console, several: bool) -> None:
    """`several`: the router has a verdict for more than one VIP, so its name does not say which this is."""
    style = "bold green" if router.matches else "bold red"
    vip = f" to {router.endpoint}" if several else ""
    failure = (f"{router.failure}; ", style) if router.failure else ""
    console.print(Text.assemble((router.router, "bold"), vip, ": ", failure, (router.verdict.value, style)))
    _print_indented(Text(router.reason), console)
    for finding in router.findings:
        _print_finding(finding, console)
    console.print()


def _print_finding(finding: Finding, console: Console) -> None:
    _print_indented(
        Text.assemble((finding.severity.value, _STYLES[finding.severity]), " ", (finding.rule, "bold")), console
    )
    for text in (finding.message, f"seen: {finding.evidence}", f"to mend it: {finding.mend}"):
        _print_indented(Text(text), console, depth=4)


def _print_conditions(verdict: Verdict, console: Console) -> None:
    """What the numbers rest on: what is not the real thing, versions, and what repeats the run."""
    for sentence in verdict.emulated:
        console.print(Text.assemble(("emulated: ", "yellow"), sentence))
    versions = ", ".join(f"{name} {version}" for name, version in verdict.versions)
    console.print(Text(f"lab {verdict.lab}, runtime {verdict.runtime}, seed {verdict.seed}, alpha {verdict.alpha:g}"))
    if versions:
        console.print(Text(versions))
    console.print()


def _print_indented(text: Text, console: Console, depth: int = 2) -> None:
    console.print(Padding(text, (0, 0, 0, depth), expand=False))
