from dataclasses import replace
from io import StringIO

import pytest
from evidence_builder import article, bgp, cluster, evidence, flow, flows, path, route, router
from rich.console import Console

from netlab.ecmp.judge import judge
from netlab.ecmp.silence import known
from netlab.model.evidence import Evidence, RouterEvidence
from netlab.model.topology import Expect
from netlab.report.answer import answer
from netlab.report.terminal import print_verdict
from netlab.report.verdict_table import probability, ratio

SIDE_BY_SIDE = evidence(router([203, 212, 185]), article())


def printed(run: Evidence, width: int = 80, **options: object) -> str:
    console = Console(file=StringIO(), width=width, **options)  # type: ignore[arg-type]
    print_verdict(judge(run), console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def row(text: str, label: str) -> list[str]:
    """The cells of the first table row with this label, and of the lines that continue it."""
    lines = iter(text.splitlines())
    first = next(line for line in lines if line.startswith(label))
    rest = []
    for line in lines:
        if line and not line[0].isspace():
            break
        rest.append(line)
    return " ".join([first, *rest]).split()


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 120])
def test_side_by_side_every_number_is_there(width: int) -> None:
    text = printed(SIDE_BY_SIDE, width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert text.splitlines()[0].split() == ["rt-frr", "rt-vyos"]
    assert row(text, "announced in BGP")[-2:] == ["3", "3"]
    assert row(text, "BGP multipath")[-2:] == ["3", "1"]
    assert row(text, "RIB next hops")[-2:] == ["3", "1"]
    assert row(text, "FIB next hops")[-2:] == ["3", "1"]
    assert row(text, "used next hops")[-2:] == ["3", "1"]
    for piece in (
        "ecmp, as expected",
        "single-path, as expected",
        "k8s-worker3",
        "203 flows",
        "33.8%, 95% CI 30.1-37.8%",
        "100.0%, 95% CI 99.4-100.0%",
        "p = 0.39, chi-square 1.89",
        "max/mean 1.06",
        "CV 0.056, perfect 0.058",
        "600 of 600 (100%)",
        "0 of 600 flows",
        "0 packets",
        "saw 172.16.7.11",
        "emulated: k8s: the cluster is emulated by network namespaces",
        "seed 4711",
        "FRR 8.4.4",
    ):
        assert piece in text, piece
    for sentence in (
        "policy 3, fields 0x37, seed",
        "warning ibgp-knob-on-ebgp-peers",
        "`maximum-paths ibgp 2` does not apply here",
        "to mend it: `set protocols bgp 64512 maximum-paths ebgp 3`",
        "VyOS 1.1 configuration,",
    ):
        assert sentence in words(text), sentence


def test_the_last_sentence_is_the_answer() -> None:
    assert words(printed(SIDE_BY_SIDE)).endswith(
        "Do the flows spread over the nodes? On rt-frr yes, over all 3 nodes; on rt-vyos no, all go to 1 of 3 nodes "
        "(k8s-worker)."
    )


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_routers_that_do_not_fit_go_into_a_further_table(count: int) -> None:
    made = [router([200, 200, 200], router=f"rt-{number}") for number in range(count)]
    text = printed(evidence(*made))
    headings = [line for line in text.splitlines() if line.strip().startswith("rt-") and ":" not in line]
    assert [len(line.split()) for line in headings] == [2] * (count // 2) + [1] * (count % 2)
    assert text.count("33.3%, 95% CI 29.6-37.3%") == 3 * count


def test_long_names_and_ipv6_addresses_are_not_cut() -> None:
    name = "a-router-with-a-name-that-no-column-of-a-terminal-would-hold"
    text = printed(evidence(router([200, 200, 200], router=name, vip="fd00:1234:5678:9abc::192"), article()))
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert f"{name}: ecmp" in text
    assert "fd00:1234:5678:9abc::192" in "".join(text.split())


def test_brackets_in_names_are_text_and_not_markup() -> None:
    assert "[red]" in printed(evidence(router([200, 200, 200], router="[red]")))


def test_colour_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(SIDE_BY_SIDE, force_terminal=True, color_system="standard")
    assert "\x1b[1;32m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" not in printed(SIDE_BY_SIDE, force_terminal=True, color_system="standard")
    assert "\x1b" not in printed(SIDE_BY_SIDE)


def test_an_unmet_expectation_is_said_in_words() -> None:
    assert "ecmp, NOT as expected (single-path)" in words(
        printed(evidence(router([200, 200, 200], expected=article().expected)))
    )


PER_PACKET = tuple(flow(number, number % 3, (number + 1) % 3) for number in range(60))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (router([200, 200, 200]), "on rt-frr yes, over all 3 nodes"),
        (router([300, 300], fib=2), "on rt-frr only over 2 of 3 nodes"),
        (router([300, 150, 150]), "on rt-frr over all 3 nodes, but unevenly: 300/150/150"),
        (
            router([], flows=PER_PACKET),
            "on rt-frr no, packets of one flow go to several nodes, and 60 of 60 requests survive that "
            "(see per-packet)",
        ),
        (router([], fib=0, bgp=bgp(3, 3)), "on rt-frr no, it has no route to 172.16.7.192 (see filtered-from-fib)"),
        (router([2, 1]), "on rt-frr this run cannot tell"),
        (router([600], fib=1, announcers=()), "on rt-frr no, all go to 1 of 3 next hops (172.16.7.11)"),
    ],
)
def test_the_answer_by_verdict(made: RouterEvidence, said: str) -> None:
    assert answer(judge(evidence(made))) == f"Do the flows spread over the nodes? O{said[1:]}."


