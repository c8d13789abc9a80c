"""`forwarding: per-packet` of a router: packets, not flows, spread over the next hops, as Linux 3.6 to 4.3 did.

Today's kernel picks a next hop by a hash of the packet's fields. So the source port is what a rule plays with: before
the routing decision it is remembered and another one drawn, and once the next hop is chosen it is put back. Each packet
is hashed by a port of its own, over whatever next hops the kernel's route has at that moment.
"""

from __future__ import annotations

from typing import Literal

from netlab.kinds.common import option_error
from netlab.kinds.hashing import HashOptions
from netlab.model.errors import Problem
from netlab.model.plan import FilePlan, ProcessPlan
from netlab.model.topology import NodeSpec

Forwarding = Literal["per-flow", "per-packet"]

_FILE = "/run/netlab/per-packet.nft"
_DRAWN = 1024
_SOURCE_PORT = 0x10
"""FIB_MULTIPATH_HASH_FIELD_SRC_PORT (net/ip_fib.h)."""


def files(forwarding: Forwarding) -> tuple[FilePlan, ...]:
    """The router's own rules, where it needs any."""
    return (FilePlan(_FILE, _ruleset()),) if forwarding == "per-packet" else ()


def processes(forwarding: Forwarding) -> tuple[ProcessPlan, ...]:
    """What loads them."""
    load = ProcessPlan("per-packet", ("/usr/sbin/nft", "-f", _FILE), oneshot=True)
    return (load,) if forwarding == "per-packet" else ()


def emulated(node: str, forwarding: Forwarding) -> tuple[str, ...]:
    """What is not as in the kernels that forwarded so."""
    sentence = (
        f"{node}: per-packet forwarding by nftables: a next hop drawn at random for each TCP and UDP packet, "
        "where Linux 3.6 to 4.3 dealt the next hops out in turns"
    )
    return (sentence,) if forwarding == "per-packet" else ()


def problems(node: NodeSpec, forwarding: Forwarding, options: HashOptions | None) -> list[Problem]:
    """A hash that does not look at the source port would keep packets of one flow together."""
    options = options or HashOptions()
    if forwarding == "per-flow" or (options.policy == 3 and options.fields & _SOURCE_PORT):
        return []
    hint = "leave policy and fields out: the default, 3 and 0x37, does"
    return list(
        option_error(
            "forwarding: per-packet needs a hash that takes the source port in", node, "hash", hint=hint
        ).problems
    )


def _ruleset() -> str:
    """nft 1.0.6 and 1.1.3 take it.

    The mark keeps the port. Neither version lets a port be set from a mark or from a drawn number, only from a map of
    ports: hence `written`, in which each port that was seen leads to itself, and the map of drawn ports. (1.0.6 takes a
    drawn number without a word, and then writes its upper half, 0.)

    Left alone: what is addressed to the router, such as BGP; what is not TCP or UDP, ICMP errors among it; fragments,
    the later of which have no ports; UDP without a checksum, which the kernel would spoil; and packets on their last
    hop, since the error that they raise here quotes them.
    """
    drawn = ", ".join(f"{number} : {1024 + 63 * number}" for number in range(_DRAWN))
    return f"""\
table inet per-packet {{
	map written {{
		type mark : inet_service
		size 65536
		flags dynamic
	}}

	chain prerouting {{
		type filter hook prerouting priority 300
		fib daddr type {{ local, broadcast, multicast }} accept
		ip frag-off & 0x3fff != 0 accept
		exthdr frag exists accept
		ip ttl 1 accept
		ip6 hoplimit 1 accept
		udp checksum 0 accept
		meta l4proto {{ tcp, udp }} th sport != 0 meta mark set @th,0,32 >> 16 add @written {{ meta mark : th sport }}
		meta mark != 0 tcp sport set numgen random mod {_DRAWN} map {{ {drawn} }}
		meta mark != 0 udp sport set numgen random mod {_DRAWN} map {{ {drawn} }}
	}}

	chain forward {{
		type filter hook forward priority -300
		meta mark != 0 tcp sport set meta mark map @written
		meta mark != 0 udp sport set meta mark map @written
		meta mark set 0
	}}
}}
"""
