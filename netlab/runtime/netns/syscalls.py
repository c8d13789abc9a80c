"""Thin wrappers of the Linux system calls that Python 3.11 does not have. Errors are OSError with call and path.

Constants are those of <sched.h>, <sys/mount.h>, <linux/mount.h> and <linux/prctl.h>. Kernel 5.12 or later
(mount_setattr). Imported by the lab's init: nothing but ctypes and os.
"""

from __future__ import annotations

import ctypes
import os

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
MS_PRIVATE = 0x40000
MNT_DETACH = 0x2

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NODEV = 0x4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_SYS_MOUNT_SETATTR = 442  # the same on every architecture
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}

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


def mount_setattr(path: str, *, set_flags: int = 0, clear_flags: int = 0, recursive: bool = False) -> None:
    """Change the flags of the mount at `path`, and of all below it where `recursive` (mount_setattr(2))."""
    attributes = _MountAttr(set_flags, clear_flags, 0, 0)
    result = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        path.encode(),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"mount_setattr {path}")


def bind(source: str, target: str, *, recursive: bool = False) -> None:
    """Make `source` visible at `target` too."""
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def unmount(path: str) -> None:
    """Detach the mount at `path` and all below it (umount2(2), MNT_DETACH)."""
    _check(_libc.umount2(path.encode(), ctypes.c_int(MNT_DETACH)), f"umount {path}")


def make_private(path: str) -> None:
    """Keep mounts at and below `path` from reaching other mount namespaces."""
    mount("none", path, None, MS_REC | MS_PRIVATE)


def pivot_root_here() -> None:
    """Make the working directory the root and drop the old root (pivot_root(2), "pivot_root(".", ".")")."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    unmount(".")
    os.chdir("/")


def sethostname(name: str) -> None:
    """Set the host name of the UTS namespace."""
    data = name.encode()
    _check(_libc.sethostname(data, ctypes.c_size_t(len(data))), "sethostname")


def keep_capabilities(names: frozenset[str]) -> None:
    """Drop every capability but `names` from the bounding set: the next exec is held to them (capabilities(7))."""
    for number, name in enumerate(CAPABILITIES):
        if name not in names:
            # EINVAL: this kernel does not know the capability, so nobody can hold it.
            _libc.prctl(ctypes.c_int(_PR_CAPBSET_DROP), ctypes.c_ulong(number), ctypes.c_ulong(0), ctypes.c_ulong(0), 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (PR_SET_PDEATHSIG)."""
    _check(_libc.prctl(ctypes.c_int(_PR_SET_PDEATHSIG), ctypes.c_ulong(9), 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
