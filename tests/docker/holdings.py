"""What an engine and the host hold of labs, before and after."""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine import Engine, OwnEngine
from hoststate import descendants
from netlab_program import Netlab

_SETTLES_WITHIN = 5.0
"""Seconds. The kernel takes namespaces and their links apart after the last process is gone."""
_SYSCTLS = re.compile(r"/proc/sys/net/(ipv4/ip_forward|ipv4/conf/.*|ipv6/conf/[^/]*/forwarding|bridge/.*)")


@dataclass(frozen=True)
class Holdings:
    """Containers, networks, volumes, images; links, mounts and sysctls of the host; netlab's files and processes."""

    engine: Engine
    netlab: Netlab
    lines: frozenset[str]

    @classmethod
    def now(cls, engine: Engine, netlab: Netlab) -> Holdings:
        """Look at everything. Others may use a shared engine: of its containers, this user's labs' alone are seen."""
        all_of = () if isinstance(engine, OwnEngine) else (f"--filter=label=netlab.owner={os.geteuid()}",)
        lines = {
            "container": engine("ps", "--all", "--format={{.Names}} {{.ID}} {{.State}}", *all_of),
            "network": engine("network", "ls", "--format={{.Name}}"),
            "volume": engine("volume", "ls", "--format={{.Name}}"),
            "image": engine("images", "--format={{.Repository}}:{{.Tag}}", "--filter=reference=netlab/*"),
            "link": subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout,
            "mount": "\n".join(_mounts(engine, netlab)),
            "sysctl": "\n".join(_sysctls()),
            "process": "\n".join(f"{process.pid} {process.command}" for process in descendants().values()),
            "file": "\n".join(netlab.files()),
        }
        return cls(
            engine, netlab, frozenset(f"{kind}: {line}" for kind, text in lines.items() for line in text.splitlines())
        )

    def changes(self) -> list[str]:
        """What differs from now, one line each, once it no longer gets less."""
        deadline = time.monotonic() + _SETTLES_WITHIN
        while (found := self.differences()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def differences(self) -> list[str]:
        """What differs right now."""
        now = Holdings.now(self.engine, self.netlab).lines
        return [f"new {line}" for line in sorted(now - self.lines)] + [
            f"gone {line}" for line in sorted(self.lines - now)
        ]


def _mounts(engine: Engine, netlab: Netlab) -> list[str]:
    """Mounts of this engine's and netlab's folders, and network namespaces that have a name."""
    folders = (str(netlab.folder), str(getattr(engine, "folder", netlab.folder)), "/run/netns")
    targets = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    return [target for target in targets if target.startswith(folders)]


def _sysctls() -> list[str]:
    """What decides whether and how the host forwards."""
    found = []
    for folder, _, names in os.walk("/proc/sys/net"):  # not a glob: a link that goes meanwhile is no error
        for path in (Path(folder, name) for name in names if _SYSCTLS.fullmatch(f"{folder}/{name}")):
            with suppress(FileNotFoundError):
                if path.stat().st_mode & 0o444:
                    found.append(f"{path} {path.read_text().strip()}")
    return found
