"""Topology files that no text file in the corpus can be: huge, binary, special, or under a hostile name.

Each is refused as a user sees it, with its message; `refused` asserts what holds for all of them.
"""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import refused

from netlab.kinds.k8s.options import MAX_PODS
from netlab.plan.reading import MAX_ALL_CONFIGS, MAX_CONFIG_BYTES
from netlab.registry.runtimes import RUNTIMES, traits
from netlab.topology import source
from netlab.topology.problems import MOST

ROOT = Path(__file__).resolve().parents[3]
LAB = "name: x\ntopology:\n  nodes:\n"
NODES = "    h1: {kind: linux}\n"
ONLY_MB = "lab.yaml:1:1: the file is larger than 1 MB (split the lab)"
TOO_MANY = "more than 30000 keys and values (split the lab)"
NOT_REGULAR = "lab.yaml: is not a regular file (name a topology file)"

TOO_DEEP = "nested more than 32 deep (a topology needs no more than ten)"
SAVE = "(save the file as UTF-8)"
LEAVES = '"r1.conf" leaves the topology\'s folder (copy it next to the topology file)'

Run = Callable[[str], list[str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda name: refused(name, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "lab.yaml:1:1: the file is empty (a topology starts with name: and topology:)", id="empty"),
        pytest.param(LAB.encode("utf-16"), f"lab.yaml:1:1: byte 0xff is not UTF-8 {SAVE}", id="utf-16"),
        pytest.param(
            LAB.encode("utf-32-be"), "lab.yaml:1:1: control character U+0000 (remove it)", id="utf-32 without a mark"
        ),
        pytest.param(
            b"name: Z\xfcrich\n", f"lab.yaml:1:8: byte 0xfc is not UTF-8 {SAVE}", id="latin-1"
        ),
        pytest.param(
            b"name: x # \xed\xa0\x80\n", f"lab.yaml:1:11: byte 0xed is not UTF-8 {SAVE}", id="surrogate"
        ),
        pytest.param(
            b"name: \xc0\xae\n", f"lab.yaml:1:7: byte 0xc0 is not UTF-8 {SAVE}", id="overlong"
        ),
        pytest.param(random.Random(1).randbytes(256), None, id="noise"),
        pytest.param(b"\0" * 10_000_000, ONLY_MB, id="10 MB of NUL"),
        pytest.param(b"# comment\n" * 1_000_000, ONLY_MB, id="10 MB of comments"),
        pytest.param(b"a" * 10_000_000, ONLY_MB, id="10 MB in one word"),
        pytest.param(b"\n" * 999_999, None, id="a million empty lines"),
        pytest.param(
            (LAB + "".join(f"    n{i}: {{}}\n" for i in range(60_000))).encode(), f"lab.yaml:15000:13: {TOO_MANY}",
            id="60000 nodes",
        ),
        pytest.param(
            (LAB + "".join(f"    n{i}:\n" for i in range(100_000))).encode()[:1_000_000],
            f"lab.yaml:15001:5: {TOO_MANY}",
            id="100000 nodes",
        ),
        pytest.param(
            (LAB + "".join(f"    n{i}: {{kind: linux}}\n" for i in range(1501))).encode(),
            "lab.yaml:1504:5: more than 1500 machines up to here (split the lab)",
            id="1501 nodes",
        ),
        pytest.param(b"[" * 10_000, f"lab.yaml:1:33: {TOO_DEEP}",
                     id="10000 levels of lists"),
        pytest.param(b"a: " + b"{a: " * 10_000, f"lab.yaml:1:128: {TOO_DEEP}",
                     id="10000 levels of mappings"),
        pytest.param(
            "".join(f"{' ' * i}a:\n" for i in range(1000)).encode(),
            f"lab.yaml:33:33: {TOO_DEEP}",
            id="1000 levels of indentation",
        ),
        pytest.param(b"- " * 10_000, f"lab.yaml:1:65: {TOO_DEEP}",
                     id="10000 dashes"),
        pytest.param(b"? " * 10_000, None, id="10000 complex keys"),
        pytest.param(b"&a " * 10_000, None, id="10000 anchors"),
        pytest.param(b"!" * 100_000, None, id="a tag of 100 kB"),
        pytest.param(b"'" + b"\n" * 500_000, None, id="an open quote of 500 kB"),
        pytest.param(b"name: " + b"9" * 900_000, None, id="a number of 900 kB"),
    ],
)  # fmt: skip
def test_content(content: bytes, message: str | None, tmp_path: Path, run: Run) -> None:
    (tmp_path / "lab.yaml").write_bytes(content)
    lines = run("lab.yaml")
    if message is not None:
        assert lines[0] == message
    assert all(line.startswith("lab.yaml:") for line in lines)


