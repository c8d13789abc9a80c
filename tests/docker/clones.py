"""A clone whose images a test may build and change, under a name of its own in the Docker engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("base", "bird", "client", "frr", "web")


def docker(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """The engine's own command line. Its exit code and output are the test's to judge."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)


@dataclass(frozen=True)
class Clone:
    """netlab's scripts and images in a folder, and the repository in which their images are tagged."""

    folder: Path
    repository: str
    path: tuple[Path, ...] = field(default=())
    """Folders whose programs come first."""
    cache: Path | None = None
    """In place of the user's cache."""

    def build(self, *arguments: str, timeout: float = 400) -> subprocess.CompletedProcess[str]:
        """Run scripts/build-images to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it in a process group of its own, as a shell does."""
        return subprocess.Popen(
            self.command(*arguments), env=self.environment(), stderr=subprocess.PIPE, text=True, process_group=0
        )

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        return [str(self.folder / "scripts/build-images"), "--repository", self.repository, *arguments]

    def environment(self) -> dict[str, str]:
        """The environment in which it runs."""
        moved = {"XDG_CACHE_HOME": str(self.cache)} if self.cache else {}
        return os.environ | moved | {"PATH": ":".join([*map(str, self.path), os.environ["PATH"]])}

    def tag(self, name: str) -> str:
        """The tag of one of its images."""
        return f"{self.repository}/{name}:13"

    def ids(self) -> dict[str, str]:
        """The images that are there."""
        found = {name: docker("image", "inspect", "--format", "{{.Id}}", self.tag(name)) for name in NAMES}
        return {name: done.stdout.strip() for name, done in found.items() if done.returncode == 0}

    def states(self) -> dict[str, str]:
        """What `--list` says of each image."""
        rows = [line.split(maxsplit=2) for line in self.build("--list").stdout.splitlines()]
        return {name: state for name, _, state in rows}


@contextmanager
def cloned(folder: Path, repository: str, images: str = "netlab", names: Iterable[str] = ()) -> Iterator[Clone]:
    """A clone with a repository's images of these names, on its Debian if it has one. Its images go at the end."""
    for part in ("scripts", "images"):
        shutil.copytree(ROOT / part, folder / part)
    for name in ("debian", *names):
        docker("image", "tag", f"{images}/{name}:13", f"{repository}/{name}:13")
    try:
        yield Clone(folder, repository)
    finally:
        tags = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{repository}/*").stdout.split()
        docker("image", "rm", *tags)
