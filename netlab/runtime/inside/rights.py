"""What the commands in a node may do: its capabilities, and nothing of what CAP_SYS_ADMIN would allow.

It is a property of the node. Its init limits itself, and so all that it starts; whoever enters the node from outside
reads there what holds. Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import seccomp

# What a node's processes may do: Docker's default set without MKNOD, and what a network needs.
DEFAULT_CAPABILITIES = frozenset(
    name
    for line in (
        "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_BROADCAST NET_RAW NET_ADMIN",
        "SYS_CHROOT AUDIT_WRITE SETFCAP IPC_LOCK SYS_NICE",
    )
    for name in line.split()
)


def confine(capabilities: frozenset[str]) -> None:
    """Hold what this process executes, and all that it starts, to the capabilities.

    FRR's daemons end at once without CAP_SYS_ADMIN, and use it for nothing that a node has. It could make the host's
    files writable again, and an id that is root's outside owns them: where it is among the capabilities, the calls that
    need it are refused.
    """
    if "SYS_ADMIN" in capabilities:
        seccomp.refuse_administration()
    sc.keep_capabilities(capabilities)


def prepare() -> None:
    """Look up what `confine` needs, before many processes are forked that call it."""
    sc.last_capability()
    seccomp.administration_filter(sc.architecture())


def of_process(pid: int) -> frozenset[str]:
    """What the programs that process `pid` executes are held to: its bounding set (proc(5), CapBnd)."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        (held,) = (int(line.split()[1], 16) for line in file if line.startswith("CapBnd:"))
    return frozenset(name for number, name in enumerate(sc.CAPABILITIES) if held >> number & 1)