def test_a_number_of_10000_digits_is_no_number(tmp_path: Path, run: Run) -> None:
    (tmp_path / "lab.yaml").write_text(f"{LAB}    r1: {{kind: frr, bgp: {{asn: {'9' * 10_000}}}}}\n")
    assert run("lab.yaml") == [f'lab.yaml:4:32: "asn" must be a whole number, not "{"9" * 57}..." (it is too large)']


def test_the_101st_problem_ends_the_list(tmp_path: Path, run: Run) -> None:
    (tmp_path / "lab.yaml").write_text(LAB + "".join(f"    h{i}: {{kind: lnux}}\n" for i in range(5000)))
    lines = run("lab.yaml")
    assert lines[0] == 'lab.yaml:4:16: unknown kind "lnux" (did you mean "linux"?)'
    assert len(lines) == 101
    assert lines[-1] == "these are the first 100 problems (mend them, then look again)"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (fifo, NOT_REGULAR),
        (unix_socket, "'lab.yaml': cannot be read: No such device or address"),
        (Path.mkdir, "lab.yaml: is a folder (name a topology file)"),
        (loop, "'lab.yaml': cannot be read: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), NOT_REGULAR),
        (lambda path: path.symlink_to("/dev/null"), NOT_REGULAR),
        (lambda path: path.symlink_to("/dev/tty"), None),
        (lambda path: path.symlink_to("nowhere"), "lab.yaml: no such file"),
        (lambda path: path.symlink_to("/proc/self/mem"), "'lab.yaml': cannot be read: Input/output error"),
        (lambda path: path.symlink_to("/proc/self/pagemap"), None),
    ],
    ids=["fifo", "socket", "folder", "loop", "zero", "null", "tty", "dangling", "mem", "pagemap"],
)
def test_what_is_no_file(make: Callable[[Path], None], line: str | None, tmp_path: Path, run: Run) -> None:
    make(tmp_path / "lab.yaml")
    lines = run("lab.yaml")
    assert len(lines) == 1
    assert line is None or lines == [line]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (fifo, '"r1.conf" is not a file (name a file with the configuration)'),
        (Path.mkdir, '"r1.conf" is not a file (name a file with the configuration)'),
        (lambda path: path.symlink_to("/etc/passwd"), LEAVES),
        (lambda path: path.symlink_to("/dev/zero"), LEAVES),
        (lambda path: path.symlink_to("../../etc"), None),
        (lambda path: path.symlink_to("nowhere"), 'no such file "r1.conf" (paths start at the topology\'s folder)'),
        (loop, None),
        (lambda path: path.write_bytes(b"x" * 10_000_000), None),
    ],
    ids=["fifo", "folder", "passwd", "zero", "outside", "dangling", "loop", "10 MB"],
)  # fmt: skip
def test_what_is_no_startup_config(make: Callable[[Path], None], reason: str | None, tmp_path: Path, run: Run) -> None:
    (tmp_path / "lab.yaml").write_text(f"{LAB}    r1: {{kind: frr, startup-config: r1.conf}}\n")
    make(tmp_path / "r1.conf")
    (line,) = run("lab.yaml")
    assert line.startswith("lab.yaml:4:37: ")
    assert reason is None or line == f"lab.yaml:4:37: {reason}"


