"""A copy of the host's files in which nobody else writes, so that every file that a lab leaves is seen.

Run in a mount namespace of its own (`unshare -m`, or `-Urm` as an ordinary user): `world.py FOLDER COMMAND...`. Every
top-level folder becomes an overlay whose upper layer is in memory; COMMAND runs with that as its root. What is in the
upper layers afterwards was written, removed or changed by COMMAND, and is printed as JSON: one path a line of a list.
`/` is made shared first, as systemd has it: what is mounted in a copy of this mount namespace would come back to it.
"""

import json
import os
import stat
import subprocess
import sys

from netlab.kernel import syscalls as sc

_KERNEL = ("proc", "sys", "dev")
_MS_SHARED = 0x100000


def build(folder: str) -> int:
    """Make the copy below `folder` and move into it. A descriptor of the upper layers."""
    sc.mount("tmpfs", folder, "tmpfs", 0, "mode=0755")
    for name in ("upper", "work", "root"):
        os.mkdir(f"{folder}/{name}")
    for entry in sorted(os.listdir("/")):
        _show(folder, entry)
    upper = os.open(f"{folder}/upper", os.O_RDONLY | os.O_DIRECTORY)
    sc.bind(f"{folder}/root", f"{folder}/root", recursive=True)
    os.chdir(f"{folder}/root")
    sc.pivot_root_here()
    return upper


def _show(folder: str, entry: str) -> None:
    source, target = f"/{entry}", f"{folder}/root/{entry}"
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif not os.path.isdir(source):
        os.close(os.open(target, os.O_CREAT))
        sc.bind(source, target)
    else:
        os.mkdir(target)
        if entry in _KERNEL or not _overlay(folder, entry, target):
            sc.bind(source, target, recursive=True)


def _overlay(folder: str, entry: str, target: str) -> bool:
    """Whether it could be done: where the host mounts something below, an ordinary user cannot."""
    upper, work = f"{folder}/upper/{entry}", f"{folder}/work/{entry}"
    os.mkdir(upper)
    os.mkdir(work)
    found = os.stat(f"/{entry}")
    os.chmod(upper, stat.S_IMODE(found.st_mode))
    try:
        sc.mount("overlay", target, "overlay", 0, f"lowerdir=/{entry},upperdir={upper},workdir={work},userxattr")
    except OSError:
        os.rmdir(upper)
        return False
    return True


def changes(upper: int, host: int) -> list[str]:
    """Every path that differs from the host's. Folders count where they are new or have another mode or owner."""
    found = []
    for folder, folders, files, descriptor in os.fwalk(".", dir_fd=upper):
        here = folder.removeprefix(".").removeprefix("/")
        for name in (*folders, *files):
            path = f"{here}/{name}".lstrip("/")
            if "__pycache__" in path or "/" not in path:
                continue
            now = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat.S_ISDIR(now.st_mode):
                found.append(f"{'removed' if stat.S_ISCHR(now.st_mode) and now.st_rdev == 0 else 'written'} /{path}")
                continue
            try:
                before = os.stat(path, dir_fd=host, follow_symlinks=False)
            except FileNotFoundError:
                found.append(f"new folder /{path}")
                continue
            if (before.st_mode, before.st_uid, before.st_gid) != (now.st_mode, now.st_uid, now.st_gid):
                found.append(f"another mode or owner /{path}")
    return found


def main() -> None:
    """Build, run, compare: files by the upper layers, the top folder by its names, mounts by the mount table."""
    host = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    upper = build(sys.argv[1])
    sc.mount("none", "/", None, sc.MS_REC | _MS_SHARED)
    names, mounts = sorted(os.listdir("/")), _mounts()
    code = subprocess.run(sys.argv[2:], check=False, stdout=sys.stderr).returncode
    found = changes(upper, host)
    if sorted(os.listdir("/")) != names:
        found.append(f"the top folder: {names} -> {sorted(os.listdir('/'))}")
    found += [f"mount {line}" for line in sorted(_mounts() ^ mounts)]
    print(json.dumps({"code": code, "changes": found, "overlays": sorted(os.listdir(upper))}))


def _mounts() -> set[str]:
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return set(file)


if __name__ == "__main__":
    main()
