"""What kind is asked for, and the pods' network where its node image has none: values in, text out."""

import json
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml
from cluster_samples import PLAN
from docker.errors import APIError, ImageNotFound

from netlab.cluster import kindconfig, node_image, pod_network, tools
from netlab.cluster.kindconfig import Surroundings
from netlab.cluster.pod_network import NodeNetwork
from netlab.model.errors import HostError

ONE = NodeNetwork("a", (ip_network("10.244.0.0/24"), ip_network("fd00:10:244::/64")), (ip_address("172.18.0.2"),))
TWO = NodeNetwork(
    "b",
    (ip_network("10.244.1.0/24"), ip_network("fd00:10:244:1::/64")),
    (ip_address("172.18.0.3"), ip_address("fc00:f853::3")),
)


def configured(plan=PLAN, **around):
    return yaml.safe_load(kindconfig.configuration(plan, Surroundings(**around)))


def test_kind_is_asked_for_the_plans_nodes_and_pod_subnets():
    document = configured()
    roles = ["control-plane" if node.control_plane else "worker" for node in PLAN.nodes]
    assert [node["role"] for node in document["nodes"]] == roles
    assert document["networking"] == {"podSubnet": ",".join(PLAN.pod_subnets), "ipFamily": "ipv4"}
    assert (document["kind"], document["apiVersion"]) == ("Cluster", "kind.x-k8s.io/v1alpha4")


@pytest.mark.parametrize(
    ("subnets", "family"),
    [(("10.0.0.0/16",), "ipv4"), (("fd00::/56",), "ipv6"), (("10.0.0.0/16", "fd00::/56"), "dual")],
)
def test_the_pod_subnets_say_which_ip_versions_the_cluster_has(subnets, family):
    networking = configured(replace(PLAN, pod_subnets=subnets))["networking"]
    assert (networking["podSubnet"], networking["ipFamily"]) == (",".join(subnets), family)


def test_only_an_image_without_a_network_plugin_makes_kind_leave_its_own_out():
    assert "disableDefaultCNI" not in configured()["networking"]
    assert configured(own_pod_network=True)["networking"]["disableDefaultCNI"] is True


def test_on_cgroup_version_1_the_kubelets_are_told_to_take_it():
    (patch,) = configured(cgroup_v1=True)["kubeadmConfigPatches"]
    assert yaml.safe_load(patch)["failCgroupV1"] is False
    assert "kubeadmConfigPatches" not in configured()


def test_the_users_configuration_stays_and_netlabs_is_added():
    own = """
        kind: Cluster
        apiVersion: kind.x-k8s.io/v1alpha4
        featureGates: {SomeGate: true}
        networking: {kubeProxyMode: nftables, podSubnet: 10.99.0.0/16}
        nodes: [{role: control-plane, labels: {rack: "1"}}, {role: worker}]
        kubeadmConfigPatches: ["kind: InitConfiguration"]
    """
    document = configured(replace(PLAN, configuration=own), own_pod_network=True, cgroup_v1=True)
    assert document["featureGates"] == {"SomeGate": True}
    assert document["nodes"] == [{"role": "control-plane", "labels": {"rack": "1"}}, {"role": "worker"}]
    assert document["networking"]["kubeProxyMode"] == "nftables"
    assert document["networking"]["podSubnet"] == "10.99.0.0/16"
    assert document["kubeadmConfigPatches"][0] == "kind: InitConfiguration"
    assert len(document["kubeadmConfigPatches"]) == 2


def test_nodes_are_read_as_kubectl_lists_them():
    items = [
        {
            "metadata": {"name": "b"},
            "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:10:244:1::/64"]},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "172.18.0.3"},
                    {"type": "InternalIP", "address": "fc00:f853::3"},
                    {"type": "Hostname", "address": "b"},
                ]
            },
        },
        {"metadata": {"name": "new"}, "spec": {}, "status": {}},
    ]
    assert pod_network.read_nodes(json.dumps({"items": items})) == (TWO, NodeNetwork("new", (), ()))


def test_a_node_has_a_route_to_every_other_nodes_pods_by_an_address_of_the_same_version():
    assert pod_network.routes(ONE, (ONE, TWO)).splitlines() == [
        "route replace 10.244.1.0/24 via 172.18.0.3",
        "route replace fd00:10:244:1::/64 via fc00:f853::3",
    ]
    # The first has no IPv6 address by which the second could reach its pods.
    assert pod_network.routes(TWO, (ONE, TWO)).splitlines() == ["route replace 10.244.0.0/24 via 172.18.0.2"]


