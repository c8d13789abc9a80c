"""netlab as a user runs it, for the experiments in tests/lab and tests/docker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hoststate import descendants

import netlab

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


Topology = Callable[..., Path]
"""The fixture `topology`: writes a topology file; further files of its folder are given by name."""
TOPOLOGIES = Path(__file__).resolve().parent.parent / "topologies"
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "DOCKER_HOST")


class Running(subprocess.Popen[str]):
    """A command whose output is read while it runs."""

    stdout: IO[str]
    stderr: IO[str]


@dataclass(frozen=True)
class Netlab:
    """The program as one user has it: a home, a folder for state and one for temporary files, all private."""

    folder: Path
    rootfs: Path | None = None
    """Where every lab's routers run from; None for the host's FRR."""
    runtime: str | None = None
    """What every lab runs in; None for what its file says."""
    docker_host: str | None = None
    """The Docker engine's address (DOCKER_HOST); None for this process's own."""

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

    def start(self, *arguments: object) -> Running:
        """Start a command in a process group of its own, as a shell does."""
        return Running(
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
        """Everything that netlab keeps or has left of its labs: files, and containers where these are its labs'."""
        found = self._containers() if self.runtime == "docker" else []
        for top in ("home", "state", "tmp"):
            # Not a glob: what goes away while it is listed is no error.
            for folder, folders, files in os.walk(self.folder / top):
                found += [os.path.relpath(f"{folder}/{name}", self.folder) for name in folders + files]
        return sorted(found)

    def _containers(self) -> list[str]:
        listing = ("docker", "ps", "--all", "--format", '{{.Label "netlab.directory"}} {{.Names}}', "--filter")
        done = subprocess.run(
            [*listing, f"label=netlab.owner={os.geteuid()}"],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        rows = [line.split() for line in done.stdout.splitlines()]
        return [f"container {name}" for folder, name in rows if folder.startswith(f"{self.folder}/")]

    def _argv(self, arguments: tuple[object, ...]) -> list[str]:
        command, *rest = (str(argument) for argument in arguments)
        given = {"--rootfs": self.rootfs, "--runtime": self.runtime} if command == "deploy" else {}
        options = [word for option, value in given.items() if value for word in (option, str(value))]
        return [sys.executable, "-m", "netlab", command, *options, *rest]

    def environment(self) -> dict[str, str]:
        """The environment in which netlab runs."""
        return {key: os.environ[key] for key in _PASSED_ON if key in os.environ} | {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            # Read alone: what scripts/build-images --kind has left.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "TMPDIR": str(self.folder / "tmp"),
            "LANG": "C.UTF-8",
            **({"DOCKER_HOST": self.docker_host} if self.docker_host else {}),
        }


def running_netlab(
    folder: Path, rootfs: Path | None = None, runtime: str | None = None, docker_host: str | None = None
) -> Iterator[Netlab]:
    """netlab in a new folder. In the end its labs are destroyed, and what they left running is killed."""
    for name in ("home", "state", "tmp"):
        (folder / name).mkdir(parents=True, mode=0o700)
    before = set(descendants())
    netlab = Netlab(folder, rootfs, runtime, docker_host)
    yield netlab
    if any(path != "state/netlab" for path in netlab.files() if path.startswith(("state/", "container "))):
        netlab("destroy", "--all")
    for process in descendants().values():
        if process.pid not in before:
            with suppress(ProcessLookupError):  # it was ending already
                os.kill(process.pid, signal.SIGKILL)


def python_was_interrupted(code: int, stderr: str) -> bool:
    """Whether Ctrl-C came while the interpreter was starting: its own traceback, in which no line is netlab's."""
    package = f"{Path(netlab.__file__).parent}/"
    lines = stderr.splitlines()
    frames = [Path(name).resolve() for name in re.findall(r'^  File "(.*)", line ', stderr, re.MULTILINE)]
    return (
        code in (1, 128 + signal.SIGINT, -signal.SIGINT)
        and lines[-1:] == ["KeyboardInterrupt"]
        and not any(str(frame).startswith(package) for frame in frames)
    )
