"""Kind `vyos`: a router with a VyOS configuration, which is translated and run by FRR.

`statements` lists what each version knows, `grammar` makes a tree of it, `config` reads a configuration with it, and
`translate` says it in FRR's words, with the defaults of the daemons that the version ran: VyOS 1.1's Quagga takes one
path from eBGP where nothing else is set, today's FRR takes as many as it was compiled for.
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.vyos.mends import MENDS
from netlab.kinds.vyos.options import VyosOptions, check
from netlab.kinds.vyos.render import expand, render

KIND = Kind(check, expand, render, options=VyosOptions, wants_startup_config=True, mends=MENDS)
