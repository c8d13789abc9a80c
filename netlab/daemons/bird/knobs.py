"""How BIRD is told what to do with equal paths. AS paths of one length are equal for it, whatever is in them."""

from __future__ import annotations

from netlab.daemons.base import Knobs, PathMerge


def _merge_paths(paths: int | None) -> str:
    """Its own limit is 16."""
    return "merge paths yes;" if paths is None else f"merge paths yes limit {paths};"


PATH_MERGE = PathMerge("merge paths", "in the `protocol kernel` of BIRD", _merge_paths)

KNOBS = Knobs(
    PATH_MERGE,
    kernel_filters="look at `export` in the `protocol kernel` of BIRD, and for another route to the same prefix",
)
