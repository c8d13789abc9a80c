"""Kind `linux`: a host, a client of the lab's services; with an image of FRR, a router.

containerlab has no kind for FRR: its files, and those that other tools write for it, have FRR as a `linux` node with
FRR's image and its files bound to /etc/frr.

    options.py    its options, and their check
    frr_image.py  a node with an image of FRR: its daemons, and what its files say
    render.py     what a host is made of
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.linux import frr_image
from netlab.kinds.linux.options import LinuxOptions, check
from netlab.kinds.linux.render import expand, render

KIND = Kind(check, expand, render, options=LinuxOptions, reads=frr_image.READS)
