"""Kind `frr`: a router that runs FRR, configured by `bgp:` in the topology or by a whole FRR configuration.

options.py  its options, and their check
startup.py  addresses and BGP neighbors in a user's own configuration
render.py   what it is made of
templates/  its generated configuration
mends.py    what findings tell its user to type
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.frr.mends import MENDS
from netlab.kinds.frr.options import FrrOptions, check
from netlab.kinds.frr.render import expand, render

KIND = Kind(check, expand, render, options=FrrOptions, wants_startup_config=True, mends=MENDS)
