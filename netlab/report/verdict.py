"""A verdict on standard output, as a table, as JSON or as JUnit XML."""

from __future__ import annotations

from typing import Literal

from netlab.model.text import printable_parts
from netlab.model.verdict import Verdict


def print_verdict(verdict: Verdict, form: Literal["table", "json", "junit"]) -> None:
    """Print a verdict: the table for people, or JSON or JUnit XML and nothing else."""
    if form == "json":
        from netlab.report.jsonreport import json_report

        print(json_report(verdict))
        return
    if form == "junit":
        from netlab.report.junit import junit_report

        print(junit_report(verdict))
        return
    from rich.console import Console

    from netlab.report.terminal import print_verdict as print_table

    print_table(printable_parts(verdict), Console(highlight=False))
