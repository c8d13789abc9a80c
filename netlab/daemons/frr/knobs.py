"""How FRR is told what to do with equal paths."""

from __future__ import annotations

from netlab.daemons.base import Knobs, PathLimit, RibLimit


def _place(asn: int, version: int) -> str:
    """An address family has a limit of its own; that of IPv4 may stand directly below BGP's line."""
    return f"in `address-family ipv6 unicast` of `router bgp {asn}`" if version == 6 else f"under `router bgp {asn}`"


def _raise_rib_limit(paths: int) -> str:
    return f"start zebra with `-e {paths}` or more, or without -e (in /etc/frr/daemons: zebra_options)"


def relax_as_paths(asn: int) -> str:
    """What makes AS paths of one length equal, and where it goes."""
    return f"`bgp bestpath as-path multipath-relax` under `router bgp {asn}`"


PATH_LIMIT = PathLimit(_place)

KNOBS = Knobs(
    PATH_LIMIT,
    kernel_filters="look for `table-map` below its BGP's address family and for `ip protocol bgp route-map` (in FRR: "
    "`show running-config`), or for a route to the same prefix with a shorter distance",
    # Where -e is not given, a limit of its build holds.
    rib_limit=RibLimit("zebra", _raise_rib_limit),
)
