"""A verdict on standard output, as a table or as JSON."""

from __future__ import annotations

from netlab.model.verdict import Verdict


def print_verdict(verdict: Verdict, *, as_json: bool) -> None:
    """Print a verdict: the table for people, or JSON and nothing else."""
    if as_json:
        from netlab.report.jsonreport import json_report

        print(json_report(verdict))
        return
    from rich.console import Console

    from netlab.report.terminal import print_verdict as print_table

    print_table(verdict, Console(highlight=False))
