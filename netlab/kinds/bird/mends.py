"""What findings tell the user of a BIRD router to type: BIRD's own line, or the key of the topology file."""

from __future__ import annotations

from netlab.daemons.bird.knobs import PATH_MERGE
from netlab.kinds.base import Mends
from netlab.kinds.bgp import or_bgp_key


def _merge_paths(paths: int | None) -> str:
    option = "true" if paths is None else str(paths)
    return or_bgp_key(f"`{PATH_MERGE.line(paths)}` {PATH_MERGE.place}", f"merge-paths: {option}")


MENDS = Mends(merge_paths=_merge_paths, hash_key=True)
