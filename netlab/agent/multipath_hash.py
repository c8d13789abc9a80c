"""The hash by which an IPv6 router with fib_multipath_hash_policy 3 picks a next hop, for predictions.

IPv4's route look-up (RTM_GETROUTE) makes a packet and so runs the very hash that forwards. IPv6's has no packet, and
with policy 3 it leaves out the last step: forwarding folds the outer and the inner headers' hashes together by jhash,
the look-up takes the outer hash as it is (rt6_multipath_custom_hash_skb and _fl6 in net/ipv6/route.c). So its answers
agree with the wire by chance only. What is missing can be made up for, since the outer hash is SipHash-2-4 of known
fields with a known key, the router's seed (Linux 6.11): computed here, checked against every answer of the kernel, and
then folded as forwarding does.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from itertools import accumulate

_SOURCE_ADDRESS, _DESTINATION_ADDRESS, _PROTOCOL, _FLOW_LABEL, _SOURCE_PORT, _DESTINATION_PORT = (
    1 << bit for bit in range(6)
)
_TCP = 6
_M32 = 0xFFFFFFFF
_M64 = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True)
class HashedFlow:
    """What the hash may read of a TCP flow."""

    source: str
    destination: str
    source_port: int
    port: int


def forwarded(
    flows: Sequence[HashedFlow],
    looked_up: Sequence[str | None],
    weights: Sequence[int],
    fields: int | None,
    seed: int | None,
) -> list[str | None]:
    """The next hop that forwarding picks for each flow, from those that the route look-up named.

    `weights` are the route's next hops' in their order. All None where it cannot be known: no seed, a hash over the
    flow label, or answers of the look-up that the hash computed here does not explain.
    """
    unknown: list[str | None] = [None] * len(flows)
    if not seed or fields is None or fields & _FLOW_LABEL:
        return unknown
    hashes = [outer_hash(flow, fields, seed) for flow in flows]
    named: dict[int, str | None] = {}
    for value, answer in zip(hashes, looked_up, strict=True):
        if named.setdefault(_position(value, weights), answer) != answer:
            return unknown  # another kernel's hash
    return [named.get(_position(fold(value), weights)) for value in hashes]


def outer_hash(flow: HashedFlow, fields: int, seed: int) -> int:
    """fib_multipath_hash_from_keys: 32 bits of SipHash over struct flow_keys from `basic` on, 72 bytes."""
    source, destination = IPv6Address(flow.source).packed, IPv6Address(flow.destination).packed
    source = source if fields & _SOURCE_ADDRESS else bytes(16)
    destination = destination if fields & _DESTINATION_ADDRESS else bytes(16)
    ports = [
        struct.pack("!H", flow.source_port if fields & _SOURCE_PORT else 0),
        struct.pack("!H", flow.port if fields & _DESTINATION_PORT else 0),
    ]
    # Both directions of a flow hash alike: __flow_hash_consistentify sorts addresses, and ports as the machine reads
    # them.
    addresses = sorted([source, destination])
    ports.sort(key=lambda port: struct.unpack("=H", port)[0])
    keys = struct.pack(
        "=HBx24x2s2s4x16s16s4x",  # basic; tags, VLANs and key id, all 0; ports; ICMP, 0; addresses; padding
        0,
        _TCP if fields & _PROTOCOL else 0,
        *ports,
        *addresses,
    )
    key = seed << 32 | seed
    return siphash(keys, key, key) & _M32 or 1


def _position(value: int, weights: Sequence[int]) -> int:
    """The next hop whose part of the 31 bits of hash the value is in (DIV_ROUND_CLOSEST in net/ipv4/nexthop.c)."""
    total = sum(weights)
    bounds = (((sum_so_far << 31) + total // 2) // total - 1 for sum_so_far in accumulate(weights))
    return next(number for number, bound in enumerate(bounds) if value >> 1 <= bound)


def fold(outer: int, inner: int = 0) -> int:
    """jhash_2words(outer, inner, 0) of linux/jhash.h. `inner` is 0 where nothing is tunnelled."""
    start = 0xDEADBEEF + (2 << 2)
    a, b, c = (outer + start) & _M32, (inner + start) & _M32, start & _M32
    for turn in (14, 11, 25, 16, 4, 14, 24):
        # c ^= b; c -= rol32(b, turn), and then the same for a and c, b and a, ...
        c = ((c ^ b) - _rotate(b, turn, 32)) & _M32
        a, b, c = b, c, a
    # Seven turns of three: the value that was mixed last.
    return b


def siphash(data: bytes, key0: int, key1: int) -> int:
    """SipHash-2-4, 64 bits (Aumasson and Bernstein, 2012)."""
    v = [
        key0 ^ 0x736F6D6570736575,
        key1 ^ 0x646F72616E646F6D,
        key0 ^ 0x6C7967656E657261,
        key1 ^ 0x7465646279746573,
    ]
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56
    for word in (*struct.unpack(f"<{whole // 8}Q", data[:whole]), last):
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    a, b, c, d = v
    for _ in range(count):
        a = (a + b) & _M64
        b = _rotate(b, 13, 64) ^ a
        a = _rotate(a, 32, 64)
        c = (c + d) & _M64
        d = _rotate(d, 16, 64) ^ c
        a = (a + d) & _M64
        d = _rotate(d, 21, 64) ^ a
        c = (c + b) & _M64
        b = _rotate(b, 17, 64) ^ c
        c = _rotate(c, 32, 64)
    v[:] = a, b, c, d


def _rotate(value: int, by: int, bits: int) -> int:
    return (value << by | value >> (bits - by)) & ((1 << bits) - 1)
