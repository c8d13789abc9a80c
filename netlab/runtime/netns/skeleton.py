"""What the roots of all nodes have in common, as steps: looked up on the host once, and done for every node."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from netlab.kernel import syscalls as sc

Step = tuple[Callable[..., object], tuple[Any, ...]]
"""A function that makes, mounts or changes something in the node's root, and what it is called with."""

# Folders that each node has for itself, beside those of routing daemons. Services of the host listen on sockets in
# /run, /tmp, /var/lib, /var/snap and /var/spool, and a read-only mount is no bar to connecting.
PRIVATE_FOLDERS = (
    "/run",
    "/tmp",
    "/root",
    "/var/tmp",
    "/var/log",
    "/var/lib",
    "/var/snap",
    "/var/spool",
)
TOP_PRIVATE = frozenset(("proc", "sys", "dev"))
# Files of /proc that a host-root uid could change the host with, whatever its capabilities.
_PROC_READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus", "fs", "scsi", "acpi", "mtrr", "dynamic_debug")
# Every network namespace shows it, and it is one for all (net/netfilter/nf_hooks_lwtunnel.c). Once 1, it stays.
_NET_OF_ALL = "sys/net/netfilter/nf_hooks_lwtunnel"
# What tells of the host beyond what a machine needs, for a uid that is root's: Docker's list, and key-users.
_PROC_HIDDEN = ("keys", "key-users", "kcore", "timer_list", "sched_debug", "latency_stats")
_TMPFS_SIZE = "size=512m,nr_inodes=100k,mode=0755"


def do(steps: Iterable[Step]) -> None:
    """Do the steps in turn. OSError for the first that fails."""
    for function, arguments in steps:
        function(*arguments)


def steps(staging: str, base: str) -> list[Step]:
    """A root of the entries of `base` (empty for the host's own root), with /sys and /dev.

    To be looked up in the lab's mount namespace, and done in a copy of it, with `staging` as rootfs.prepare_lab leaves
    it. The node's memory is mounted at staging/own, its root at staging/root.
    """
    own, root = f"{staging}/own", f"{staging}/root"
    found: list[Step] = [
        # One node's binds are not another's to see, in whatever host folder the lab's state is.
        (sc.make_unbindable, (staging,)),
        (sc.mount, ("tmpfs", own, "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, _TMPFS_SIZE)),
        (os.mkdir, (f"{own}/root", 0o755)),
        (sc.bind, (f"{own}/root", root)),
    ]
    for entry in sorted(os.listdir(base or "/")):
        if entry not in TOP_PRIVATE and f"/{entry}" not in PRIVATE_FOLDERS:
            found += entry_steps(f"{base}/{entry}", f"{root}/{entry}")
    return found + _devices_and_sys(staging, root)


def entry_steps(source: str, target: str) -> list[Step]:
    """Show an entry of a root file system at its place in a new one: a link as itself, anything else as a mount."""
    if os.path.islink(source):
        return [(os.symlink, (os.readlink(source), target))]
    if os.path.isdir(source):
        return [(os.mkdir, (target,)), (_bind_all, (source, target))]
    return [(make_file, (target,)), (_bind_all, (source, target))] if os.path.isfile(source) else []


def private_folder_steps(own: str, root: str, base: str, folders: Iterable[str]) -> list[Step]:
    """Writable folders over the host's. Those that the host lacks are left out."""
    found: list[Step] = [(os.mkdir, (f"{own}/private", 0o755))]
    parents = set()
    for folder in folders:
        target = root + folder
        if folder.count("/") == 1:
            found.append((os.mkdir, (target,)))
        elif os.path.isdir(base + folder):
            source = f"{own}/private{folder}"
            if (parent := os.path.dirname(source)) not in parents:
                parents.add(parent)
                found.append((os.mkdir, (parent,)))
            found += [(os.mkdir, (source,)), (sc.bind, (source, target))]
        else:
            continue
        found.append((os.chmod, (target, mode_of(folder))))
    return found


def mode_of(folder: str) -> int:
    """The mode of a private folder, as distributions have it."""
    return 0o1777 if folder.endswith("tmp") else 0o700 if folder == "/root" else 0o755


def make_file(path: str) -> None:
    """An empty file to mount another on."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _bind_all(source: str, target: str) -> None:
    sc.bind(source, target, recursive=True)


def _devices_and_sys(staging: str, root: str) -> list[Step]:
    dev = f"{root}/dev"
    terminals = "newinstance,ptmxmode=0666,mode=0620"
    return [
        *((os.mkdir, (f"{root}/{name}",)) for name in sorted(TOP_PRIVATE)),
        (sc.mount, ("sysfs", f"{root}/sys", "sysfs", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC | sc.MS_RDONLY)),
        (_bind_all, (f"{staging}/dev", dev)),
        (_set_read_only, (dev,)),  # all nodes have the same one
        (sc.mount, ("devpts", f"{dev}/pts", "devpts", sc.MS_NOSUID | sc.MS_NOEXEC, terminals)),
        (sc.mount, ("tmpfs", f"{dev}/shm", "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=64m,mode=1777")),
    ]


def proc_steps(staging: str, root: str) -> list[Step]:
    """The node's /proc, by a process of its PID namespace: the kernel shows the one that the mounting process is in.

    What the kernel has there, and in a network namespace's part, is looked up in the lab's own.
    """
    proc = f"{root}/proc"
    read_only = [name for name in (*_PROC_READ_ONLY, "sys/net", _NET_OF_ALL) if os.path.exists(f"/proc/{name}")]
    hidden = [name for name in _PROC_HIDDEN if os.path.exists(f"/proc/{name}")]
    return [
        (sc.mount, ("proc", proc, "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)),
        *((sc.bind, (f"{proc}/{name}", f"{proc}/{name}")) for name in read_only),
        *((sc.bind, (f"{staging}/dev/null", f"{proc}/{name}")) for name in hidden),
        (_set_read_only, (proc, True)),
        (_set_writable, (proc,)),
        # /proc/sys/net shows the network namespace of whoever looks, and is the node's to change.
        (_set_writable, (f"{proc}/sys/net",)),
    ]


def _set_read_only(path: str, below_too: bool = False) -> None:
    sc.mount_setattr(path, set_flags=sc.MOUNT_ATTR_RDONLY, recursive=below_too)


def _set_writable(path: str) -> None:
    sc.mount_setattr(path, clear_flags=sc.MOUNT_ATTR_RDONLY)
