"""What every experiment needs: netlab as a user runs it, topologies written in the test, the host before and after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from hoststate import HostState, adopt_orphans, descendants

OWN_MOUNTS = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-Urm")
"""Runs a command in a mount namespace of its own, in which it may mount."""
PAIR = """
    name: {name}
    topology:
      nodes:
        host-1:
          kind: linux
          {host}
        host-2: {{kind: linux}}
      links:
        - {{endpoints: ["host-1:eth1", "host-2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}
"""


def pair(host: str = "", name: str = "pair") -> str:
    """Two hosts on one link; `host` are further keys of host-1."""
    return PAIR.format(host=host, name=name)


TOPOLOGIES = Path(__file__).resolve().parent.parent.parent / "topologies"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of single experiments, and which FRR the routers of every lab run."""
    parser.addoption("--storm-seed", metavar="N", help="draw the kill storm's moments from N, as an earlier run did")
    parser.addoption(
        "--frr-rootfs", type=Path, metavar="DIR", help="run every lab's routers from this root file system (--rootfs)"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs namespaces and FRR."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.lab)


@dataclass(frozen=True)
class Netlab:
    """The program as one user has it: a home, a folder for state and one for temporary files, all private."""

    folder: Path
    rootfs: Path | None = None
    """Where every lab's routers run from; None for the host's FRR."""

    def __call__(
        self, *arguments: object, timeout: float = 90, env: dict[str, str] | None = None, prefix: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Its exit code and output are the test's to judge."""
        return subprocess.run(
            [*prefix, *self._argv(arguments)],
            env=self.environment() | (env or {}),
            cwd=self.folder / "home",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a shell does."""
        return subprocess.Popen(
            self._argv(arguments),
            env=self.environment(),
            cwd=self.folder / "home",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def with_own_mounts(self, program: str, file: Path) -> subprocess.CompletedProcess[str]:
        """Run a Python program that may mount, in which netlab is this user's; `file` is its argument."""
        return subprocess.run(
            [*OWN_MOUNTS, sys.executable, "-c", program, file],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def state(self, lab: str) -> Path:
        """The state folder of a lab."""
        return self.folder / "state" / "netlab" / lab

    def files(self) -> list[str]:
        """Everything that netlab keeps or has left of its labs."""
        found = []
        for top in ("home", "state", "tmp"):
            # Not a glob: what goes away while it is listed is no error.
            for folder, folders, files in os.walk(self.folder / top):
                found += [os.path.relpath(f"{folder}/{name}", self.folder) for name in folders + files]
        return sorted(found)

    def _argv(self, arguments: tuple[object, ...]) -> list[str]:
        command, *rest = (str(argument) for argument in arguments)
        moved = ["--rootfs", str(self.rootfs)] if command == "deploy" and self.rootfs else []
        return [sys.executable, "-m", "netlab", command, *moved, *rest]

    def environment(self) -> dict[str, str]:
        """The environment in which netlab runs."""
        given = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE") if key in os.environ}
        return given | {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
        }


def _netlab(folder: Path, config: pytest.Config) -> Iterator[Netlab]:
    for name in ("home", "state", "tmp"):
        (folder / name).mkdir(parents=True, mode=0o700)
    before = set(descendants())
    netlab = Netlab(folder, config.getoption("--frr-rootfs"))
    yield netlab
    netlab("destroy", "--all")
    for process in descendants().values():
        if process.pid not in before:
            with suppress(ProcessLookupError):  # it was ending already
                os.kill(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def netlab_options(pytestconfig: pytest.Config) -> dict[str, object]:
    """What holds for the labs of the pytest plugin as for those of the command line."""
    rootfs = pytestconfig.getoption("--frr-rootfs", default=None)
    return {"rootfs": rootfs} if rootfs else {}


@pytest.fixture(scope="session", autouse=True)
def _every_process_is_known() -> None:
    adopt_orphans()


@pytest.fixture(scope="session", autouse=True)
def _sigint_is_not_ignored() -> None:
    """Where the tests run in the background of a shell, they and every program they start would ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def netlab(tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Netlab]:
    """netlab with a state of its own; every lab of it is destroyed after the test."""
    yield from _netlab(tmp_path / "netlab", pytestconfig)


@pytest.fixture(scope="module")
def shared_netlab(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Netlab]:
    """The same for a lab that all tests of a module look at and none of them changes."""
    yield from _netlab(tmp_path_factory.mktemp("shared") / "netlab", pytestconfig)


@pytest.fixture(scope="module")
def ecmp(shared_netlab: Netlab) -> Netlab:
    """netlab with the lab of topologies/ecmp.yaml deployed."""
    done = shared_netlab("deploy", TOPOLOGIES / "ecmp.yaml")
    assert done.returncode == 0, done
    return shared_netlab


@pytest.fixture
def topology(tmp_path: Path) -> Callable[..., Path]:
    """Writes a topology file; further files of its folder are given by name."""

    def write(text: str, files: dict[str, str] | None = None, name: str = "lab.yaml") -> Path:
        folder = tmp_path / "topology"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(dedent(content), encoding="utf-8")
        return folder / name

    return write


@pytest.fixture
def host() -> HostState:
    """The host before the experiment."""
    return HostState.now()
