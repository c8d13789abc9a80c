import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints
from xml.etree import ElementTree

import pytest
from evidence_builder import evidence, flow, perfect_counts, router

from netlab import api
from netlab.cli import commands, main
from netlab.cli.screen import Screen
from netlab.model import codec
from netlab.model.errors import HostError, InputError, LabError, Problem

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _signals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("NETLAB_LAB", raising=False)
    before = [(number, signal.getsignal(number)) for number in (*main._STOPS, signal.SIGALRM)]
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before:
        signal.signal(number, handler)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["netlab", *arguments])
    with pytest.raises(SystemExit) as left:
        main.main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (InputError(Problem("one", hint="two")), 2, ["netlab: one (two)"]),
        (InputError(Problem("a"), Problem("b")), 2, ["netlab: a", "netlab: b"]),
        (HostError("no FRR", "apt-get install frr"), 3, ["netlab: no FRR (to mend it: apt-get install frr)"]),
        (LabError("lab x is dead"), 3, ["netlab: lab x is dead"]),
        (OSError(28, "No space left on device", "/var/x"), 3, ["netlab: /var/x: No space left on device"]),
        (OSError(22, "Invalid argument"), 3, ["netlab: the kernel refused a system call: Invalid argument"]),
        (MemoryError(), 3, ["netlab: no memory is left (to mend it: raise the limit, see `ulimit -v`)"]),
        (main.Interrupted(signal.SIGINT), 130, ["netlab: interrupted"]),
        (main.Interrupted(signal.SIGTERM), 143, ["netlab: interrupted"]),
    ],
)
def test_how_errors_are_shown(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    lines: list[str],
) -> None:
    def fail(prog_name: str) -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.setattr(os, "dup2", lambda source, target: target)
    assert run(monkeypatch) == code
    assert capsys.readouterr().err.splitlines() == lines


def test_an_interrupt_that_native_code_swallows_comes_again_until_it_is_handled() -> None:
    signal.signal(signal.SIGINT, main._interrupt)
    swallowed = []
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except main.Interrupted as interrupted:  # as pydantic's serializer does, which makes a warning of it
        swallowed.append(interrupted.number)
    assert swallowed == [signal.SIGINT]

    with pytest.raises(main.Interrupted):
        time.sleep(5)

    try:
        raise main.Interrupted(signal.SIGINT)
    except main.Interrupted:
        time.sleep(3 * main._REPEAT)  # cleaning up is not disturbed


def test_a_second_interrupt_does_not_disturb_the_cleaning_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def interrupted(prog_name: str) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("cleaned up")

    monkeypatch.setattr(main, "app", interrupted)
    assert run(monkeypatch) == 130
    assert done == ["cleaned up"]


def test_every_command_of_the_contract_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = ("validate", "deploy", "destroy", "inspect", "exec", "shell", "vtysh", "logs", "config", "doctor")
    assert run(monkeypatch, "--help") == 0
    overview = capsys.readouterr().out
    for command in (*commands, "ecmp-check", "judge"):
        assert command in overview
        assert run(monkeypatch, command, "--help") == 0
        assert f"netlab {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("no-such-command",), 2),
        (("deploy",), 2),
        (("deploy", "no-such-file.yaml"), 2),
        (("destroy", "--lab", "ghost"), 3),
        (("destroy", "--all"), 0),
        (("inspect",), 0),
        (("inspect", "--lab", "ghost"), 3),
        (("exec", "h1", "--", "true"), 125),
        (("vtysh", "rt-1", "-c", "show version"), 125),
        (("logs", "h1"), 3),
        (("judge", "no-such-evidence.json"), 2),
        (("ecmp-check",), 3),
        (("--version",), 0),
    ],
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> None:
    assert run(monkeypatch, *arguments) == code
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert bool(shown.err) == (code != 0) or arguments[0] in ("destroy", "inspect")


SECONDS = "not a number of seconds from 0.1 to 1000000"
HUGE = "1" + "0" * 30
WRONG_NUMBERS = [
    (command, option, number, may_be)
    for commands, option, numbers, may_be in (
        ((["ecmp-check"], ["deploy", "x"], ["repair"], ["restart", "h"]), "timeout", "inf nan 0 -1 1e+300", SECONDS),
        ((["capture", "h1"],), "duration", "inf nan -inf 0.05", SECONDS),
        ((["ecmp-check"],), "flows", f"0 -5 64513 {HUGE}", "not a whole number of flows from 1 to 64512"),
        ((["ecmp-check"],), "seed", "-1 4294967296", "not a whole number from 0 to 4294967295"),
        ((["capture", "h1"],), "count", f"0 -1 {HUGE}", "not a whole number of packets from 1 to"),
        ((["capture", "h1"],), "snaplen", "0 262145", "not a whole number of bytes from 1 to 262144"),
        ((["logs", "h1"], ["logs", "h1", "-f"]), "tail", f"-1 {HUGE}", "not a whole number of lines from 0 to"),
    )
    for command in commands
    for number in numbers.split()
]


@pytest.mark.parametrize(("command", "option", "number", "may_be"), WRONG_NUMBERS)
def test_a_number_that_makes_no_sense_is_refused_in_plain_words(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    option: str,
    number: str,
    may_be: str,
) -> None:
    assert run(monkeypatch, *command, f"--{option}", number) == 2
    assert f"netlab: --{option} {number}: {may_be}" in capsys.readouterr().err


