"""One archive for a bug report: what the host, the labs and their nodes are and say, without their secrets.

    collect.py  the recipe: every item in turn
    bundle.py   the items, their limits, and the archive with its manifest
    redact.py   passwords and keys out of configurations, environments and logs
    host.py     versions, doctor's findings, limits
    labs.py     a lab's state folder, plan, topology, configurations and logs
    nodes.py    what a running node's kernel and routing daemons say

Nothing here fails because something is broken, since that is when it is needed: an error is an item's content.
"""
