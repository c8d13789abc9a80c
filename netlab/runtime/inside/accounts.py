"""A routing daemon's user and groups in a machine: other names of id 0.

FRR's daemons give up the capability by which root writes in another user's folders, and netlab runs them as the
node's root, the only id that every lab has (an ordinary user's may have no other). So what a script gives to user `frr`
must be root's, and a daemon that is started by hand, and becomes `frr`, must reach what netlab's daemons made.
"""

from __future__ import annotations

from collections.abc import Sequence

PASSWD, GROUP = "/etc/passwd", "/etc/group"


def with_root(path: str, text: str) -> str:
    """The text of PASSWD or GROUP, with root where it has none, and first: the first name of an id is what shows it."""
    line = "root:x:0:0:root:/root:/bin/sh" if path == PASSWD else "root:x:0:"
    lines = text.splitlines()
    own = [known for known in lines if known.startswith("root:")] or [line]
    return _joined([*own, *(known for known in lines if not known.startswith("root:"))])


def with_names(path: str, text: str, user: str, groups: Sequence[str]) -> str:
    """The text of PASSWD or GROUP, in which these are other names of root's ids."""
    names = (user,) if path == PASSWD else groups
    lines = with_root(path, text).splitlines()
    known = {line.partition(":")[0] for line in lines}
    if path == PASSWD:
        lines += [f"{name}:x:0:0::/nonexistent:/usr/sbin/nologin" for name in names if name not in known]
    else:
        lines += [f"{name}:x:0:" for name in names if name not in known]
    return _joined([_as_root(line) if line.partition(":")[0] in names else line for line in lines])


def _as_root(line: str) -> str:
    """A line of passwd(5) with uid and gid 0, or of group(5) with gid 0."""
    fields = line.split(":")
    fields[2:3] = ["0"]
    if len(fields) > 4:
        fields[3] = "0"
    return ":".join(fields)


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
