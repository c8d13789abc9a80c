"""What findings tell the user of a VyOS router to type: the statements of its configuration's version."""

from __future__ import annotations

import re

from netlab.daemons.base import Peers
from netlab.kinds.base import Mends
from netlab.model.evidence import BgpEvidence, RouterEvidence


def _version(router: RouterEvidence) -> str:
    """The version of its configuration, such as "1.4"; "" where it runs VyOS's own image."""
    found = re.match(r"VyOS (\d\.\d)", router.runs_as)
    return found[1] if found else ""


def _maximum_paths(router: RouterEvidence, bgp: BgpEvidence, peers: Peers, paths: int) -> str:
    version = _version(router)
    below = "protocols bgp" if version >= "1.4" else f"protocols bgp {bgp.local_asn}"
    if version >= "1.3":
        below += f" address-family {'ipv6' if ':' in router.vip else 'ipv4'}-unicast"
    return f"`set {below} maximum-paths {peers} {paths}`"


def _relax(router: RouterEvidence, bgp: BgpEvidence) -> str:  # noqa: ARG001
    if _version(router) == "1.1":
        return "give all speakers one AS number: VyOS 1.1 has no multipath-relax"
    return "set `bestpath as-path multipath-relax` below the `parameters` of its BGP, or give all speakers one AS"


def _hash_ports(router: RouterEvidence) -> str | None:
    """It has a statement for it from 1.2 on."""
    if _version(router) < "1.2":
        return None
    return f"`set system {'ipv6' if ':' in router.vip else 'ip'} multipath layer4-hashing`"


MENDS = Mends(
    maximum_paths=_maximum_paths,
    relax_as_paths=_relax,
    hash_ports=_hash_ports,
    hash_key=True,
    newer_kernel="VyOS 1.2 on",
)
