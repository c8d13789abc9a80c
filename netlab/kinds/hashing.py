"""How a router's kernel picks one of several next hops, and what else of a router must differ from all others'."""

from __future__ import annotations

from zlib import crc32

from pydantic import Field

from netlab.kinds.common import OptionModel
from netlab.model.plan import SysctlPlan

HASH_POLICY = 3
HASH_FIELDS = 0x37
"""Source and destination address, IP protocol, source and destination port (ip-sysctl.rst)."""


class HashOptions(OptionModel):
    """`hash:` of a router: how its kernel picks one of several next hops (fib_multipath_hash_*), of IPv4 and IPv6."""

    policy: int = Field(
        default=HASH_POLICY,
        ge=0,
        le=3,
        description="0 addresses, 1 the 5-tuple, 2 addresses of a tunnel's inside, 3 `fields`",
    )
    fields: int = Field(default=HASH_FIELDS, ge=1, le=0xFFF, description="bits, for policy 3; 55 (0x37) is the 5-tuple")
    seed: int | None = Field(
        default=None, ge=0, le=0xFFFFFFFF, description="left out, one of the router's own, the same in every run"
    )


def hash_sysctls(lab: str, router: str, options: HashOptions | None) -> tuple[SysctlPlan, ...]:
    """The kernel's multipath hash settings of a router.

    Policy 3 with the fields of the 5-tuple, not policy 1: with every machine in one kernel a TCP packet carries its
    sender's random socket hash across veth, and policy 1 uses that instead of the 5-tuple. Every router has its own
    seed, because routers in a row that hash alike use one next hop in the second tier. No seed before Linux 6.11; the
    one seed is IPv6's too (kernel commit 4ee2a8cace3f).
    """
    options = options or HashOptions()
    policy, fields = str(options.policy), str(options.fields)
    seed = options.seed if options.seed is not None else hash_seed(lab, router)
    return (
        SysctlPlan("net.ipv4.fib_multipath_hash_policy", policy),
        SysctlPlan("net.ipv4.fib_multipath_hash_fields", fields),
        SysctlPlan("net.ipv6.fib_multipath_hash_policy", policy, required=False),
        SysctlPlan("net.ipv6.fib_multipath_hash_fields", fields, required=False),
        SysctlPlan("net.ipv4.fib_multipath_hash_seed", str(seed), required=False),
    )


def hash_seed(lab: str, router: str) -> int:
    """A 32-bit seed, never 0 (which means a random one), the same in every run."""
    return crc32(f"{lab}/{router}".encode()) or 1


def router_id(name: str) -> str:
    """A BGP identifier for a machine without an IPv4 address: any number but 0, unique in its AS (RFC 6286)."""
    number = crc32(name.encode()) or 1
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))
