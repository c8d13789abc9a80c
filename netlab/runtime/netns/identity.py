"""Which ids a lab has: root's all, an ordinary user's a single one or those of subuid(5)."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IdMaps:
    """The maps of the lab's user namespace, [inside, outside, count] each; None: every id is mapped to itself."""

    uid: list[list[int]] | None
    gid: list[list[int]] | None

    @property
    def single(self) -> bool:
        """Whether only one id is mapped, so that su, chown and tcpdump do not work in nodes."""
        return self.uid is not None and len(self.uid) == 1


def id_maps() -> IdMaps:
    """Root's lab keeps all ids; a user's has root and the subordinate ranges, where the set-uid helpers exist."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        return IdMaps(None, None)
    uids, gids = _subordinate("/etc/subuid", uid), _subordinate("/etc/subgid", uid)
    if uids and gids and _gives_privileges("newuidmap") and _gives_privileges("newgidmap"):
        return IdMaps([[0, uid, 1], [1, *uids]], [[0, gid, 1], [1, *gids]])
    return IdMaps([[0, uid, 1]], [[0, gid, 1]])


def _gives_privileges(program: str) -> bool:
    return lack_of(program) is None


def lack_of(program: str) -> tuple[str, str] | None:
    """Why a helper cannot write maps, and what mends it; None where it is set-uid root or has file capabilities."""
    found = shutil.which(program)
    if found is None:
        return f"there is no {program}", "sudo apt-get install uidmap"
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace"):
        return f"{program} gets no privileges here (no_new_privs)", "run netlab outside of what set that"
    status = os.stat(found)
    if os.statvfs(found).f_flag & os.ST_NOSUID:
        return f"{program} gets no privileges here (a nosuid mount)", f"mount the folder of {found} without nosuid"
    if status.st_mode & stat.S_ISUID and status.st_uid == 0:
        return None
    try:
        os.getxattr(found, "security.capability")
    except OSError:
        return f"{found} is not set-uid root", f"sudo chmod u+s {found}"
    return None


def next_free_range(count: int = 65536) -> tuple[int, int]:
    """A range of ids that no line of subuid(5) or subgid(5) has, first and last: for a user who has none yet."""
    free = 100_000  # SUB_UID_MIN of login.defs(5)
    for file in ("/etc/subuid", "/etc/subgid"):
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        taken = [line.split(":") for line in lines]
        ends = [int(f[1]) + int(f[2]) for f in taken if len(f) == 3 and f[1].isdecimal() and f[2].isdecimal()]
        free = max([free, *ends])
    return free, free + count - 1


def _subordinate(file: str, uid: int) -> tuple[int, int] | None:
    """The first range of a user in subuid(5): first id and count."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in (name, str(uid)) and fields[1].isdecimal() and fields[2].isdecimal():
            return int(fields[1]), int(fields[2])
    return None
