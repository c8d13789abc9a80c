"""BIRD's processes, and how it names what is wrong in a user's file."""

from __future__ import annotations

from netlab.daemons.bird.birdc import SOCKET
from netlab.model.plan import ProcessPlan, UserFile

CONFIG = "/etc/bird/bird.conf"
PROGRAM = "/usr/sbin/bird"
_WRONG_PLACE = r"bird: .*?:(?P<line>\d+):(?P<column>\d+) (?P<message>.*)"
"""How `bird -p` names a mistake: the file, the line, the column and what is wrong."""


def user_file(name: str) -> UserFile:
    """A configuration of the user's own, by its name for messages."""
    return UserFile(name, _WRONG_PLACE)


def processes(user_file: UserFile | None) -> tuple[ProcessPlan, ...]:
    """The configuration is parsed before the daemon runs it. BIRD needs no capability beyond every process's own."""
    folder = ProcessPlan("bird-folder", ("/bin/mkdir", "-p", SOCKET.rpartition("/")[0]), oneshot=True)
    check = ProcessPlan("bird-check", (PROGRAM, "-p", "-c", CONFIG), oneshot=True, checks=user_file)
    daemon = ProcessPlan(
        "bird",
        (PROGRAM, "-f", "-c", CONFIG, "-s", SOCKET),
        after=(folder.name, check.name),
        sockets=(SOCKET,),
    )
    return folder, check, daemon
