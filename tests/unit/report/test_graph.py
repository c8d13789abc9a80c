"""A lab as a picture: deterministic, whole, and well-formed whatever the names are."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.model.evidence import BgpSession
from netlab.model.plan import LabPlan
from netlab.plan import plan_file
from netlab.report.dot import dot
from netlab.report.graph import Graph, GraphLink, GraphNode, GraphSession, graph
from netlab.report.mermaid import mermaid

TOPOLOGIES = Path(__file__).resolve().parents[3] / "topologies"

# What may stand in a Mermaid label: nothing that ends it or that is HTML, but the entities and the tags that we write.
M_TEXT = r'"(?:[^"#<>&`\\\x00-\x1f]|#(?:quot|lt|gt|amp|35|92|96);|<br/>|</?b>)*"'
_SHAPES = (("{{", "}}"), ("[[", "]]"), ("([", "])"), ("((", "))"), ("(", ")"), (">", "]"), ("[", "]"))
M_NODE = rf"[nvx]\d+(?:{'|'.join(re.escape(start) + M_TEXT + re.escape(end) for start, end in _SHAPES)})"
M_EDGE = rf"[nx]\d+ (?:---|-\.-|-\.-x|-\.->)(?:\|{M_TEXT}\|)? [nvx]\d+"
M_LINE = re.compile(rf"    (?:    )?{M_NODE}|    {M_EDGE}|    subgraph g\d+\[{M_TEXT}\]|    end")

D_TEXT = r'"(?:[^"\\\x00-\x1f]|\\\\|\\"|\\n)*"'
D_VALUE = rf"(?:{D_TEXT}|\w+|\d+\.\d+)"
D_LIST = rf"\[\w+={D_VALUE}(?:, \w+={D_VALUE})*\]"
D_LINE = re.compile(
    rf"graph {D_TEXT} \{{|    label={D_TEXT};.*|    (?:node|edge) {D_LIST};|    subgraph cluster_\d+ \{{"
    rf"|        label={D_TEXT};|    (?:    )?[nvx]\d+ {D_LIST};|    [nx]\d+ -- [nvx]\d+ {D_LIST};|    \}}|\}}"
)


def assert_well_formed(shown: Graph) -> None:
    head, *body = mermaid(shown).removeprefix("---\n").splitlines()
    assert re.fullmatch(r'title: "[^"\\\x00-\x1f]*"', head)
    assert body[:2] == ["---", "flowchart LR"]
    for line in body[2:]:
        assert M_LINE.fullmatch(line), line
    for line in dot(shown).splitlines():
        assert D_LINE.fullmatch(line), line
    declared = set(re.findall(r"^ +([nvx]\d+)[^ \d]", mermaid(shown), re.MULTILINE))
    used = set(re.findall(r"\b([nvx]\d+)\b", " ".join(re.sub(M_TEXT, "", line) for line in body)))
    assert used == declared


@pytest.mark.parametrize("file", sorted(TOPOLOGIES.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("bgp", [True, False])
def test_every_shipped_topology(file: Path, bgp: bool) -> None:
    plan = plan_file(file)
    shown = graph(plan, bgp=bgp)
    assert_well_formed(shown)
    assert len(shown.links) == len(plan.links)
    assert [node.lines[0] for node in shown.nodes if node.id[0] == "n"] == [node.name for node in plan.nodes]
    assert mermaid(shown) == mermaid(graph(plan_file(file), bgp=bgp))
    assert bool(shown.sessions) == (bgp and bool(plan.links))  # metallb-e2e.yaml's routers have neighbors outside it


TEXT = st.text(max_size=30)
HOSTILE = st.sampled_from(['"]; end', "<script>", "`md`", "a\\", '"', "#quot;", "]]", "\n", "%%", "|", "\u202e"])


@given(st.lists(st.one_of(TEXT, HOSTILE), min_size=6, max_size=6))
def test_hostile_names_stay_inside_their_labels(texts: list[str]) -> None:
    title, group, name, about, end, session = texts
    nodes = (
        *(GraphNode(f"n{n}", shape, (name, about), group) for n, shape in enumerate(("router", "bridge", "pod", "x"))),
        GraphNode("v0", "vip", (name, about), None),
        GraphNode("x0", "outside", (name, "", about)),
    )
    shown = Graph(
        title,
        (group,),
        nodes,
        (GraphLink("n0", "n1", end, ""), GraphLink("n1", "n2", "", "")),
        (GraphSession("n0", "n3", session, False), GraphSession("n0", "x0", session)),
        (("n1", "v0"),),
    )
    assert_well_formed(shown)


PAIR = """
    name: pair
    topology:
      nodes:
        a: {kind: frr, bgp: {asn: 1, neighbors: [{address: 10.0.0.2, asn: 2}, {address: 192.0.2.9, asn: 3}]}}
        b: {kind: frr, bgp: {asn: 2, neighbors: [{address: 10.0.0.1, asn: 1}]}}
      links: [{endpoints: ["a:eth1", "b:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}]
"""


def test_a_session_is_drawn_once_and_a_neighbor_outside_is_shown(plan_text: Callable[..., LabPlan]) -> None:
    shown = graph(plan_text(PAIR))
    assert shown.links == (GraphLink("n0", "n1", "eth1 10.0.0.1/24", "eth1 10.0.0.2/24"),)
    assert [(s.a, s.b, s.up) for s in shown.sessions] == [("n0", "n1", None), ("n0", "x0", None)]
    assert shown.nodes[-1].lines == ("192.0.2.9", "AS 3", "outside of the lab")


def test_sessions_of_a_running_lab_say_their_state(plan_text: Callable[..., LabPlan]) -> None:
    plan = plan_text(PAIR)
    template = BgpSession(neighbor="10.0.0.2", remote_asn=2, state="Established")
    seen = {"a": (template, replace(template, neighbor="192.0.2.9", remote_asn=3, state="Active"))}
    shown = graph(plan, seen)
    assert [(s.label, s.up) for s in shown.sessions] == [
        ("eBGP to AS 2, Established", True),
        ("eBGP to AS 3, Active", False),
    ]
    assert 'n0 -.-x|"eBGP to AS 3, Active"| x0' in mermaid(shown)
    assert "color=red" in dot(shown)


def test_a_vip_that_servers_announce_has_endpoints_and_no_policy() -> None:
    shown = graph(plan_file(TOPOLOGIES / "speakers.yaml"))
    (vip,) = [node for node in shown.nodes if node.shape == "vip"]
    assert vip.lines == ("web", "VIP 172.16.7.192 port 80", "3 endpoints")
    assert vip.group is None
    names = {node.id: node.lines[0] for node in shown.nodes}
    assert [names[node] for node, _ in shown.announcements] == ["speaker-1", "speaker-2", "speaker-3"]
