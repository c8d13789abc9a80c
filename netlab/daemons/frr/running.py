"""FRR's processes and files, for every kind that runs it: routers and the cluster's BGP speakers.

All daemons run in the foreground under the machine's init and log to stdout. A router's configuration is loaded by
`vtysh -b` once the daemons run: `-f` per daemon drops misspelt lines with exit code 0 (FRR 8.4) and loses static
routes and interface addresses (FRR 10, where they belong to mgmtd).
"""

from __future__ import annotations

import re

from netlab.model.errors import Position
from netlab.model.plan import FilePlan, LineSource, ProcessPlan, StartupCheck, UserFile

CONFIG = "/etc/frr/frr.conf"

PROGRAMS = "/usr/lib/frr"
_COMMON_ARGS = ("-u", "root", "-g", "root", "-P", "0", "--log", "stdout", "--log-level", "informational")
CAPABILITIES = ("SYS_ADMIN",)
"""What the daemons' privs_init asks for beyond a container's usual set; without it they end at once."""

_LOCKED = r"Can't enter config; running datastore locked"
"""FRR 10's mgmtd may still hold its lock for reading its own files. Static routes and addresses would be lost."""
_REFUSED = r"^line \d+: |processing failure|^% (Configuration failed|Failed to edit|Unknown action)"
"""How `vtysh -b` reports a line that a daemon refused. It ends with exit code 0 all the same (FRR 8.4).

The last ones name no line: lines that contradict each other, a value out of its range, and `| ` in a line.
"""
_REFUSED_LINE = r"^line (?P<line>\d+): (?:Failure to communicate\[\d+\] to (?P<by>\w+), line: |% )(?P<message>.*)"
_SAID_ANYWAY = r"\[|.*\.\.\.\s*$|MGMTD: No changes found to be committed"
"""What `vtysh -b` prints whether a daemon refuses a line or not: "[23|bgpd] sending configuration", "Waiting for
children ...", and of 10.3's mgmtd, which has nothing to commit of a line that is another daemon's."""
_UNKNOWN_LINE = r"^line (?P<line>\d+): % (?P<message>.*)"
"""How `vtysh -C` reports a line that no daemon knows, as 8.4 and 10.3 do: % Unknown command[25]:  neighbor ..."""

_WANTED_BY = {
    "bgpd": r"router bgp\b",
    "ospfd": r"router ospf\b|ip ospf\b",
    "ospf6d": r"router ospf6\b|ipv6 ospf6\b",
    "isisd": r"router isis\b|ip(v6)? router isis\b",
    "ripd": r"router rip\b",
    "ripngd": r"router ripng\b",
    "eigrpd": r"router eigrp\b",
    "babeld": r"router babel\b",
    "ldpd": r"mpls ldp\b",
    "pimd": r"ip pim\b|ip igmp\b|router pim\b",
    "nhrpd": r"ip nhrp\b",
    "pbrd": r"pbr-map\b|pbr-policy\b",
    "fabricd": r"router openfabric\b",
    "vrrpd": r"vrrp\b",
    "bfdd": r"(\S+ )*bfd\b",
}


OPTIONAL_DAEMONS = (*_WANTED_BY, "pathd", "pim6d", "sharpd")
"""What may run beside zebra and staticd, in the order in which they start."""


_DAEMONS_HEAD = """\
# The daemons that FRR's own scripts start (/usr/lib/frr/frrinit.sh). watchfrr, zebra, staticd and, in FRR 10, mgmtd
# always are. netlab has started those with "yes" when it built the lab, and does not read this file again.
"""
_ADDRESS_OF_VTY = {"ospf6d": "-A ::1", "ripngd": "-A ::1", "pim6d": "-A ::1"}
_FURTHER_OPTIONS = {"zebra": " -s 90000000"}


def daemons_for(config: str) -> tuple[str, ...]:
    """The daemons that a configuration needs, in the order in which they start."""
    wanted = [
        daemon for daemon, pattern in _WANTED_BY.items() if re.search(rf"^[ \t]*(?:{pattern})", config, re.MULTILINE)
    ]
    return ("zebra", "staticd", *wanted)


