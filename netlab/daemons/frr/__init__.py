"""FRRouting.

running.py  its processes, files and the check of a configuration
vty.py      how its programs are asked over their sockets
reader.py   what their answers say of BGP and the RIB
knobs.py    what sets how many equal paths it uses
"""

from netlab.daemons.base import Accounts, CommandLine, Daemon, Dialogue
from netlab.daemons.frr import reader, vty
from netlab.daemons.frr.knobs import KNOBS
from netlab.daemons.frr.running import CONFIG, PROGRAMS

_REPORT = (
    "show version",
    "show running-config",
    "show bgp summary",
    "show bgp neighbors",
    "show ip route",
    "show ipv6 route",
    "show bgp ipv4 unicast",
    "show bgp ipv6 unicast",
    "show nexthop-group rib",
    "show interface brief",
    "show memory",
    "show debugging",
)

DAEMON = Daemon(
    name="frr",
    title="FRR",
    package="frr",
    image="frr",
    programs=(f"{PROGRAMS}/",),
    configuration=CONFIG,
    comment="!",
    command_line=CommandLine("vtysh", tuple(f"vtysh -c '{command}'" for command in _REPORT)),
    dialogue=Dialogue(vty.path, vty.greet, vty.ask, reader.converse, sign_of_life=("bgpd", "show version")),
    folders=("/etc/frr",),
    # The group of the daemons, and that of whoever may talk to them (FRR's --enable-group, --enable-vty-group).
    accounts=Accounts(
        "frr", ("frr", "frrvty"), ("/run/frr", "/var/log/frr", "/var/lib/frr", "/var/tmp/frr", "/etc/frr")
    ),
    knobs=KNOBS,
    in_rootfs=True,
)
