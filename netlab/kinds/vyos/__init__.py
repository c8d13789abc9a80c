"""Kind `vyos`: a router with a VyOS configuration, which is translated and run by FRR.

`statements` lists what each version knows, `grammar` makes a tree of it, `config` reads a configuration with it, and
`translate` says it in FRR's words, with the defaults of the daemons that the version ran: VyOS 1.1's Quagga takes one
path from eBGP where nothing else is set, today's FRR takes as many as it was compiled for.

    options.py     its options, and their check
    config.py      a configuration in either of its forms, read with the grammar of its version
    commands.py    the form of `set` commands
    braces.py      the form of config.boot
    words.py       a command's words, as VyOS's shell splits them
    tree.py        a configuration as a tree, and how statements get into it
    statements.py  the statements that are understood, by version
    types.py       the types of their values
    grammar.py     the tree of words that parses a version's configuration
    translate.py   a configuration in FRR's words
    static.py      of that: interfaces, static routes, BFD
    bgp.py         of that: `protocols bgp`
    policy.py      of that: `policy`
    peers.py       what neither VyOS nor FRR takes of BGP neighbors
    lines.py       lines of FRR configuration, each with the statements that it comes from
    render.py      what the router is made of
    boot.py        a node with an image of VyOS: the real system
    mends.py       what findings tell its user to type
"""

from __future__ import annotations

from netlab.kinds.base import Kind
from netlab.kinds.vyos.mends import MENDS
from netlab.kinds.vyos.options import VyosOptions, check
from netlab.kinds.vyos.render import expand, render

KIND = Kind(check, expand, render, options=VyosOptions, wants_startup_config=True, mends=MENDS)
