"""The builder's side of a node with a root file system of its own: what is missing in it, and the files it gets."""

from __future__ import annotations

import os
import struct
from collections.abc import Collection
from pathlib import Path

from netlab.daemons.base import Accounts
from netlab.model.errors import HostError
from netlab.runtime.inside import accounts
from netlab.runtime.netns.rootfs import resolved

SHELL = "/bin/sh"
"""What `netlab shell` needs at least."""

_MEND = "unpack a root file system that has it; scripts/unpack-frr makes one with FRR"
_RESOLV_CONF = "# A lab has no name server; its nodes' names are in /etc/hosts.\n"
_PAM = "/etc/pam.d"
_PAM_KINDS = ("account", "auth", "password", "session")
_PAM_NOTE = "# Debian's packages were never configured here; the node's user is root."
_HEAD = 4096
_PT_INTERP = 3  # elf.h


def check(node: str, root: str, programs: tuple[str, ...]) -> None:
    """HostError for the first of the programs, or of what they are started by, that the root file system lacks."""
    for program in programs:
        found = _in_root(root, program)
        if not os.path.exists(found):
            raise HostError(f"{node} needs {program}, which its rootfs {root} does not have", _MEND)
        if not os.access(found, os.R_OK | os.X_OK) or os.path.isdir(found):
            mend = f"make it readable and executable for the user who runs netlab: {found}"
            raise HostError(f"{node} cannot run {program} of its rootfs {root}", mend)
        interpreter = _interpreter(found)
        if interpreter and not os.path.exists(_in_root(root, interpreter)):
            raise HostError(f"{node} needs {program}, and that needs {interpreter}, which {root} does not have", _MEND)


def files(root: str, of_daemon: Collection[str] = (), names: Accounts | None = None) -> dict[str, str]:
    """The node's own /etc/group, /etc/passwd, /etc/resolv.conf and, where PAM was never configured, its files by
    path, made from the root file system's. `of_daemon`: those of the first two that have a routing daemon's `names` for
    root.

    Packages that were unpacked and never configured have brought neither root nor the daemon's user and groups.
    """
    made = {}
    for path in (accounts.GROUP, accounts.PASSWD):
        text = _text(root, path)
        own = names if path in of_daemon else None
        made[path] = accounts.with_names(path, text, own.user, own.groups) if own else accounts.with_root(path, text)
    made["/etc/resolv.conf"] = _RESOLV_CONF
    if os.path.isdir(_in_root(root, _PAM)):
        for kind in _PAM_KINDS:  # what /etc/pam.d/other includes: without them programs that ask PAM do not start
            path = f"{_PAM}/common-{kind}"
            if not os.path.exists(_in_root(root, path)):
                made[path] = f"{_PAM_NOTE}\n{kind} sufficient pam_permit.so\n"
    return made


def _in_root(root: str, path: str) -> str:
    """Where a path of the node is on this host: links are followed below `root`."""
    try:
        return root + resolved(root, path)
    except OSError as error:  # links in a circle
        raise HostError(f"{root}: {path}: {error.strerror}") from None


def _text(root: str, path: str) -> str:
    try:
        return Path(_in_root(root, path)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # missing, or closed to this user


def _interpreter(file: str) -> str | None:
    """What the kernel starts to run a file: a script's interpreter or an ELF program's dynamic loader (elf(5))."""
    with open(file, "rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"#!"):
        words = head[2:].split(b"\n")[0].split()
        return words[0].decode("utf-8", "surrogateescape") if words else None
    if not head.startswith(b"\x7fELF\x02\x01") or len(head) < 64:  # 64 bits, little-endian
        return None
    (offset,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    for number in range(count):
        at = offset + number * size
        if at + 40 > len(head):
            return None
        if struct.unpack_from("<I", head, at)[0] == _PT_INTERP:
            start, length = struct.unpack_from("<Q", head, at + 8)[0], struct.unpack_from("<Q", head, at + 32)[0]
            return head[start : start + length].rstrip(b"\0").decode("utf-8", "surrogateescape") or None
    return None
