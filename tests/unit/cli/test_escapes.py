"""Nothing that stands in a file drives the terminal: what does not print is shown as its escape."""

import dataclasses
import json
from pathlib import Path

import pytest
from evidence_builder import evidence, router
from hypothesis import given
from hypothesis import strategies as st

from netlab.cli.screen import Screen
from netlab.ecmp.check import judge_file
from netlab.model import codec
from netlab.model.results import LabReport, NodeReport
from netlab.model.text import printable, printable_parts
from netlab.report.lab import print_reports
from netlab.report.verdict import print_verdict

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\x7f\r"
SHOWN = r"\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\x7f\r"


def only_prints(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü 日本", "plain äöü 日本"),
        (HOSTILE, SHOWN),
        ("a\nb\tc", r"a\nb\tc"),
        ("\udcff\u2028\U000e0001", r"\udcff\u2028\U000e0001"),
        ("\u00a0", r"\xa0"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_any_text_becomes_one_line_that_prints(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)


def test_a_verdict_from_hostile_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = evidence(dataclasses.replace(router([200, 200, 200]), router=HOSTILE, runs_as=f"FRR [bold]{HOSTILE}"))
    file = tmp_path / "evidence.json"
    file.write_bytes(codec.encode(dataclasses.replace(made, lab=HOSTILE, emulated=(HOSTILE,))))
    verdict = judge_file(file, None)
    print_verdict(verdict, "table")
    table = capsys.readouterr().out
    assert only_prints(table)
    assert r"\x1b[2J" in table
    assert "[bold]" in table
    print_verdict(verdict, "json")
    text = capsys.readouterr().out
    assert only_prints(text)
    assert json.loads(text)["lab"] == HOSTILE


def test_a_lab_whose_files_have_hostile_names(capsys: pytest.CaptureFixture[str]) -> None:
    node = NodeReport("h1", "linux", "host", f"[red]x[/red]{HOSTILE}", ("eth1 10.0.0.1/24",), True, problem=HOSTILE)
    report = LabReport("x", "running", "netns", f"/tmp/[bold]{HOSTILE}", "now", "/", (HOSTILE,), (node,), ())
    print_reports((report,), as_json=False)
    shown = capsys.readouterr().out
    assert only_prints(shown)
    assert "[bold]" in shown
    assert "[red]x[/red]" in shown
    print_reports((report,), as_json=True)
    text = capsys.readouterr().out
    assert only_prints(text)
    assert json.loads(text)["labs"][0]["nodes"][0]["problem"] == HOSTILE


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().note(HOSTILE)
    assert capsys.readouterr().err == f"          note: {SHOWN}\n"


def test_parts_that_print_stay_the_same() -> None:
    made = evidence(router([200, 200, 200]))
    assert printable_parts(made) == made