def test_a_file_that_vanishes_or_becomes_a_pipe_between_two_looks(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab.yaml").write_text(f"{LAB}    r1: {{kind: frr, startup-config: r1.conf}}\n")
    (tmp_path / "r1.conf").write_text("hostname r1\n")
    is_file = Path.is_file

    def then(change: Callable[[Path], None]) -> None:
        def look(path: Path) -> bool:
            found = is_file(path)
            if path.name == "r1.conf" and found:
                path.unlink()
                change(path)
            return found

        monkeypatch.setattr(Path, "is_file", look)

    then(os.mkfifo)
    assert run("lab.yaml") == ["lab.yaml:4:37: r1.conf: is not a regular file (name a readable file)"]
    (tmp_path / "r1.conf").unlink()
    (tmp_path / "r1.conf").write_text("hostname r1\n")
    then(lambda path: None)
    assert run("lab.yaml") == ["lab.yaml:4:37: r1.conf: No such file or directory (name a readable file)"]


@pytest.mark.parametrize(
    "command", [["validate"], ["deploy"], ["graph"], ["destroy"], ["config", "r1", "--file"], ["judge"]]
)
def test_every_command_tells_an_unreadable_file_in_its_own_words(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lab.yaml").write_text(LAB + NODES)

    real = os.open

    def forbidden(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("lab.yaml"):  # root may read everything
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", forbidden)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # what click would ask
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (line,) = refused("lab.yaml", monkeypatch, capsys, *command)
    assert line.endswith("Permission denied")


def test_a_file_without_read_permission(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab.yaml").write_text(LAB + NODES)

    def forbidden(path: object, *rest: object) -> int:  # root may read everything
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", forbidden)
    assert run("lab.yaml") == ["'lab.yaml': cannot be read: Permission denied"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2J.yaml", r"\x1b[2J.yaml"),
        ("a\nb.yaml", r"a\nb.yaml"),
        ("\u202elmay.yaml", r"\u202elmay.yaml"),
        ("\x9b31m.yaml", r"\x9b31m.yaml"),
        (os.fsdecode(b"\xff.yaml"), r"\udcff.yaml"),
    ],
)
def test_a_hostile_name_is_shown_escaped(name: str, shown: str, tmp_path: Path, run: Run) -> None:
    assert run(name) == [f"{shown}: no such file"]
    (tmp_path / name).write_text("name: X\n")
    assert run(name)[0].startswith(shown)


def test_a_path_that_json_cannot_hold_is_refused(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "lab.yaml").write_text(LAB + NODES)
    (line,) = run(f"{folder}/lab.yaml")
    assert line.endswith(r"/\udcff/lab.yaml: bytes that are not UTF-8 in its path (rename it)")

    (tmp_path / "lab.yaml").write_text(f"{LAB}    h1: {{kind: linux, binds: ['data:/data']}}\n")
    (tmp_path / "data").symlink_to(folder)
    assert run("lab.yaml") == ['lab.yaml:4:31: "data" has bytes that are not UTF-8 in its path (rename it)']

    (tmp_path / "lab.yaml").write_text(f"{LAB}    h1: {{kind: linux, rootfs: data}}\n")
    assert run("lab.yaml") == ['lab.yaml:4:31: rootfs "data" has bytes that are not UTF-8 in its path (rename it)']


@pytest.mark.parametrize("name", ["bomb-of-lists.yaml", "inject-escape-in-key.yaml", "python-tag.yaml"])
def test_as_a_process_of_its_own(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netlab", "validate", str(Path(__file__).parent / "broken" / name)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.removesuffix("\n").split("\n")
    assert all(line.startswith("netlab: ") and line.isprintable() for line in lines)
    assert "Traceback" not in done.stderr


def test_the_limits_are_documented() -> None:
    page = (ROOT / "docs/topology.md").read_text(encoding="utf-8")
    assert f"| {source.MAX_BYTES // 10**6} MB, {source.MAX_WRITTEN:,} keys and values |" in page
    assert f"| {source.MAX_VALUES:,} values |" in page
    assert f"| {source.MAX_DEPTH} | levels" in page
    assert {traits(name).capacity for name in RUNTIMES.own} == {MAX_PODS}
    assert f"| {MAX_PODS:,} | machines of a lab, and pods of a cluster |" in page
    assert f"| {MAX_CONFIG_BYTES // 10**6} MB | a `startup-config`; {MAX_ALL_CONFIGS // 10**6} MB all" in page
    assert f"| {MOST} | problems" in page
