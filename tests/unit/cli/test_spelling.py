"""Messages name what their reader wrote: a parameter in Python, an option on the command line."""

from pathlib import Path

import pytest
from refusals import refused

from netlab import api
from netlab.model.errors import InputError, LabError

ECMP = Path(__file__).resolve().parents[3] / "topologies" / "ecmp.yaml"


@pytest.fixture(autouse=True)
def _two_labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("NETLAB_LAB", raising=False)
    for name in ("a", "b"):
        (tmp_path / "netlab" / name).mkdir(0o700, parents=True)


@pytest.mark.parametrize(
    ("command", "call", "option", "parameter"),
    [
        (
            ("ecmp-check", "--flows", "0"),
            lambda: api.ecmp_check(flows=0),
            "--flows 0: not a whole number of flows from 1 to 64512",
            "flows 0: not a whole number of flows from 1 to 64512",
        ),
        (
            ("deploy", "--timeout", "0", str(ECMP)),
            lambda: api.deploy(ECMP, timeout=0),
            "--timeout 0: not a number of seconds from 0.1 to 1000000",
            "timeout 0: not a number of seconds from 0.1 to 1000000",
        ),
        (
            ("validate", "--runtime", "podman", str(ECMP)),
            lambda: api.validate(ECMP, runtime="podman"),
            "--runtime podman: no such runtime (there are netns and docker)",
            "runtime podman: no such runtime (there are netns and docker)",
        ),
        (
            ("destroy", "--all", "--lab", "a"),
            lambda: api.destroy(lab="a", everything=True),
            "destroy takes one of FILE, --lab and --all",
            "destroy takes one of file, lab and everything",
        ),
    ],
)
def test_a_wrong_parameter_is_called_as_it_was_written(command, call, option, parameter, monkeypatch, capsys) -> None:
    *front, last = command
    assert refused(last, monkeypatch, capsys, *front) == [option]
    with pytest.raises(InputError) as wrong:
        call()
    assert wrong.value.lines() == (parameter,)


def test_what_would_help_is_called_so_too() -> None:
    with pytest.raises(LabError, match=r"^there are several labs: say which with lab \(a, b\)$"):
        api.ecmp_check()
