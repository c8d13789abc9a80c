"""Evidence as ecmp-check would collect it, made up: a router, a client behind it, and k nodes that announce a VIP."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from netlab.model.evidence import (
    Announcer,
    ArpEntry,
    BgpEvidence,
    BgpPath,
    BgpSession,
    ClusterEvidence,
    ClusterNodeEvidence,
    Evidence,
    FibNextHop,
    FibRoute,
    FlowEvidence,
    HashSettings,
    PodInfo,
    RibNextHop,
    RouterEvidence,
    SegmentCount,
)
from netlab.model.topology import Expect

VIP = "172.16.7.192"
CLIENT = "172.16.9.11"
FIVE_TUPLE = HashSettings(policy=3, fields=0x37, seed=1234)
LAYER_3 = HashSettings(policy=0, fields=0x7, seed=1234)
LAYER_4 = HashSettings(policy=1, fields=0x7, seed=1234)


def address(hop: int) -> str:
    return f"172.16.7.{11 + hop}"


def node(hop: int) -> str:
    return "k8s-worker" if hop == 0 else f"k8s-worker{hop + 1}"


def segments(hop: int, count: int = 5) -> SegmentCount:
    return SegmentCount(interface="eth1", mac=f"02:00:00:00:00:{11 + hop:02x}", next_hop=address(hop), count=count)


def flow(number: int, *hops: int, answered: bool = True, **changes: Any) -> FlowEvidence:
    """A flow from its own source port, seen on these hops. Pods take turns, whatever the hop."""
    return replace(
        FlowEvidence(
            source=CLIENT,
            source_port=20000 + number,
            answered=answered,
            error=None if answered else "timed out",
            pod=f"nginx-{number % 3 + 1}" if answered else None,
            client_seen="172.16.7.11" if answered else None,
            retransmissions=0,
            predicted=address(hops[0]) if hops else None,
            segments=tuple(segments(hop) for hop in hops),
        ),
        **changes,
    )


def flows(counts: Sequence[int]) -> tuple[FlowEvidence, ...]:
    """counts[i] flows over hop i."""
    hops = [hop for hop, count in enumerate(counts) for _ in range(count)]
    return tuple(flow(number, hop) for number, hop in enumerate(hops))


def perfect_counts(seed: int, n: int = 600, k: int = 3) -> list[int]:
    """What a perfect hash does with n keys."""
    draw = random.Random(seed)
    counts = [0] * k
    for _ in range(n):
        counts[draw.randrange(k)] += 1
    return counts


def path(hop: int, *, best: bool = False, multipath: bool = True, **changes: Any) -> BgpPath:
    made = BgpPath(
        next_hop=address(hop),
        neighbor=address(hop),
        as_path=(64522,),
        origin="IGP",
        valid=True,
        best=best,
        multipath=multipath,
    )
    return replace(made, **changes)


def bgp(announced: int, chosen: int, **changes: Any) -> BgpEvidence:
    made = BgpEvidence(
        local_asn=64512,
        maximum_paths=None,
        maximum_paths_ibgp=None,
        multipath_relax=False,
        sessions=tuple(BgpSession(address(hop), 64522, "Established") for hop in range(announced)),
        prefix=f"{VIP}/32",
        paths=tuple(path(hop, best=hop == 0, multipath=hop < chosen) for hop in range(announced)),
    )
    return replace(made, **changes)


def route(k: int, weights: Sequence[int] | None = None) -> FibRoute:
    shares = weights or [1] * k
    return FibRoute(
        prefix=f"{VIP}/32",
        protocol="bgp",
        next_hops=tuple(FibNextHop(address(hop), "eth1", shares[hop]) for hop in range(k)),
        group=17,
        group_type="mpath",
    )


def neighbours(k: int, **states: str) -> tuple[ArpEntry, ...]:
    """`hop0="FAILED"` gives hop 0 another state than REACHABLE."""
    return tuple(
        ArpEntry(address(hop), "eth1", f"02:00:00:00:00:{11 + hop:02x}", states.get(f"hop{hop}", "REACHABLE"))
        for hop in range(k)
    )


def router(counts: Sequence[int], *, announced: int = 3, fib: int | None = None, **changes: Any) -> RouterEvidence:
    """counts[i] flows over hop i; `fib` next hops in the kernel (as many as announced, unless given)."""
    k = announced if fib is None else fib
    made = RouterEvidence(
        router="rt-frr",
        kind="frr",
        runs_as="FRR 8.4.4",
        client="host-1",
        vip=VIP,
        port=80,
        expected=Expect.ECMP,
        announcers=tuple(Announcer(node(hop), address(hop), expected=True) for hop in range(announced)),
        pods=tuple(PodInfo(f"nginx-{hop + 1}", node(hop)) for hop in range(3)),
        bgp=bgp(announced, k),
        rib=tuple(RibNextHop(address(hop), "eth1", active=True, fib=True) for hop in range(k)),
        fib_before=route(k) if k else None,
        fib_after=route(k) if k else None,
        neighbours_before=neighbours(announced),
        neighbours_after=neighbours(announced),
        hash=FIVE_TUPLE,
        flows=flows(counts),
        capture_packets=5 * sum(counts),
        capture_drops=0,
    )
    return replace(made, **changes)


def cluster(*ready: int, policy: Literal["Cluster", "Local"] = "Local", **changes: Any) -> ClusterEvidence:
    """A service with so many ready pods on each worker."""
    nodes = tuple(ClusterNodeEvidence(node(hop), pods, "ready") for hop, pods in enumerate(ready))
    return replace(ClusterEvidence("k8s", "nginx", policy, nodes), **changes)


def article(**changes: Any) -> RouterEvidence:
    """The seed's router: eBGP peers, `maximum-paths ibgp 2`, Quagga's default of one eBGP path."""
    facts: dict[str, Any] = {
        "router": "rt-vyos",
        "kind": "vyos",
        "runs_as": "VyOS 1.1 configuration, Quagga's defaults, run by FRR 8.4.4",
        "client": "host-2",
        "expected": Expect.SINGLE_PATH,
        "bgp": bgp(3, 1, maximum_paths=1, maximum_paths_ibgp=2),
        "hash": replace(FIVE_TUPLE, seed=99),
        "old_kernel": "Linux 3.13 spread packets, not flows, over several next hops",
    }
    return router([600], fib=1, **{**facts, **changes})


def evidence(*routers: RouterEvidence) -> Evidence:
    return Evidence(
        lab="ecmp-vs-vyos",
        runtime="netns",
        emulated=("k8s: the cluster is emulated by network namespaces",),
        versions=(("netlab", "0.1.0"), ("FRR", "8.4.4")),
        seed=4711,
        taken="2025-01-01T00:00:00Z",
        routers=routers,
    )
