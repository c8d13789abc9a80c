"""Kind `vyos`: a router with a VyOS configuration, which is translated and run by FRR.

The translation keeps the old daemons' defaults: VyOS 1.1's Quagga takes one path from eBGP where nothing else is set,
today's FRR takes as many as it was compiled for.
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.vyos.options import VyosOptions, check
from netlab.kinds.vyos.render import expand, render

KIND = Kind(check, expand, render, options=VyosOptions, wants_startup_config=True)
