"""A longer way to where the chosen paths lead is no next hop that ECMP lost; a longer path of a node's own is one."""

from dataclasses import replace

import pytest
from evidence_builder import bgp, evidence, path, router

from netlab.ecmp.judge import judge
from netlab.model.evidence import Announcer, BgpEvidence, BgpPath, RouterEvidence
from netlab.model.verdict import RouterVerdict

SPINE = "10.1.0.1"


def longer(*as_path: int, of: str = SPINE) -> BgpPath:
    return replace(path(0, multipath=False), next_hop=of, neighbor=of, as_path=as_path)


def table(*more: BgpPath) -> BgpEvidence:
    made = bgp(2, 2)
    return replace(made, paths=(*made.paths, *more))


def verdict(made: RouterEvidence) -> RouterVerdict:
    return judge(evidence(made)).routers[0]


def leaf(*more: BgpPath) -> RouterEvidence:
    """Two nodes announce, both are used, and a spine tells of the same VIP."""
    return router((300, 300), announced=2, bgp=table(*more))


def test_what_a_spine_knows_from_the_other_leaf_is_not_counted_and_said() -> None:
    found = verdict(leaf(longer(64512, 64602, 64522)))
    assert (found.verdict.value, found.paths.announced, found.findings) == ("ecmp", 2, ())
    assert found.reason.endswith("Not counted: a longer way to the same, by 10.1.0.1 (AS path 64512 64602 64522).")


def test_without_such_a_path_nothing_is_said_of_it() -> None:
    assert "Not counted" not in verdict(leaf()).reason


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(longer(64522, 64522, 64522), id="prepended"),
        pytest.param(longer(64512, 64599), id="another origin"),
        pytest.param(longer(64512, 64522, of="172.16.7.13"), id="an announcer that has a further network before it"),
    ],
)
def test_any_other_longer_path_is_lost_ecmp(lost: BgpPath) -> None:
    third = Announcer("k8s-worker3", "172.16.7.13", expected=lost.next_hop == "172.16.7.13")
    made = leaf(lost)
    found = verdict(replace(made, announcers=(*made.announcers, third)))
    assert (found.verdict.value, found.paths.announced) == ("partial", 3)
    assert [finding.rule for finding in found.findings if finding.severity.value == "warning"] == ["attribute-differs"]


def test_while_a_node_is_not_heard_the_longer_path_may_be_the_one_to_it() -> None:
    made = leaf(longer(64512, 64522))
    third = Announcer("k8s-worker3", "172.16.7.13", expected=True)
    found = verdict(replace(made, announcers=(*made.announcers, third)))
    assert (found.verdict.value, found.paths.announced) == ("partial", 3)


def test_behind_other_routers_it_is_told_by_the_as_path_alone() -> None:
    """A spine: its next hops are leaves, and one leaf tells of a way back through another spine."""
    paths = tuple(
        replace(path(hop, best=hop == 0), as_path=(64601 + hop, 64522), next_hop=way, neighbor=way)
        for hop, way in enumerate(("172.16.7.11", "172.16.7.12"))
    )
    back = longer(64603, 64512, 64601, 64522, of="10.9.0.1")
    nodes = (Announcer("s1", "10.0.1.11", expected=True), Announcer("s2", "10.0.1.12", expected=True))
    made = router((300, 300), announced=2, announcers=nodes, bgp=replace(bgp(2, 2), paths=(*paths, back)))
    assert (verdict(made).verdict.value, verdict(made).paths.announced) == ("ecmp", 2)


def test_a_finding_tells_the_bgp_table_as_it_is() -> None:
    """Two equal paths and a detour: the limit keeps one out, and who looks into the table sees three."""
    made = bgp(2, 1, maximum_paths=1)
    kept = replace(made, paths=(*made.paths, longer(64512, 64602, 64522)))
    found = verdict(router((600,), announced=2, fib=1, bgp=kept))
    assert found.paths.announced == 2
    (finding,) = [one for one in found.findings if one.rule == "max-paths-below-announced"]
    assert "BGP table: 3 valid paths, 2 equal, 1 chosen" in finding.evidence