def test_every_option_that_takes_a_number_has_a_limit() -> None:
    tried = {(command[0], option) for command, option, _, _ in WRONG_NUMBERS}
    there_are = {
        (command.name or command.callback.__name__, option)
        for command in main.app.registered_commands
        for option, kind in get_type_hints(command.callback).items()
        if {int, float} & {kind, *get_args(kind)}
    }
    assert tried == there_are


def test_more_digits_than_python_reads_are_no_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--seed", "--flows", "--timeout"):
        assert run(monkeypatch, "ecmp-check", option, "9" * 5000) == 2
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("expect", "code"), [("any", 0), ("single-path", 1)])
def test_a_verdict_as_junit_xml_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    expect: str,
    code: int,
) -> None:
    seen = tmp_path / "seen.json"
    seen.write_bytes(codec.encode(evidence(router(perfect_counts(1)))))
    assert run(monkeypatch, "judge", str(seen), "--format", "junit", "--expect", expect) == code
    assert len(ElementTree.fromstring(capsys.readouterr().out).findall(".//failure")) == code


@pytest.mark.parametrize("expect", ["ecmp", "any"])
def test_a_service_that_answers_nothing_is_exit_code_1_whatever_is_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, expect: str
) -> None:
    seen = tmp_path / "seen.json"
    closed = tuple(flow(number, number % 3, answered=False) for number in range(600))
    seen.write_bytes(codec.encode(evidence(router([], flows=closed))))
    assert run(monkeypatch, "judge", str(seen), "--expect", expect, "--format", "json") == 1
    (found,) = json.loads(capsys.readouterr().out)["routers"]
    assert (found["verdict"], found["matches"]) == ("ecmp", False)
    assert run(monkeypatch, "judge", str(seen), "--expect", expect) == 1
    last = capsys.readouterr().out.rstrip().rpartition("\n\n")[2]
    assert last.startswith("Does the service answer? No: on rt-frr 0 of 600 flows were answered")
    with pytest.raises(AssertionError, match="0 of 600 flows answered"):
        api.judge(seen, expect=expect).assert_expected()


def test_a_commands_exit_code_and_arguments_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from netlab.lab import commands as lab

    seen = []
    monkeypatch.setattr(lab, "execute", lambda node, argv, name, env, of_daemon: seen.append((node, argv, name)) or 7)
    monkeypatch.setattr(os, "_exit", sys.exit)
    assert run(monkeypatch, "exec", "-l", "a", "h1", "--", "ls", "-l", "--all") == 7
    assert run(monkeypatch, "exec", "h1", "sh", "-c", "exit 3") == 7
    assert run(monkeypatch, "vtysh", "rt-1", "-c", "show ip bgp", "-c", "show version") == 7
    assert run(monkeypatch, "shell", "h1") == 7
    assert seen == [
        ("h1", ("ls", "-l", "--all"), "a"),
        ("h1", ("sh", "-c", "exit 3"), None),
        ("rt-1", ("vtysh", "-c", "show ip bgp", "-c", "show version"), None),
        ("h1", ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh"), None),
    ]
    assert commands._FAILED == 125


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    screen.step("wiring [bold]2[/bold] links")
    screen.note("a note")
    screen.done("done")
    shown = capsys.readouterr()
    assert shown.out == ""
    step, note, done = shown.err.splitlines()
    assert step.endswith(" s  wiring [bold]2[/bold] links")
    assert note == "          note: a note"
    assert done.endswith(" s  done")


def test_help_loads_neither_the_planner_nor_the_statistics() -> None:
    heavy = ("scipy", "pyroute2", "jinja2", "pydantic", "rich.table", "kubernetes", "yaml", "docker")
    script = f"import sys, netlab.cli.main; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "[]\n"


def test_a_command_in_a_node_loads_no_client_of_kubernetes() -> None:
    heavy = ("kubernetes", "yaml", "urllib3", "docker", "netlab.cluster.client", "netlab.cluster.clusters")
    modules = "netlab.cli.commands, netlab.lab.commands, netlab.lab.inspect, netlab.lab.kubectl"
    script = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "[]\n"


INTERRUPTED_WHILE_LOADING = """
import os, runpy, signal, sys

class Loading:
    def find_spec(self, name, path, target=None):
        if name == "netlab.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Loading())
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
BEGINNINGS = {
    "python -m netlab": "runpy.run_module('netlab', run_name='__main__')",
    # As the script does that pip installs.
    "netlab": f"import {SCRIPTS['netlab'].partition(':')[0]}",
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_ctrl_c_while_the_command_is_being_loaded_ends_it_without_a_word(beginning: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING + BEGINNINGS[beginning]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


INTERRUPTED_AT_EXIT = """
import atexit, os, signal, sys, time
from netlab.cli import main

def late():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(3 * main._REPEAT)

atexit.register(late)
sys.argv[:] = ["netlab", *sys.argv[1:]]
main.main()
"""


@pytest.mark.parametrize("command", ["inspect", "destroy"])
def test_ctrl_c_while_the_command_is_leaving_is_no_traceback(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_EXIT, command],
        cwd=ROOT,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == -signal.SIGINT
    assert "no lab is deployed" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_below_standard_output_is_named() -> None:
    with (
        Path("/dev/full").open("wb") as full,
        pytest.raises(OSError, match="No space left on device: 'standard output'"),
    ):
        main._Output(full.fileno(), "w", closefd=False).write(b"x")