def router_processes(
    daemons: tuple[str, ...], user_file: str | None = None, places: tuple[Position | None, ...] = ()
) -> tuple[ProcessPlan, ...]:
    """mgmtd where there is one, zebra, then the other daemons side by side, then the configuration.

    A daemon that starts before zebra's socket exists tries again only after 10 s. `user_file`: the configuration is
    that file of the user's, or a translation of it with a place in it for each line.
    """
    mgmtd = ProcessPlan(
        "mgmtd",
        _argv("mgmtd"),
        sockets=("/run/frr/mgmtd.vty",),
        if_present=True,
        capabilities=CAPABILITIES,
    )
    zebra = ProcessPlan(
        "zebra",
        _argv("zebra"),
        after=("mgmtd",),
        sockets=("/run/frr/zebra.vty", "/run/frr/zserv.api"),
        capabilities=CAPABILITIES,
    )
    others = tuple(
        ProcessPlan(
            daemon,
            _argv(daemon),
            after=("zebra",),
            sockets=(f"/run/frr/{daemon}.vty",),
            capabilities=CAPABILITIES,
        )
        for daemon in daemons
        if daemon != "zebra"
    )
    load = ProcessPlan(
        "frr-config",
        ("/usr/bin/vtysh", "-b"),
        after=("mgmtd", *daemons),
        oneshot=True,
        refuse_output=_REFUSED,
        retry_output=_LOCKED,
        checks=UserFile(user_file, _REFUSED_LINE, places, _SAID_ANYWAY) if user_file else None,
    )
    return (mgmtd, zebra, *others, load)


def startup_check(source: str) -> StartupCheck:
    """How a user's whole configuration is checked before anything is made: `vtysh -C` needs no daemon."""
    return StartupCheck(("/usr/bin/vtysh", "-C", "-f"), CONFIG, UserFile(source, _UNKNOWN_LINE))


def speaker_process() -> ProcessPlan:
    """A bgpd in the place of MetalLB's native speaker: no zebra, installs nothing, connects and does not listen.

    Its configuration is netlab's own and only bgpd's, so `-f` loads it right in every version, without a vtysh.
    """
    return ProcessPlan(
        "bgpd",
        (*_argv("bgpd"), "-Z", "-p", "0", "-f", CONFIG),
        sockets=("/run/frr/bgpd.vty",),
        capabilities=CAPABILITIES,
    )


def frr_speaker_processes(*, bfd: bool = False) -> tuple[ProcessPlan, ...]:
    """zebra and bgpd in the place of MetalLB's FRR mode, which runs both: with zebra, bgpd knows its interfaces, and
    so the link-local next hops of IPv6 (RFC 2545). It connects and does not listen, as in MetalLB. bfdd, where there is
    BFD, is told of its peers by bgpd and needs no configuration."""
    zebra = ProcessPlan(
        "zebra",
        _argv("zebra"),
        sockets=("/run/frr/zebra.vty", "/run/frr/zserv.api"),
        capabilities=CAPABILITIES,
    )
    bgpd = ProcessPlan(
        "bgpd",
        (*_argv("bgpd"), "-p", "0", "-f", CONFIG),
        after=("zebra", "bfdd") if bfd else ("zebra",),
        sockets=("/run/frr/bgpd.vty",),
        capabilities=CAPABILITIES,
    )
    bfdd = ProcessPlan(
        "bfdd", _argv("bfdd"), after=("zebra",), sockets=("/run/frr/bfdd.vty",), capabilities=CAPABILITIES
    )
    return (zebra, bfdd, bgpd) if bfd else (zebra, bgpd)


def files(
    config: str, daemons: tuple[str, ...], sources: tuple[tuple[LineSource, ...], ...] = ()
) -> tuple[FilePlan, ...]:
    """/etc/frr of a machine: the integrated configuration, and what vtysh and FRR's own scripts look for."""
    return (
        FilePlan(CONFIG, config if config.endswith("\n") else config + "\n", 0o640, sources),
        FilePlan("/etc/frr/vtysh.conf", "service integrated-vtysh-config\nusername root nopassword\n", 0o640),
        FilePlan("/etc/frr/daemons", _daemons_file(daemons), 0o640),
    )


def _daemons_file(daemons: tuple[str, ...]) -> str:
    """What FRR's packages have in /etc/frr/daemons, with `yes` for the daemons that netlab starts: the start scripts
    (frrinit.sh) read it, and a user's script changes its lines."""
    named = "".join(f"{daemon}={'yes' if daemon in daemons else 'no'}\n" for daemon in OPTIONAL_DAEMONS)
    options = "".join(
        f'{daemon}_options="{_ADDRESS_OF_VTY.get(daemon, "-A 127.0.0.1")}{_FURTHER_OPTIONS.get(daemon, "")}"\n'
        for daemon in ("zebra", "staticd", *OPTIONAL_DAEMONS)
    )
    return f"{_DAEMONS_HEAD}{named}\nvtysh_enable=yes\n{options}"


def _argv(daemon: str) -> tuple[str, ...]:
    return (f"{PROGRAMS}/{daemon}", *_COMMON_ARGS, "-F", "traditional")
