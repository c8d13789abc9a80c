"""What findings tell the user of an FRR router to type: FRR's own line, or the key of the topology file."""

from __future__ import annotations

from netlab.daemons.base import Peers
from netlab.daemons.frr.knobs import PATH_LIMIT, relax_as_paths
from netlab.kinds.base import Mends
from netlab.kinds.bgp import or_bgp_key
from netlab.model.evidence import BgpEvidence, RouterEvidence


def _maximum_paths(router: RouterEvidence, bgp: BgpEvidence, peers: Peers, paths: int) -> str:
    version = 6 if ":" in router.vip else 4
    option = str(paths) if peers == "ebgp" else f"{{ibgp: {paths}}}"
    if version == 6:
        option = f"{{ipv6: {option}}}"
    line = f"`{PATH_LIMIT.line(peers, paths)}` {PATH_LIMIT.place(bgp.local_asn, version)}"
    return or_bgp_key(line, f"maximum-paths: {option}")


def _relax(router: RouterEvidence, bgp: BgpEvidence) -> str:  # noqa: ARG001
    return or_bgp_key(relax_as_paths(bgp.local_asn), "multipath-relax: true")


MENDS = Mends(maximum_paths=_maximum_paths, relax_as_paths=_relax, hash_key=True)