def test_what_leaves_the_cluster_is_masqueraded_and_nothing_else():
    subnets = (ip_network("10.244.0.0/16"), ip_network("fd00:10:244::/56"))
    lines = [line.strip() for line in pod_network.masquerade(TWO, subnets).splitlines()]
    assert "ip saddr 10.244.1.0/24 ip daddr != { 10.244.0.0/16 } fib daddr type != local masquerade" in lines
    assert "ip6 saddr fd00:10:244:1::/64 ip6 daddr != { fd00:10:244::/56 } fib daddr type != local masquerade" in lines
    # Loaded again, it replaces what was there.
    assert lines[:2] == ["table ip netlab-pod-network", "delete table ip netlab-pod-network"]
    assert pod_network.masquerade(NodeNetwork("a", (), ()), subnets) == ""


def test_the_plugins_give_addresses_of_the_nodes_own_networks():
    ptp, portmap = json.loads(pod_network.plugin_configuration(TWO))["plugins"]
    assert ptp["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]]
    assert ptp["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    assert (ptp["ipMasq"], portmap["type"]) == (False, "portmap")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A path with nothing on it but what the test writes; gives what writes a program there, or into the cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(name, says="", where=tmp_path / "bin"):
        where.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(f"#!/bin/sh\necho '{says}'\n")
        (where / name).chmod(0o755)
        return str(where / name)

    return write


def test_kind_is_the_users_own_before_the_one_that_was_built(programs):
    programs("docker")
    built = programs("kind", "0.33.0", tools.cache() / "bin")
    assert tools.kind() == built
    own = programs("kind", "0.27.0")
    assert tools.kind() == own


@pytest.mark.parametrize("version", ["0.26.0", "0.9.1", "nonsense"])
def test_a_kind_that_is_too_old_or_none_is_refused(programs, version):
    programs("docker")
    programs("kind", version)
    with pytest.raises(HostError, match=r"netlab needs 0\.27\.0 or later"):
        tools.kind()


def test_without_kind_or_the_docker_command_it_says_which(programs):
    with pytest.raises(HostError, match="there is no kind command") as refused:
        tools.kind()
    assert "scripts/build-images --kind" in str(refused.value.remedy)
    programs("kind", "0.33.0")
    with pytest.raises(HostError, match="there is no docker command"):
        tools.kind()
    programs("docker")
    (finding,) = tools.examine()
    assert finding.ok
    assert finding.found.startswith("0.33.0 at ")


class Registry:
    """Stands for docker's client: an engine, and the registry that it pulls from."""

    def __init__(self, here: tuple[str, ...] = (), there: tuple[str, ...] = (), refusal: str = "") -> None:
        self.here, self.there, self.refusal = [*here], there, refusal

    def inspect_image(self, image):
        if image not in self.here:
            raise ImageNotFound(image)
        return {"Config": {"Labels": {"netlab.pod-network": "ptp"}}}

    def info(self):
        return {"CgroupVersion": "2"}

    def pull(self, image, *, stream, decode):
        if self.refusal:
            raise APIError(self.refusal)
        yield {"status": "Pulling from there"}
        if image in self.there:
            self.here.append(image)
        else:
            yield {"error": f"manifest for {image} not found"}


def test_a_node_image_in_a_registry_is_pulled_before_its_labels_are_asked():
    """One that scripts/build-images --kind built elsewhere has no network plugin of its own."""
    image, said = "registry.example/netlab/kind-node:v1", []
    registry = Registry(there=(image,))
    for _ in range(2):
        node_image.fetch(registry, replace(PLAN, image=image), said.append)
    assert said == [f"pulling {image}"]
    assert node_image.surroundings(registry, image).own_pod_network


def test_without_an_image_of_the_users_kind_pulls_its_own():
    node_image.fetch(Registry(refusal="no registry"), replace(PLAN, image=None), pytest.fail)


@pytest.mark.parametrize(
    ("image", "refusal", "said"),
    [
        ("there/node:1", "", "manifest for there/node:1 not found (to mend it: docker pull there/node:1)"),
        ("there/node:1", "dial tcp: no route", "dial tcp: no route (to mend it: docker pull there/node:1)"),
        (node_image.BUILT, "access denied", "access denied (to mend it: scripts/build-images --kind)"),
    ],
)
def test_a_node_image_that_cannot_be_had_is_said(image, refusal, said):
    with pytest.raises(HostError) as refused:
        node_image.fetch(Registry(refusal=refusal), replace(PLAN, image=image), lambda _: None)
    assert refused.value.lines() == (f"k8s: cannot pull its node image {image}: {said}",)
