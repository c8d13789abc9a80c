"""A cluster as containerlab has it: kind's own configuration, and its nodes as existing containers."""

from collections.abc import Callable

import pytest

from netlab.model.plan import LabPlan, Role

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

LAB = """
    name: lab
    topology:
      nodes:
        k01: {kind: k8s-kind, image: "kindest/node:v1", startup-config: kind.yml, extras: {k8s_kind: {}}}
        k01-control-plane: {kind: ext-container, exec: [ip address add 10.0.0.10/24 dev eth1]}
        k01-worker: {kind: ext-container}
        rt: {kind: frr}
        net: {kind: bridge}
      links:
        - {endpoints: ["k01-control-plane:eth1", "net:p1"]}
        - {endpoints: ["k01-worker:eth1", "net:p2"]}
        - {endpoints: ["rt:eth1", "net:p3"], ipv4: [10.0.0.1/24]}
"""
KIND = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
  kubeadmConfigPatches:
  - |
    kind: InitConfiguration
    a: "b"
- role: worker
"""


def test_a_clusters_nodes_are_the_containers_of_their_names(plan_text: Plan) -> None:
    plan = plan_text(LAB, **{"kind.yml": KIND})
    roles = {node.name: node.role for node in plan.nodes}
    assert roles == {
        "k01-control-plane": Role.CONTROL_PLANE,
        "k01-worker": Role.WORKER,
        "rt": Role.ROUTER,
        "net": Role.BRIDGE,
    }
    control_plane = plan.node("k01-control-plane")
    assert control_plane.exec == (("ip", "address", "add", "10.0.0.10/24", "dev", "eth1"),)
    assert control_plane.container.existing is None
    assert [(one.name, one.addresses) for one in control_plane.interfaces] == [("eth1", ())]
    assert not [warning for warning in plan.warnings if "existing container" in warning]


@pytest.mark.parametrize(
    ("config", "workers"),
    [
        ("kind: Cluster\n", 0),
        ("kind: Cluster\nnodes: [{role: worker}, {role: worker}, {}]\n", 2),
    ],
)
def test_the_workers_are_those_of_the_configuration(config: str, workers: int, plan_text: Plan) -> None:
    text = "name: x\ntopology: {nodes: {k: {kind: k8s, startup-config: kind.yml}}}\n"
    roles = [node.role for node in plan_text(text, **{"kind.yml": config}).nodes]
    assert roles == [Role.CONTROL_PLANE] + [Role.WORKER] * workers


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("kind: Pod\n", "kind.yml:1:1: no configuration of a cluster (it says kind: Cluster)"),
        ("[1]\n", "kind.yml:1:1: no configuration of a cluster (it says kind: Cluster)"),
        ("# nothing\n", "kind.yml:1:1: an empty configuration of a cluster (leave startup-config out)"),
        ("kind: Cluster\nnodes: 3\n", 'kind.yml:2:8: "nodes" must be a list (as in - role: worker)'),
        (
            "kind: Cluster\nnodes: [{role: boss}]\n",
            "kind.yml:2:9: a node without a role (role: control-plane or worker)",
        ),
        ("kind: Cluster\nnodes: [{}, {}]\n", "kind.yml:2:13: a second control plane (netlab's clusters have one)"),
        ("kind: Cluster\nnodes: [\n", "kind.yml:3:1: not valid YAML: "),
    ],
)
def test_what_is_no_configuration_of_a_cluster_has_its_place(config: str, problem: str, problems_of: Problems) -> None:
    text = "name: x\ntopology: {nodes: {k: {kind: k8s, startup-config: kind.yml}}}\n"
    assert problems_of(text, **{"kind.yml": config})[0].startswith(problem)


def test_the_number_of_workers_is_written_once(problems_of: Problems) -> None:
    text = "name: x\ntopology: {nodes: {k: {kind: k8s, workers: 2, startup-config: kind.yml}}}\n"
    (problem,) = problems_of(text, **{"kind.yml": KIND})
    assert problem == (
        "lab.yaml:2:35: workers: and startup-config exclude each other (the startup-config lists the nodes)"
    )


def test_another_container_is_somebody_elses(plan_text: Plan) -> None:
    plan = plan_text("""
        name: x
        topology:
          nodes:
            theirs: {kind: ext-container, sysctls: {net.ipv4.ip_forward: 1}}
            h: {kind: linux}
          links: [{endpoints: ["theirs:eth1", "h:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}]
        """)
    node = plan.node("theirs")
    assert node.container.existing == "theirs"
    assert (node.files, node.processes, node.routes) == ((), (), ())
    assert [sysctl.key for sysctl in node.sysctls] == ["net.ipv4.ip_forward"]  # what the user wrote, and no more
    (note,) = plan.warnings
    assert note.endswith("theirs: an existing container: netns cannot deploy this file, --runtime docker can")
