"""Real shells complete real names: what is typed with a TAB reaches netlab whole."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netlab.cli.completion import split

ROOT = Path(__file__).resolve().parents[3]
NODES = {"rt-1": ("router", ["eth1", "eth2"]), "host-1": ("host", ["eth1"]), "k8s-worker": ("worker", [])}


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has a lab and a program `netlab`, which notes what it was called with."""
    lab = tmp_path / "state" / "netlab" / "mylab"
    (lab / "logs" / "rt-1").mkdir(parents=True)
    (lab / "logs" / "rt-1" / "zebra.log").touch()
    (tmp_path / "state" / "netlab").chmod(0o700)
    nodes = [{"name": n, "role": r, "interfaces": [{"name": i} for i in names]} for n, (r, names) in NODES.items()]
    (lab / "plan.json").write_text(json.dumps({"nodes": nodes}))
    for name in ("bin", "home", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "work" / "topology.yaml").touch()
    program = tmp_path / "bin" / "netlab"
    program.write_text(
        "#!/bin/sh\n"
        f'[ -z "${{NETLAB_COMPLETE_LINE+x}}" ] && [ "$1" != completion ] && '
        f"""{{ printf '%s\\n' "$@" >'{tmp_path}/called'; exit; }}\n"""
        f'exec {sys.executable} -m netlab "$@"\n'
    )
    program.chmod(0o755)
    return {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }


def complete(world: dict[str, str], line: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "netlab"],
        env=world | {"NETLAB_COMPLETE_LINE": line},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("netlab insp", ["inspect"]),
        ("netlab inspect --lab ", ["mylab"]),
        ("netlab inspect --lab=my", ["mylab"]),
        ("netlab exec ", ["rt-1", "host-1", "k8s-worker"]),
        ("netlab exec --lab other ", []),
        ("netlab exec 'h", ["host-1"]),
        ("netlab capture rt", ["rt-1"]),
        ("netlab capture rt-1", ["rt-1:lo", "rt-1:eth1", "rt-1:eth2"]),
        ("netlab capture rt-1:eth2", ["rt-1:eth2"]),
        ("netlab capture nobody:", []),
        ("netlab ecmp-check --router ", ["rt-1"]),
        ("netlab ecmp-check --expect s", ["single-path"]),
        ("netlab logs rt-1 --process ", ["zebra"]),
        ("netlab deploy --rec", ["--reconfigure"]),
        ("netlab deploy 'unfinished", []),
    ],
)
def test_what_may_stand_there(world: dict[str, str], line: str, expected: list[str]) -> None:
    assert complete(world, line) == expected


@pytest.mark.parametrize("damage", ["no state", "no permission", "garbage"])
def test_nothing_is_ever_printed_but_names(world: dict[str, str], tmp_path: Path, damage: str) -> None:
    plan = tmp_path / "state" / "netlab" / "mylab" / "plan.json"
    if damage == "no state":
        shutil.rmtree(tmp_path / "state")
    elif damage == "no permission":
        plan.parent.parent.chmod(0o777)
    else:
        plan.write_text('{"nodes": [1, {}]}')
    assert complete(world, "netlab exec ") == []
    assert complete(world, "netlab capture x:") == []
    assert complete(world, "netlab logs rt-1 --process ") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("netlab a", ["netlab", "a"]),
        ("netlab a ", ["netlab", "a", ""]),
        ("netlab 'a b' c:d", ["netlab", "a b", "c:d"]),
        ("netlab 'a b", ["netlab", "a b"]),
        ("", [""]),
    ],
)
def test_a_line_as_words(line: str, words: list[str]) -> None:
    assert split(line) == words


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(netlab completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(netlab completion zsh)"),
    "fish": (["fish", "--no-config", "-i"], "netlab completion fish | source"),
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "called"),
    [
        ("netlab insp\t--lab m\t", ["inspect", "--lab", "mylab"]),
        ("netlab capture rt\t", ["capture", "rt-1"]),
        ("netlab capture rt-1:eth2\t-w x", ["capture", "rt-1:eth2", "-w", "x"]),
        ("netlab capture k8s-worker:l\t-w x", ["capture", "k8s-worker:lo", "-w", "x"]),
        ("netlab deploy topo\t", ["deploy", "topology.yaml"]),
    ],
)
def test_a_shell(world: dict[str, str], tmp_path: Path, shell: str, typed: str, called: list[str]) -> None:
    argv, load = SHELLS[shell]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path / "work")
        os.execvpe(argv[0], argv, world)
    try:
        talk(terminal, f"{load}; touch ../ready\n", tmp_path / "ready")
        talk(terminal, typed, None)
        talk(terminal, "\n", tmp_path / "called")
        assert (tmp_path / "called").read_text().splitlines() == called
    finally:
        os.kill(pid, 9)
        os.close(terminal)
        os.waitpid(pid, 0)


def talk(terminal: int, text: str, until: Path | None) -> None:
    """Type it, each TAB by itself and waited for, and read the screen until the file is there."""
    shown = b""
    for piece in re.split(r"(\t)", text):
        os.write(terminal, piece.encode())
        shown += quiet(terminal, 0.2, first=5.0 if piece == "\t" else 0.0)
    deadline = time.monotonic() + 60
    while until is not None and not (until.exists() and (until.stat().st_size or until.name == "ready")):
        assert time.monotonic() < deadline, shown.decode(errors="replace")
        shown += quiet(terminal, 0.1)


def quiet(terminal: int, seconds: float, first: float = 0.0) -> bytes:
    shown = b""
    while select.select([terminal], [], [], seconds if shown else first or seconds)[0]:
        try:
            shown += os.read(terminal, 1 << 16)
        except OSError:  # the shell has ended
            return shown
        if b"\x1b[c" in shown or b"\x1b[0c" in shown:
            os.write(terminal, b"\x1b[?62c")  # fish asks what terminal this is
            shown = shown.replace(b"\x1b[c", b"").replace(b"\x1b[0c", b"")
    return shown
