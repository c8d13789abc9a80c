"""What a rule is given, and what the rules share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netlab.ecmp.reading import Reading, valid_paths
from netlab.model.evidence import BgpEvidence, BgpPath, RouterEvidence
from netlab.model.verdict import Finding, Outcome


@dataclass(frozen=True)
class Case:
    """One router's evidence as read, the verdict on it, and the other routers of the same run."""

    reading: Reading
    outcome: Outcome
    others: tuple[RouterEvidence, ...] = ()

    @property
    def router(self) -> RouterEvidence:
        return self.reading.router


Rule = Callable[[Case], Iterator[Finding]]


def external_paths(bgp: BgpEvidence) -> tuple[BgpPath, ...]:
    """The valid paths that were learned from another AS (eBGP)."""
    remote = {session.neighbor: session.remote_asn for session in bgp.sessions}
    return tuple(path for path in valid_paths(bgp) if remote.get(path.neighbor, bgp.local_asn) != bgp.local_asn)


def internal_paths(bgp: BgpEvidence) -> tuple[BgpPath, ...]:
    """The valid paths that were learned from the router's own AS (iBGP)."""
    external = external_paths(bgp)
    return tuple(path for path in valid_paths(bgp) if path not in external)


def maximum_paths_mend(router: RouterEvidence, bgp: BgpEvidence, paths: int, family: str = "ebgp") -> str:
    """What to type so that the router installs `paths` paths."""
    asn = bgp.local_asn
    ipv6 = ":" in router.vip
    frr = f"maximum-paths {'ibgp ' if family == 'ibgp' else ''}{paths}"
    if router.kind == "vyos":
        return f"`set {_vyos_maximum_paths(router, asn)} maximum-paths {family} {paths}`"
    if router.kind == "frr":
        option = str(paths) if family == "ebgp" else f"{{ibgp: {paths}}}"
        if ipv6:
            return (
                f"`{frr}` in `address-family ipv6 unicast` of `router bgp {asn}`, or `bgp: {{maximum-paths: {{ipv6: "
                f"{option}}}}}` in the topology file"
            )
        return f"`{frr}` under `router bgp {asn}`, or `bgp: {{maximum-paths: {option}}}` in the topology file"
    return f"let the router's BGP (AS {asn}) install {paths} equal {family} paths; in FRR that is `{frr}`"


def merge_paths_mend(router: RouterEvidence, paths: int | None = None) -> str:
    """What to type so that BIRD merges equal paths: at least `paths` of them, or up to its own limit of 16."""
    option = "true" if paths is None else str(paths)
    knob = "merge paths yes;" if paths is None else f"merge paths yes limit {paths};"
    in_topology = f", or `bgp: {{merge-paths: {option}}}` in the topology file" if router.kind == "bird" else ""
    return f"`{knob}` in the `protocol kernel` of BIRD{in_topology}"


def vyos_version(router: RouterEvidence) -> str:
    """The version of the VyOS configuration that a router runs, such as "1.4"; "" where it runs none."""
    found = re.match(r"VyOS (\d\.\d)", router.runs_as)
    return found[1] if found and router.kind == "vyos" else ""


def _vyos_maximum_paths(router: RouterEvidence, asn: int) -> str:
    """Where the version has maximum-paths."""
    version = vyos_version(router)
    bgp = "protocols bgp" if version >= "1.4" else f"protocols bgp {asn}"
    family = "ipv6" if ":" in router.vip else "ipv4"
    return f"{bgp} address-family {family}-unicast" if version >= "1.3" else bgp


def hash_mend(router: RouterEvidence, policy: str = "policy: 3, fields: 0x37") -> str:
    """What to type to set how the router hashes: by default the 5-tuple, read from the packet itself."""
    if router.kind in ("frr", "vyos", "bird"):
        return f"`hash: {{{policy}}}` at {router.router} in the topology file"
    family = "ipv6" if ":" in router.vip else "ipv4"
    return f"set net.{family}.fib_multipath_hash_* on {router.router}: {policy}"
