"""What the router hashes of a flow: two flows with one hash key always take one next hop.

Policies and fields as the kernel defines them: Documentation/networking/ip-sysctl.rst, fib_multipath_hash_policy and
fib_multipath_hash_fields.
"""

from __future__ import annotations

from netlab.model.evidence import FlowEvidence, HashSettings, RouterEvidence

SOURCE_ADDRESS = 0x01
DESTINATION_ADDRESS = 0x02
PROTOCOL = 0x04
FLOW_LABEL = 0x08
SOURCE_PORT = 0x10
DESTINATION_PORT = 0x20

LAYER_3 = SOURCE_ADDRESS | DESTINATION_ADDRESS | FLOW_LABEL
FIVE_TUPLE = SOURCE_ADDRESS | DESTINATION_ADDRESS | PROTOCOL | SOURCE_PORT | DESTINATION_PORT
DEFAULT_FIELDS = SOURCE_ADDRESS | DESTINATION_ADDRESS | PROTOCOL

HashKey = tuple[str | int, ...]


def hashed_fields(settings: HashSettings) -> int:
    """The packet fields that the hash covers, as bits of fib_multipath_hash_fields.

    Policy 2 hashes the inner layer 3 of a tunnel; flows to a VIP are not tunnelled, so theirs is the outer one.
    """
    match settings.policy:
        case 1:
            return FIVE_TUPLE
        case 3:
            return DEFAULT_FIELDS if settings.fields is None else settings.fields
        case _:
            return LAYER_3


def is_socket_hash(router: RouterEvidence) -> bool:
    """Whether the router hashes the sender's socket instead of the packet.

    Within one kernel a TCP packet still carries its socket's random hash when it reaches the router, and policy 1
    takes that one. Policy 3 always dissects the packet.
    """
    return router.one_kernel and router.hash.policy == 1


def hashes_flow_label(router: RouterEvidence) -> bool:
    """Whether the router hashes IPv6's flow label.

    A socket changes its label when it retransmits or receives data again (sk_rethink_txhash in tcp_timer.c and
    tcp_input.c), and so moves its flow; tcpi_total_retrans counts the first case alone.
    """
    return ":" in router.vip and bool(hashed_fields(router.hash) & FLOW_LABEL)


def flow_keys(router: RouterEvidence) -> tuple[HashKey, ...]:
    """The hash key of every flow, in the order of `router.flows`.

    An IPv6 flow label counts as the flow's own: every socket draws one (net.ipv6.auto_flowlabels is 1 by default).
    """
    if is_socket_hash(router):
        return tuple((index,) for index in range(len(router.flows)))
    fields = hashed_fields(router.hash)
    if ":" not in router.vip:
        fields &= ~FLOW_LABEL
    return tuple(_key(flow, fields) for flow in router.flows)


def _key(flow: FlowEvidence, fields: int) -> HashKey:
    # VIP, port and protocol are the same for all flows of one router, hashed or not.
    source = flow.source if fields & SOURCE_ADDRESS else ""
    port = flow.source_port if fields & SOURCE_PORT else 0
    label = f"label of {flow.source}:{flow.source_port}" if fields & FLOW_LABEL else ""
    return source, port, label
