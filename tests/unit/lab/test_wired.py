"""What the agent is told of machines that somebody else has made."""

from dataclasses import replace

from netlab.lab import wired
from netlab.model.cluster import ClusterNodePlan, ClusterPlan
from netlab.model.plan import ContainerPlan, InterfacePlan, LabPlan, LinkEnd, LinkPlan, NodePlan, Role


def machine(name: str, *, others: bool, dummy: bool = False) -> NodePlan:
    container = ContainerPlan(existing=name if others else None)
    return NodePlan(name, "linux", Role.HOST, name, "Linux", (InterfacePlan("eth1", dummy=dummy),), container=container)


def link(one: str, two: str) -> LinkPlan:
    return LinkPlan(LinkEnd(one, "eth1"), LinkEnd(two, "eth1"))


NODES = (
    machine("rt", others=False, dummy=True),
    machine("box", others=True),
    machine("box2", others=True),
    machine("dev", others=True, dummy=True),
    machine("own", others=True, dummy=True),
)
OWN = ClusterPlan("k8s", "netlab-a-k8s", (ClusterNodePlan("own", "own"),), ())
PLAN = LabPlan("a", "/a.yaml", "docker", NODES, (link("rt", "box"), link("own", "box2")), clusters=(OWN,))


def names(plan: LabPlan) -> list[str]:
    return [node.name for node in wired.outliving(plan).nodes]


def test_machines_of_somebody_else_are_told_apart_and_the_labs_interfaces_bear_its_name() -> None:
    request = wired.wiring_of(PLAN)
    assert [node.name for node in request.nodes if node.others] == ["box", "box2", "dev", "own"]
    assert request.mark == "netlab:a"


def test_what_outlives_the_labs_containers_in_somebody_elses() -> None:
    """A link to a machine of the lab goes with that; a cluster that the lab has made goes itself."""
    assert names(PLAN) == ["dev"]
    assert names(replace(PLAN, links=(link("box", "box2"),))) == ["box", "dev"]  # the other end goes with this one
    assert names(replace(PLAN, clusters=(replace(OWN, existing=True),))) == ["dev", "own"]
    assert names(replace(PLAN, nodes=NODES[:3])) == []