CLOSED = tuple(flow(number, number % 3, answered=False) for number in range(600))
HALF = (*flows([200, 200]), *(flow(9000 + number, 2, answered=False) for number in range(200)))
ANSWERED = router([200, 200, 200], router="rt-well")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ((router([], flows=CLOSED),), "No: on rt-frr 0 of 600 flows were answered, whatever their next hop."),
        ((router([], flows=HALF),), "Not always: on rt-frr 400 of 600 flows were answered."),
        (
            (router([], flows=CLOSED), ANSWERED),
            "Not always: on rt-frr 0 of 600 flows were answered, whatever their next hop.",
        ),
        (
            (router([], flows=CLOSED), router([], flows=HALF, router="rt-2")),
            "Not always: on rt-frr 0 of 600 flows were answered, whatever their next hop, "
            "on rt-2 400 of 600 flows were answered.",
        ),
    ],
)
def test_whether_the_service_answers_comes_before_how_its_flows_spread(
    made: tuple[RouterEvidence, ...], said: str
) -> None:
    spread = "Do the flows spread over the nodes? On rt-frr yes, over all 3 nodes (see unanswered)"
    assert answer(judge(evidence(*made))).startswith(f"Does the service answer? {said} {spread}")


def test_a_dead_service_stands_first_in_the_table_and_in_the_routers_own_line() -> None:
    text = printed(evidence(router([], flows=CLOSED)))
    assert row(text, "verdict") == [
        "verdict",
        "FAILS:",
        "0",
        "of",
        "600",
        "flows",
        "answered",
        "ecmp,",
        "as",
        "expected",
    ]
    assert "rt-frr: 0 of 600 flows answered; ecmp\n" in text


def test_where_packets_are_to_be_spread_failed_requests_are_no_headline() -> None:
    split = tuple(flow(number, number % 3, (number + 1) % 3, answered=number == 0) for number in range(60))
    made = router([], flows=split, expected=Expect.PER_PACKET)
    assert answer(judge(evidence(made))).startswith("Do the flows spread over the nodes? On rt-frr no, packets of one")
    assert row(printed(evidence(made)), "verdict") == ["verdict", "per-packet,", "as", "expected"]


def test_a_next_hop_with_a_weight_or_outside_the_fib_says_so() -> None:
    weighted = route(3, [2, 1, 1])
    text = printed(evidence(router([], fib_before=weighted, fib_after=weighted, flows=flows([200, 100, 100, 7]))))
    assert "200 flows, weight 2" in text
    assert "7 flows, not in the FIB" in text


def test_numbers_are_not_rounded_to_what_they_are_not() -> None:
    assert ratio(5999, 6000) == "5999 of 6000 (99.9%)"
    assert ratio(0, 0) == "0 of 0"
    assert probability(0.4321) == "p = 0.43"
    assert probability(5.2e-17) == "p = 5.2e-17"
    assert probability(0.0) == "p < 1e-300"


def test_a_run_without_routers_is_printed_too() -> None:
    assert "No router was checked." in printed(replace(SIDE_BY_SIDE, routers=()))


def test_a_clusters_service_has_its_policy_and_its_pods_node_by_node() -> None:
    made = cluster(2, 1, 0)
    heard = bgp(3, 2, paths=(path(0, best=True), path(1)))
    local = router([300, 300], fib=2, bgp=heard, cluster=made, announcers=known(router([]).announcers, made))
    text = printed(evidence(local, article()))
    assert row(text, "traffic policy") == ["traffic", "policy", "Local", "no", "cluster"]
    for piece in ("2 on k8s-worker ", "1 on k8s-worker2 ", "0 on k8s-worker3, silent"):
        assert piece in text, piece
    lost = cluster(unknown="[red] the API of k8s does not answer")
    assert "unknown: [red] the API of k8s does not answer" in words(printed(evidence(router([600], cluster=lost))))
    assert "traffic policy" not in printed(SIDE_BY_SIDE)
