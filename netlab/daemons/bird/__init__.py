"""BIRD 2.

running.py  its processes, and how it names what is wrong in a user's file
birdc.py    how it is asked over its control socket
reader.py   what its answers say of BGP and the RIB
knobs.py    what sets how many equal paths it uses
"""

from netlab.daemons.base import CommandLine, Daemon, Dialogue
from netlab.daemons.bird import birdc, reader
from netlab.daemons.bird.knobs import KNOBS
from netlab.daemons.bird.running import CONFIG, PROGRAM

_REPORT = ("show status", "show protocols all", "show route all")

DAEMON = Daemon(
    name="bird",
    title="BIRD",
    package="bird2",
    image="bird",
    programs=(PROGRAM,),
    configuration=CONFIG,
    comment="#",
    command_line=CommandLine("birdc", tuple(f"birdc -r '{command}'" for command in _REPORT)),
    dialogue=Dialogue(birdc.path, birdc.greet, birdc.ask, reader.converse, sign_of_life=("bird", "show status")),
    folders=("/etc/bird",),
    knobs=KNOBS,
)
