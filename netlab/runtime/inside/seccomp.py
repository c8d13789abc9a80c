"""A filter of system calls (seccomp(2)) that leaves nothing of CAP_SYS_ADMIN, for processes that insist on holding it.

Refused are the calls that change mounts, that make or enter namespaces, and that name the machine; and file handles,
which lead below a mount to files that it covers (open_by_handle_at(2), Linux 6.11). What else the capability stands for
is asked of the host's user namespace, which no lab has.

One namespace may be entered, another network, as zebra does for its VRFs: a node can make none and sees none, but a
container may have been given some.
"""

from __future__ import annotations

import ctypes
import errno
from functools import lru_cache
from typing import NamedTuple

from netlab.kernel import bpf
from netlab.kernel import syscalls as sc

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_SECCOMP_RET_ALLOW = 0x7FFF0000
_SECCOMP_RET_ERRNO = 0x00050000
_X32_BIT = 0x40000000
_CLONE_NEWTIME = 0x80  # for unshare alone: in clone's flags these bits are a signal
_CLONE_NEWCGROUP = 0x02000000
_NAMESPACES = (
    sc.CLONE_NEWNS
    | sc.CLONE_NEWUTS
    | sc.CLONE_NEWIPC
    | sc.CLONE_NEWUSER
    | sc.CLONE_NEWPID
    | sc.CLONE_NEWNET
    | _CLONE_NEWCGROUP
)
# open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr, open_tree_attr: the same everywhere.
_REFUSED_EVERYWHERE = (428, 429, 430, 431, 432, 433, 442, 467)
_CLONE3 = 435  # its flags are in memory, where no filter looks: "no such call" makes the C library take clone


class _Machine(NamedTuple):
    architecture: int  # linux/audit.h
    refused: tuple[int, ...]  # mount, umount2 (and umount), pivot_root, sethostname, setdomainname, open_by_handle_at
    clone: int
    unshare: int
    setns: int
    clone_flags: int = 0  # which argument they are
    big_endian: bool = False


_MACHINES = {
    "x86_64": _Machine(0xC000003E, (165, 166, 155, 170, 171, 304), 56, 272, 308),
    "aarch64": _Machine(0xC00000B7, (40, 39, 41, 161, 162, 265), 220, 97, 268),
    "riscv64": _Machine(0xC00000F3, (40, 39, 41, 161, 162, 265), 220, 97, 268),
    "ppc64le": _Machine(0xC0000015, (21, 22, 52, 203, 74, 121, 346), 120, 282, 350),
    "s390x": _Machine(0x80000016, (21, 22, 52, 217, 74, 121, 336), 120, 303, 339, clone_flags=1, big_endian=True),
}
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # struct seccomp_data


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse_administration() -> None:
    """Refuse the calls, to this process and to all that it starts, for good. OSError without CAP_SYS_ADMIN."""
    program = administration_filter(sc.architecture())
    buffer = ctypes.create_string_buffer(program, len(program))
    descriptor = _SockFprog(len(program) // 8, ctypes.addressof(buffer))
    sc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(descriptor))


@lru_cache
def administration_filter(machine: str) -> bytes:
    """Classic BPF over struct seccomp_data: EPERM for the calls, ENOSYS for clone3.

    A call by another architecture's table (32-bit, x32) is refused whatever it is: its numbers mean other calls.
    """
    known = _MACHINES[machine]

    def argument(index: int) -> bpf.Step:
        return bpf.Step(bpf.LOAD_WORD, _ARGUMENTS + 8 * index + (4 if known.big_endian else 0))

    calls = (*known.refused, *_REFUSED_EVERYWHERE)
    program: list[bpf.Line] = [
        bpf.Step(bpf.LOAD_WORD, _ARCHITECTURE),
        bpf.Step(bpf.EQUAL, known.architecture, fails="refuse"),
        bpf.Step(bpf.LOAD_WORD, _NUMBER),
        bpf.Step(bpf.AT_LEAST, _X32_BIT, holds="refuse"),
        *(bpf.Step(bpf.EQUAL, number, holds="refuse") for number in calls),
        bpf.Step(bpf.EQUAL, _CLONE3, holds="no such call"),
        bpf.Step(bpf.EQUAL, known.clone, holds="clone"),
        bpf.Step(bpf.EQUAL, known.unshare, holds="unshare"),
        bpf.Step(bpf.EQUAL, known.setns, holds="setns", fails="allow"),
        bpf.Label("clone"),
        argument(known.clone_flags),
        bpf.Step(bpf.ANY_OF, _NAMESPACES, holds="refuse", fails="allow"),
        bpf.Label("unshare"),
        argument(0),
        bpf.Step(bpf.ANY_OF, _NAMESPACES | _CLONE_NEWTIME, holds="refuse", fails="allow"),
        bpf.Label("setns"),
        argument(1),
        bpf.Step(bpf.EQUAL, sc.CLONE_NEWNET, holds="allow", fails="refuse"),
        bpf.Label("allow"),
        bpf.Step(bpf.ANSWER, _SECCOMP_RET_ALLOW),
        bpf.Label("refuse"),
        bpf.Step(bpf.ANSWER, _SECCOMP_RET_ERRNO | errno.EPERM),
        bpf.Label("no such call"),
        bpf.Step(bpf.ANSWER, _SECCOMP_RET_ERRNO | errno.ENOSYS),
    ]
    return bpf.encode(bpf.assemble(program))
