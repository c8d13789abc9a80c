"""Kind `bird`: a router that runs BIRD 2, configured by `bgp:` in the topology or by a whole BIRD configuration.

BIRD by itself gives the kernel one next hop of equal paths, however many there are: a real single-best-path router.

    options.py  its options, and their check
    render.py   what it is made of
    templates/  its generated configuration
    mends.py    what findings tell its user to type
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.bird.mends import MENDS
from netlab.kinds.bird.options import BirdOptions, check
from netlab.kinds.bird.render import expand, render

KIND = Kind(check, expand, render, options=BirdOptions, wants_startup_config=True, mends=MENDS)
