"""A measurement that needs a dead machine is refused with what brings it back."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from netlab.ecmp import check
from netlab.model.errors import LabError
from netlab.model.lab import LabMachine, LabRecord

LAB = LabRecord("lab", "docker", 0, "boot", "0", "/s", "/t", "now", LabMachine("", 1, 1, 0), (), "unix:///e")
CHECK = SimpleNamespace(router="rt-1", client="host-1")


@pytest.mark.parametrize(
    ("running", "restarted", "said"),
    [
        ({"rt-1"}, set(), "host-1 is dead, and nothing can be measured with it: 'netlab repair --lab lab' starts it"),
        ({"host-1"}, set(), "rt-1 is dead"),
        ({"host-1", "rt-1"}, {"other"}, "other was restarted outside netlab and has lost its links: 'netlab repair"),
    ],
)
def test_a_dead_machine_is_named(monkeypatch: pytest.MonkeyPatch, running: set[str], restarted: set[str], said: str):
    fake = SimpleNamespace(running=lambda lab: running, restarted=lambda lab: restarted)
    monkeypatch.setattr(check, "by_name", lambda name: fake)
    with pytest.raises(LabError) as raised:
        check._refuse_missing(LAB, (CHECK,))  # type: ignore[arg-type]
    assert str(raised.value).startswith(said)


def test_a_lab_without_an_engine_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(running=lambda lab: set(), restarted=lambda lab: set())
    monkeypatch.setattr(check, "by_name", lambda name: fake)
    with pytest.raises(LabError, match=r"rt-1 is dead.*deploy --reconfigure"):
        check._refuse_missing(replace(LAB, runtime="netns", engine=""), (CHECK,))  # type: ignore[arg-type]


def test_dead_machines_that_take_no_part_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(running=lambda lab: {"rt-1", "host-1"}, restarted=lambda lab: set())
    monkeypatch.setattr(check, "by_name", lambda name: fake)
    check._refuse_missing(LAB, (CHECK,))  # type: ignore[arg-type]
