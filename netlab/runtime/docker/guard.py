"""Removes what there is of a lab whose builder ended before the lab was complete, however it ended.

Run as `python3 -I -S guard.py URL NAME DIRECTORY` with a pipe from the builder as standard input and the lab's lock
among its descriptors. A byte on the pipe means that the lab is complete; its end without one, that the builder is gone.
"""

from __future__ import annotations

import os
import sys
import time

_SWEEP = "--sweep"
_SETTLE = 0.3  # seconds: a request that the engine had begun when the builder was killed may still make a container
_TRIES = 20


def main() -> None:
    """Wait for the builder's word or its end."""
    if sys.argv[1] == _SWEEP:
        _sweep(*sys.argv[2:5])
    elif not os.read(0, 1):
        # With the libraries this time, which a guard that is not needed never loads.
        os.execv(sys.executable, [sys.executable, "-s", "-P", os.path.abspath(__file__), _SWEEP, *sys.argv[1:4]])


def _sweep(url: str, name: str, directory: str) -> None:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
    from netlab.model.errors import NetlabError
    from netlab.runtime import claim
    from netlab.runtime.docker import containers, engine

    seen_empty = 0
    for _ in range(_TRIES):
        try:
            client = engine.connect(url)
            found = containers.of_lab(client, name, directory)
            containers.remove(client, found)
        except NetlabError:
            seen_empty = 0  # the engine is restarting, for example
        else:
            seen_empty = 0 if found else seen_empty + 1
        if seen_empty == 2:
            break
        time.sleep(_SETTLE)
    else:
        sys.exit(1)  # the folder stays, so that `netlab destroy` finds the rest
    claim.remove_state(directory, os.open(directory, os.O_RDONLY | os.O_DIRECTORY))


if __name__ == "__main__":
    main()
