"""Removes what there is of a lab whose builder ended before the lab was complete, however it ended.

Run as `python3 -I -S guard.py URL NAME DIRECTORY BUILD FOLDER LOCK` with a pipe from the builder as standard input;
FOLDER and LOCK are descriptors of the lab's state folder and its lock. COMPLETE on the pipe means that the lab lives
on; HOLD, that others may remove it but it still ends with its builder; the pipe's end, that the builder is gone.

Clusters that were there before (netlab/runtime/kept.py) are not the builder's: they stay, with their record.
"""

from __future__ import annotations

import os
import sys
import time

COMPLETE = b"c"
HOLD = b"h"
_SWEEP = "--sweep"
_SETTLE = 0.3  # seconds: a request that the engine had begun when the builder was killed may still make a container
_TRIES = 20


def main() -> None:
    """Wait for the builder's word or its end."""
    if sys.argv[1] == _SWEEP:
        url, name, directory, build, folder = sys.argv[2:]
        _sweep(url, name, directory, build, int(folder))
        return
    said = os.read(0, 1)
    if said == HOLD:
        os.close(int(sys.argv[6]))
        said = os.read(0, 1)
    if said != COMPLETE:
        # With the libraries this time, which a guard that is not needed never loads.
        os.execv(sys.executable, [sys.executable, "-s", "-P", os.path.abspath(__file__), _SWEEP, *sys.argv[1:6]])


def _sweep(url: str, name: str, directory: str, build: str, folder: int) -> None:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
    from pathlib import Path

    from netlab.model.errors import NetlabError
    from netlab.runtime import kept
    from netlab.runtime.docker import containers, engine
    from netlab.statefolder import lab_folder

    state = Path(directory)
    try:
        record = kept.read(state) if _is_at(directory, folder) else None
    except NetlabError:
        sys.exit(1)  # damaged: what it named is not for this process to remove
    stay = record.clusters if record else frozenset()
    seen_empty = 0
    for _ in range(_TRIES):
        try:
            with engine.connected(url) as client:
                found = containers.of_lab(client, name, directory, build)
                containers.remove(client, found)
                # And not those of a later lab in a folder of the same name.
                left = containers.remove_clusters(client, directory, stay) if _is_at(directory, folder) else False
        except NetlabError:
            seen_empty = 0  # the engine is restarting, for example
        else:
            seen_empty = 0 if found or left else seen_empty + 1
        if seen_empty == 2:
            break
        time.sleep(_SETTLE)
    else:
        sys.exit(1)  # the folder stays, so that `netlab destroy` finds the rest
    if _is_at(directory, folder):
        if record:
            kept.reduce(state)
        else:
            lab_folder.remove_state(directory, folder)


def _is_at(directory: str, folder: int) -> bool:
    """Whether the lab's own folder is still there, and nobody has removed it or put a later lab's in its place."""
    try:
        return os.path.samestat(os.stat(directory), os.fstat(folder))
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main()
