"""The recipe."""

from __future__ import annotations

import time
from pathlib import Path

from netlab.lab import state
from netlab.lab.support import host, labs
from netlab.lab.support.bundle import Bundle
from netlab.model.errors import NetlabError


def support(file: Path | None, lab: str | None, add: tuple[Path, ...]) -> tuple[Path, int]:
    """Write the archive of one lab, or of every lab of this user; the file and its size in bytes.

    `add`: further files, such as saved evidence. InputError where the file is there already.
    """
    if lab is not None:
        state.must_exist(lab)
    name = f"netlab-support-{time.strftime('%Y%m%d-%H%M%S')}"
    bundle = Bundle()
    bundle.attempt("host", lambda: host.collect(bundle))
    for known in _names(bundle, lab):
        bundle.attempt(f"labs/{known}", lambda known=known: labs.collect(bundle, known))  # type: ignore[misc]
    for extra in add:
        bundle.add_file(f"added/{extra.name}", extra)
    if not add:
        bundle.left_out["added"] = "nothing was given with --add, such as the evidence of an ecmp-check"
    bundle.run()
    target = file or Path(f"{name}.tar.gz")
    return target, bundle.write(target)


def _names(bundle: Bundle, lab: str | None) -> list[str]:
    chosen = lab or state.preferred()
    if chosen:
        return [chosen]
    try:
        return state.names()
    except NetlabError as error:
        bundle.left_out["labs"] = str(error)
        return []
