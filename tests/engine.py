"""Docker engines for experiments: the one that answers, and a dockerd of the tests' own that can be ended at will."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoststate import SUPERVISOR

IMAGES = ("netlab/base:13", "netlab/frr:13", "netlab/client:13", "netlab/bird:13")
OF_THE_EXAMPLE = "netlab/gobgp:13"
"""Of docs/example-daemon. scripts/test has it built; who has not, lacks it in one test."""
_NAMESPACE = f"netlab-docker-{os.getpid()}"
"""Of its containers, at containerd and among the cgroups. Each process of pytest may have an engine."""
_STARTS_WITHIN = _ENDS_WITHIN = 60.0

# The parent of a dockerd and of what outlives it (containerd, shims). It reaps them all, ends after the last of them,
# and has dockerd end when the tests do.
_SUPERVISE = """
import ctypes, os, signal, subprocess, sys
prctl = ctypes.CDLL(None).prctl
prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
engine = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
signal.signal(signal.SIGTERM, lambda *_: os.kill(engine.pid, signal.SIGTERM))
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


@dataclass(frozen=True)
class Engine:
    """A Docker engine, asked by its command line client."""

    host: str

    def __call__(self, *arguments: object, check: bool = True, timeout: float = 120) -> str:
        """The standard output of `docker ARGUMENTS`. AssertionError with its message where it fails."""
        done = subprocess.run(
            ["docker", "--host", self.host, *(str(argument) for argument in arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0 or not check, done
        return done.stdout.strip()

    def inspect(self, name: str) -> dict[str, Any]:
        """All that the engine says of a container (or an image)."""
        (found,) = json.loads(self("inspect", name))
        return dict(found)

    def names(self, *filters: str) -> list[str]:
        """The names of containers in any state."""
        options = [f"--filter={each}" for each in filters]
        return sorted(self("ps", "--all", "--format={{.Names}}", *options).split())

    def pid(self, name: str) -> int:
        """The pid of a container's first process; 0 where it does not run."""
        return int(self.inspect(name)["State"]["Pid"])


class OwnEngine(Engine):
    """A dockerd that shares nothing with another: it has no network of its own, and changes nothing on the host."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"unix://{folder}/docker.sock")
        object.__setattr__(self, "folder", folder)
        object.__setattr__(self, "_supervisors", [])
        (folder / "daemon.json").write_text("{}")

    folder: Path
    _supervisors: list[subprocess.Popen[bytes]]

    def start(self) -> None:
        """Start it and wait until it answers."""
        folder, name = self.folder, _NAMESPACE
        options = {
            "config-file": folder / "daemon.json",
            "data-root": folder / "docker",
            "exec-root": folder / "exec",
            "pidfile": folder / "pid",
            "host": self.host,
            "bridge": "none",
            "iptables": "false",
            "ip-forward": "false",
            "containerd-namespace": name,
            "containerd-plugins-namespace": f"{name}-plugins",
            "exec-opt": "native.cgroupdriver=cgroupfs",
            "cgroup-parent": f"/{name}",
        }
        with (folder / "log").open("a") as log:
            supervisor = subprocess.Popen(
                [sys.executable, "-c", _SUPERVISE, SUPERVISOR, "dockerd", *(f"--{k}={v}" for k, v in options.items())],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._supervisors.append(supervisor)
        deadline = time.monotonic() + _STARTS_WITHIN
        while not self.answers:
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    @property
    def answers(self) -> bool:
        """Whether it takes requests."""
        return bool(self("version", "--format={{.Server.Version}}", check=False))

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End dockerd, and with SIGTERM all containers; by SIGKILL alone, and containerd and its containers go on."""
        pid = int((self.folder / "pid").read_text())
        os.kill(pid, number)
        deadline = time.monotonic() + _ENDS_WITHIN
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline, "dockerd does not end"
            time.sleep(0.02)

    def restart(self) -> None:
        """As `systemctl restart docker` does."""
        self.end()
        self.start()

    def take_images(self, source: Engine) -> None:
        """Load netlab's images from another engine: about 4 s for 200 MB."""
        images = [*IMAGES, *([OF_THE_EXAMPLE] if source("image", "ls", "--quiet", OF_THE_EXAMPLE) else [])]
        with subprocess.Popen(["docker", "--host", source.host, "save", *images], stdout=subprocess.PIPE) as save:
            load = subprocess.run(["docker", "--host", self.host, "load", "--quiet"], stdin=save.stdout, check=False)
        assert (save.returncode, load.returncode) == (0, 0), "scripts/build-images builds what is missing"

    def remove(self) -> None:
        """End it, and remove what it leaves where it was killed: mounts, shims, cgroups and what these still hold."""
        if (self.folder / "pid").exists():
            self.clean()
            self.end()
        for process in _processes_named("containerd-shim", f"{self.folder}/"):
            _kill(process)
        cgroups = [Path(path) for path, _, _ in os.walk("/sys/fs/cgroup", topdown=False) if f"/{_NAMESPACE}" in path]
        for process in {pid for cgroup in cgroups for pid in _processes_in(cgroup)}:
            _kill(process)
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        for target in reversed([line.split()[4] for line in lines]):
            if target.startswith(f"{self.folder}/"):
                subprocess.run(["umount", target], check=False)
        deadline = time.monotonic() + _ENDS_WITHIN
        while any(_processes_in(cgroup) for cgroup in cgroups) and time.monotonic() < deadline:
            time.sleep(0.02)
        for cgroup in cgroups:
            with suppress(OSError):
                cgroup.rmdir()
        for supervisor in self._supervisors:  # which ends after all that it has had to reap
            supervisor.wait(_ENDS_WITHIN)

    def clean(self) -> None:
        """Remove every container."""
        if names := self.names():
            self("rm", "--force", "--volumes", *names)


@contextmanager
def own_engine(folder: Path) -> Iterator[OwnEngine]:
    """An engine of this process's own with netlab's images, which are those of the engine that answers."""
    own = OwnEngine(folder)
    try:
        own.start()
        own.take_images(answering_engine())
        yield own
    finally:
        own.remove()


def answering_engine() -> Engine:
    """The engine that answers, which others may use too."""
    return Engine(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _processes_in(cgroup: Path) -> list[int]:
    """The processes of a cgroup; none of one that is gone."""
    try:
        return [int(line) for line in (cgroup / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _processes_named(*words: str) -> list[int]:
    """The processes whose command line has all of the words."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
                if all(word in line for word in words):
                    found.append(int(folder.name))
    return found
