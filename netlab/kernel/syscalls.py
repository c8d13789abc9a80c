"""Thin wrappers of the Linux system calls that Python 3.11 does not have. Errors are OSError with call and path.

Constants are those of <sched.h>, <sys/mount.h>, <linux/mount.h> and <linux/prctl.h>. Kernel 5.12 or later
(mount_setattr). Imported by the lab's init: little but ctypes and os.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from functools import lru_cache

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_RDONLY = 0x1
MS_BIND = 0x1000
MS_REC = 0x4000
MS_UNBINDABLE = 0x20000
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NODEV = 0x4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_MOUNT_SETATTR = 428, 429, 442  # the same on every architecture
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_MACHINE = os.uname().machine  # not asked again in each of a thousand forks
_KEYCTL_JOIN_SESSION_KEYRING = 1
ARCHITECTURES = tuple(_SYS_PIVOT_ROOT)
"""Those whose numbers of system calls are known, here and in inside.seccomp."""

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24

# linux/capability.h, in order.
CAPABILITIES = tuple(
    name
    for line in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE",
        "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT",
        "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE",
        "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ",
        "PERFMON BPF CHECKPOINT_RESTORE",
    )
    for name in line.split()
)
_MOST_CAPABILITIES = 64  # a set has 64 bits

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _check(result: int, call: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def architecture() -> str:
    """This processor's. OSError where its numbers of system calls are not known."""
    if _MACHINE not in ARCHITECTURES:
        reason = f"the numbers of system calls on the processor architecture {_MACHINE} are unknown"
        raise OSError(errno.EOPNOTSUPP, reason)
    return _MACHINE


def describe(error: OSError) -> str:
    """What failed, for a user: the reason, and the file where the error names one."""
    reason = error.strerror or str(error)
    if error.errno == errno.EAGAIN and not error.filename:  # what fork(2) says
        return f"cannot start another process: {reason}"
    return f"{error.filename}: {reason}" if error.filename else reason


def unshare(flags: int) -> None:
    """Give the calling process new namespaces (unshare(2))."""
    _check(_libc.unshare(ctypes.c_int(flags)), f"unshare({flags:#x})")


def setns(fd: int, flags: int = 0) -> None:
    """Join the namespace behind `fd` (setns(2))."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(flags)), f"setns({flags:#x})")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(result, f"mount {kind or 'bind'} {source} on {target}")


def mount_setattr(
    path: str, *, folder: int = _AT_FDCWD, set_flags: int = 0, clear_flags: int = 0, recursive: bool = False
) -> None:
    """Change the flags of the mount at `path`, and of all below it where `recursive` (mount_setattr(2)).

    An empty path means the mount behind the descriptor `folder`.
    """
    attributes = _MountAttr(set_flags, clear_flags, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(folder),
        path.encode(),
        ctypes.c_uint((_AT_RECURSIVE if recursive else 0) | (0 if path else _AT_EMPTY_PATH)),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr {path}")


def clone_tree(path: str) -> int:
    """A descriptor of a copy of the mounts at and below `path`, not attached anywhere yet (open_tree(2))."""
    flags = _OPEN_TREE_CLONE | _AT_RECURSIVE | os.O_CLOEXEC
    descriptor = _libc.syscall(
        ctypes.c_long(_SYS_OPEN_TREE), ctypes.c_int(_AT_FDCWD), path.encode(), ctypes.c_uint(flags)
    )
    _check(descriptor, f"open_tree {path}")
    return int(descriptor)


def attach(tree: int, target: str) -> None:
    """Mount what clone_tree gave at `target` (move_mount(2))."""
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOVE_MOUNT),
        ctypes.c_int(tree),
        b"",
        ctypes.c_int(_AT_FDCWD),
        target.encode(),
        ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
    )
    _check(result, f"move_mount {target}")


def bind(source: str, target: str, *, recursive: bool = False) -> None:
    """Make `source` visible at `target` too."""
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def unmount(path: str) -> None:
    """Detach the mount at `path` and all below it (umount2(2), MNT_DETACH)."""
    _check(_libc.umount2(path.encode(), ctypes.c_int(MNT_DETACH)), f"umount {path}")


def make_private(path: str) -> None:
    """Keep mounts at and below `path` from reaching other mount namespaces."""
    mount("none", path, None, MS_REC | MS_PRIVATE)


def make_unbindable(path: str) -> None:
    """Keep the mount at `path` and those below it out of every recursive bind of what is above."""
    mount("none", path, None, MS_UNBINDABLE)


def leave_session_keyring() -> None:
    """Take a session keyring of one's own: the old one holds keys of the user's login (session-keyring(7))."""
    number = _SYS_KEYCTL[architecture()]
    result = _libc.syscall(ctypes.c_long(number), ctypes.c_int(_KEYCTL_JOIN_SESSION_KEYRING), None, 0, 0, 0)
    if result < 0 and ctypes.get_errno() != errno.ENOSYS:  # a kernel without keyrings
        _check(result, "keyctl(KEYCTL_JOIN_SESSION_KEYRING)")


def pivot_root_here() -> None:
    """Make the working directory the root and drop the old root (pivot_root(2), "pivot_root(".", ".")")."""
    number = _SYS_PIVOT_ROOT[architecture()]
    _check(_libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def sethostname(name: str) -> None:
    """Set the host name of the UTS namespace."""
    data = name.encode()
    _check(_libc.sethostname(data, ctypes.c_size_t(len(data))), "sethostname")


@lru_cache
def last_capability() -> int:
    """The highest number of a capability that this kernel knows, or may know where it does not say."""
    try:
        descriptor = os.open("/proc/sys/kernel/cap_last_cap", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return _MOST_CAPABILITIES - 1
    try:
        return int(os.read(descriptor, 16))  # bytes: in another root there is no codec to be imported
    finally:
        os.close(descriptor)


def keep_capabilities(names: frozenset[str]) -> None:
    """Drop every capability but `names` from the bounding set: the next exec is held to them (capabilities(7))."""
    for number in range(last_capability() + 1):
        if number >= len(CAPABILITIES) or CAPABILITIES[number] not in names:
            # EINVAL: this kernel does not know the capability, so nobody can hold it.
            _libc.prctl(ctypes.c_int(_PR_CAPBSET_DROP), ctypes.c_ulong(number), ctypes.c_ulong(0), ctypes.c_ulong(0), 0)


def prctl(option: int, first: int, second: int) -> None:
    """prctl(2)."""
    result = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(first), ctypes.c_ulong(second), 0, 0)
    _check(result, f"prctl({option})")


def die_with_parent() -> None:
    """Have the kernel kill this process, and what it executes, when its parent ends (PR_SET_PDEATHSIG)."""
    _libc.prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
