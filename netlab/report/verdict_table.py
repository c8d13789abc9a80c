"""The table of a verdict: a column per router, a row per number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from netlab.model.topology import Expect
from netlab.model.verdict import NextHopShare, Outcome, RouterVerdict, meets

LABEL_WIDTH = 22
ROUTER_WIDTH = 24
"""Narrowest column in which a router's numbers read well; cells wrap in it."""

Cell = Callable[[RouterVerdict], str | Text]


def routers_per_table(width: int) -> int:
    """How many routers fit beside each other in so many columns of a terminal."""
    return max(1, (width - LABEL_WIDTH) // (ROUTER_WIDTH + 2))


def verdict_table(routers: Sequence[RouterVerdict]) -> Table:
    """The routers side by side. Cells wrap, and nothing in them is cut off."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", overflow="fold", max_width=LABEL_WIDTH)
    for router in routers:
        table.add_column(Text(router.router), overflow="fold")
    for label, cell in _rows(routers):
        table.add_row(Text(label), *(_text(cell(router)) for router in routers))
    return table


def _rows(routers: Sequence[RouterVerdict]) -> Iterator[tuple[str, Cell]]:
    yield "runs as", lambda router: router.runs_as
    yield "flows", _flows
    yield "verdict", _verdict
    yield "announced in BGP", lambda router: str(router.paths.announced)
    yield "BGP multipath", lambda router: str(router.paths.multipath)
    yield "RIB next hops", lambda router: str(router.paths.rib)
    yield "FIB next hops", lambda router: str(router.paths.fib)
    yield "used next hops", lambda router: str(router.paths.used)
    yield from _next_hop_rows(routers)
    yield "hash keys", lambda router: str(router.flows.keys)
    yield "balance", _balance
    yield "kernel predicted", _predicted
    yield "answered", lambda router: ratio(router.flows.answered, router.flows.sent)
    yield from _service_rows(routers)
    yield from _pod_rows(routers)
    yield "forwarding", lambda router: router.forwarding
    yield "hash", _hash
    yield "retransmitted", lambda router: f"{router.flows.retransmitted} of {router.flows.sent} flows"
    yield "lost by the capture", lambda router: f"{router.flows.capture_drops} packets"


def _flows(router: RouterVerdict) -> str:
    flows, path = router.flows, f"{router.client} to {router.endpoint}"
    return f"{path}\n{flows.elsewhere} of {flows.sent} took another way" if flows.elsewhere else path


def _next_hop_rows(routers: Sequence[RouterVerdict]) -> Iterator[tuple[str, Cell]]:
    hops = [hop for router in routers for hop in router.next_hops]
    for address in dict.fromkeys(hop.address for hop in hops):
        nodes = sorted({hop.node for hop in hops if hop.address == address and hop.node})

        def cell(router: RouterVerdict, address: str = address) -> str:
            shares = [_share(hop, router) for hop in router.next_hops if hop.address == address]
            return "\n".join(shares) or "not a next hop here"

        yield "\n  ".join([f"via {address}", *nodes]), cell


def _service_rows(routers: Sequence[RouterVerdict]) -> Iterator[tuple[str, Cell]]:
    """Only where a cluster is behind a VIP."""
    if any(router.service for router in routers):
        yield "traffic policy", _policy
        yield "ready pods", _ready_pods


def _policy(router: RouterVerdict) -> str:
    return router.service.external_traffic_policy if router.service else "no cluster"


def _ready_pods(router: RouterVerdict) -> str:
    if router.service is None:
        return "no cluster"
    if router.service.unknown:
        return f"unknown: {router.service.unknown}"
    # A control plane announces nothing and, as a rule, runs no pod.
    nodes = [node for node in router.service.nodes if node.announces is not None or node.ready_endpoints]
    lines = (f"{n.ready_endpoints} on {n.node}{', silent' if n.announces is False else ''}" for n in nodes)
    return "\n".join(lines) or "none"


def _pod_rows(routers: Sequence[RouterVerdict]) -> Iterator[tuple[str, Cell]]:
    pods = [pod for router in routers for pod in router.pods]
    for name in dict.fromkeys(pod.name for pod in pods):
        nodes = sorted({pod.node for pod in pods if pod.name == name and pod.node})

        def cell(router: RouterVerdict, name: str = name) -> str:
            found = [pod for pod in router.pods if pod.name == name]
            lines = [f"{pod.flows} answers" for pod in found]
            lines += [f"saw {', '.join(pod.client_addresses_seen)}" for pod in found if pod.client_addresses_seen]
            return "\n".join(lines) or "nothing of it"

        itself = nodes == [name]
        yield "\n  ".join([f"endpoint {name}"] if itself else [f"pod {name}", *nodes]), cell


def _verdict(router: RouterVerdict) -> Text:
    expected = "any was expected" if router.expected is Expect.ANY else "as expected"
    if not meets(router.verdict, router.expected):
        expected = f"NOT as expected ({router.expected})"
    lines = (f"FAILS: {router.failure}" if router.failure else "", f"{router.verdict}, {expected}")
    return Text("\n".join(filter(None, lines)), style="bold green" if router.matches else "bold red")


def _predicted(router: RouterVerdict) -> str:
    if router.verdict is Outcome.PER_PACKET:
        return "nothing: each packet is a draw"
    return ratio(router.prediction.agree, router.prediction.of)


def _share(hop: NextHopShare, router: RouterVerdict) -> str:
    low, high = (100 * bound for bound in hop.ci95)
    weighted = len({other.weight for other in router.next_hops}) > 1
    weight = f", weight {hop.weight}" if weighted and hop.weight else ""
    outside = "" if hop.weight else ", not in the FIB"
    count = f"{hop.segments} packets" if router.verdict is Outcome.PER_PACKET else f"{hop.flows} flows"
    return f"{count}{weight}{outside}\n{100 * hop.share:.1f}%, 95% CI {low:.1f}-{high:.1f}%"


def _balance(router: RouterVerdict) -> str:
    numbers = router.statistics
    if numbers.p_value is None:
        return "nothing to compare"
    return (
        f"{probability(numbers.p_value)}, chi-square {numbers.chi2:.2f}\nmax/mean {numbers.max_over_mean:.2f}\n"
        f"CV {numbers.cv:.3f}, perfect {numbers.expected_cv:.3f}"
    )


def _hash(router: RouterVerdict) -> str:
    settings = router.hash
    fields = f", fields {settings.fields:#x}" if settings.policy == 3 and settings.fields is not None else ""
    seed = f", seed {settings.seed}" if settings.seed is not None else ", no seed in this kernel"
    return f"policy {settings.policy}{fields}{seed}"


def probability(value: float) -> str:
    """`p = 0.43`; `p < 1e-300` where a double no longer tells it from 0."""
    return f"p = {value:.2g}" if value >= 1e-300 else "p < 1e-300"


def ratio(part: int, whole: int) -> str:
    """`600 of 600 (100%)`. Rounded down, so that only all is 100%."""
    return f"{part} of {whole} ({1000 * part // whole / 10:g}%)" if whole else "0 of 0"


def _text(cell: str | Text) -> Text:
    # Never markup: a name from a topology or an evidence file may hold brackets.
    return cell if isinstance(cell, Text) else Text(cell)
