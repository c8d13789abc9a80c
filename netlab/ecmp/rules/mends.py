"""What to type so that a router shares load: its kind says it, or its daemon, or general words.

Evidence is judged on any machine: of a kind or a daemon that another package brought, nothing may be known there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.daemons import DAEMONS
from netlab.daemons.base import Knobs, PathLimit, PathMerge, Peers, maximum_paths
from netlab.model.evidence import BgpEvidence, RouterEvidence

if TYPE_CHECKING:
    from netlab.kinds.base import Mends


def mends(router: RouterEvidence) -> Mends:
    """What the router's kind says."""
    # Kinds load pydantic, and most verdicts need nobody to type anything.
    from netlab.kinds import KINDS
    from netlab.kinds.base import Mends

    kind = KINDS.get(router.kind)
    return kind.mends if kind else Mends()


def title(bgp: BgpEvidence) -> str:
    """What people call the router's daemon."""
    daemon = DAEMONS.get(bgp.daemon)
    return daemon.title if daemon else bgp.daemon


def knobs(bgp: BgpEvidence) -> Knobs | None:
    """What the router's daemon says."""
    daemon = DAEMONS.get(bgp.daemon)
    return daemon.knobs if daemon else None


def path_limit(bgp: BgpEvidence) -> PathLimit | None:
    """The limit of a daemon whose BGP chooses several paths."""
    found = knobs(bgp)
    return found.equal_paths if found and isinstance(found.equal_paths, PathLimit) else None


def path_merge(bgp: BgpEvidence) -> PathMerge | None:
    """The switch of a daemon whose BGP chooses one path, so that it merges equal ones."""
    found = knobs(bgp)
    return found.equal_paths if found and isinstance(found.equal_paths, PathMerge) else None


def limit_line(bgp: BgpEvidence, peers: Peers, paths: int) -> str:
    """The limit as the router's configuration says it."""
    limit = path_limit(bgp)
    return limit.line(peers, paths) if limit else maximum_paths(peers, paths)


def maximum_paths_mend(router: RouterEvidence, bgp: BgpEvidence, paths: int, peers: Peers = "ebgp") -> str:
    """What to type so that the router installs `paths` paths."""
    of_kind = mends(router).maximum_paths
    if of_kind:
        return of_kind(router, bgp, peers, paths)
    mend = f"let the router's BGP (AS {bgp.local_asn}) install {paths} equal {peers} paths"
    limit = path_limit(bgp)
    return f"{mend}; in {title(bgp)} that is `{limit.line(peers, paths)}`" if limit else mend


def merge_paths_mend(router: RouterEvidence, merge: PathMerge, paths: int | None = None) -> str:
    """What to type so that the daemon merges equal paths: at least `paths` of them, or up to its own limit."""
    of_kind = mends(router).merge_paths
    return of_kind(paths) if of_kind else f"`{merge.line(paths)}` {merge.place}"


def hash_mend(router: RouterEvidence, policy: str = "policy: 3, fields: 0x37") -> str:
    """What to type to set how the router hashes: by default the 5-tuple, read from the packet itself."""
    if mends(router).hash_key:
        return f"`hash: {{{policy}}}` at {router.router} in the topology file"
    family = "ipv6" if ":" in router.vip else "ipv4"
    return f"set net.{family}.fib_multipath_hash_* on {router.router}: {policy}"
