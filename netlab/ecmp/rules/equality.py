"""When two BGP paths are equal, so that a router may use both at once (RFC 4271, section 9.1.2.2; FRR's and Quagga's
order of comparison)."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.model.evidence import BgpEvidence, BgpPath

DEFAULT_LOCAL_PREF = 100


def best_path(bgp: BgpEvidence) -> BgpPath | None:
    """The path that BGP chose, if it chose any."""
    return next((path for path in bgp.paths if path.best), None)


def first_difference(path: BgpPath, best: BgpPath, bgp: BgpEvidence) -> tuple[str, str, str] | None:
    """The first attribute in BGP's order that makes `best` better than `path`, with both values: (name, its, best's).

    None where they tie as far as attributes go. The content of the AS path is no attribute of this list: it only keeps
    paths of one length from being used together (`same_as`).
    """
    return next(((name, its, other) for name, its, other in _compared(path, best, bgp) if its != other), None)


def same_as(path: BgpPath, best: BgpPath, bgp: BgpEvidence) -> bool:
    """Whether paths that tie may be used together without multipath-relax.

    FRR asks for one neighboring AS of eBGP paths, whatever stands behind it in the AS path (measured with 8.4.4), and
    for one AS path of iBGP paths.
    """
    remote = {session.neighbor: session.remote_asn for session in bgp.sessions}
    first, second = (remote.get(one.neighbor, bgp.local_asn) for one in (path, best))
    if bgp.local_asn in (first, second):
        return path.as_path == best.as_path
    return first == second


def equal_to_best(paths: tuple[BgpPath, ...], bgp: BgpEvidence) -> list[BgpPath]:
    """Those of the paths that tie with the best one, so that only a limit keeps them out; none if it is not there."""
    best = next((path for path in paths if path.best), None)
    if best is None:
        return []
    same = [path for path in paths if bgp.multipath_relax or same_as(path, best, bgp)]
    return [path for path in same if first_difference(path, best, bgp) is None]


def _compared(path: BgpPath, best: BgpPath, bgp: BgpEvidence) -> Iterator[tuple[str, str, str]]:
    yield "weight", str(path.weight or 0), str(best.weight or 0)
    yield "local preference", _local_pref(path), _local_pref(best)
    yield "AS path length", str(len(path.as_path)), str(len(best.as_path))
    yield "origin", path.origin, best.origin
    # RFC 4271, 9.1.2.2 c: MEDs count between paths from one neighboring AS.
    if path.as_path[:1] == best.as_path[:1]:
        yield "MED", str(path.med or 0), str(best.med or 0)
    yield "kind of peer", _peer(path, bgp), _peer(best, bgp)
    if path.igp_metric is not None and best.igp_metric is not None:
        yield "IGP metric to the next hop", str(path.igp_metric), str(best.igp_metric)


def _local_pref(path: BgpPath) -> str:
    """FRR's table leaves the default out."""
    return str(DEFAULT_LOCAL_PREF if path.local_pref is None else path.local_pref)


def _peer(path: BgpPath, bgp: BgpEvidence) -> str:
    """eBGP is preferred to iBGP."""
    remote = next((session.remote_asn for session in bgp.sessions if session.neighbor == path.neighbor), bgp.local_asn)
    return "iBGP" if remote == bgp.local_asn else "eBGP"
