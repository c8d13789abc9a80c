"""MetalLB's end-to-end tests with a lab's routers as their external containers: a cluster's speakers peer with them."""

import json
from pathlib import Path
from typing import Any

import pytest
from article import VIP, small
from engine import Engine
from external_container import ASN, EBGP, IBGP, PASSWORD, Suite, config, connected, copy_lab, wait
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.same_for_every_user

CLUSTER = small("e2e-cluster", router=64999, cluster=64512)


def peers(addresses: dict[str, str]) -> str:
    """A BGPPeer for each router and an advertisement to all, as the suite makes them. netlab's is for its own peers."""
    specs = {
        router: {"myASN": 64512, "peerASN": ASN[router], "peerAddress": address, "password": PASSWORD}
        for router, address in addresses.items()
    }
    items = [_resource("v1beta2", "BGPPeer", router, spec) for router, spec in specs.items()]
    items.append(_resource("v1beta1", "BGPAdvertisement", "to-all", {}))
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _resource(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "metallb-system"}
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def test_speakers_peer_with_the_routers_which_learn_and_reach_the_service(
    netlab: Netlab, engine: Engine, topology: Topology, tmp_path: Path
) -> None:
    done = netlab("deploy", topology(CLUSTER), timeout=600)
    assert done.returncode == 0, done
    routers = connected(netlab, engine, copy_lab(tmp_path), "netlab-e2e-cluster-k8s")

    def kubectl(*arguments: object) -> str:
        done = netlab("kubectl", "--lab", "e2e-cluster", "--", *arguments)
        assert done.returncode == 0, done
        return done.stdout

    nodes = kubectl(
        "get", "nodes", "-o", "jsonpath={.items[*].status.addresses[?(@.type=='InternalIP')].address}"
    ).split()
    assert len(nodes) == 2
    addresses = {router: suite.take()[0] for router, suite in routers.items()}
    for router, suite in routers.items():
        given = config(ASN[router], addresses[router], nodes, 64512, "10.64.1.0/24", bfd=False)  # native mode has none
        suite.configure(given)
    (tmp_path / "peers.json").write_text(peers(addresses))
    kubectl("apply", "-f", tmp_path / "peers.json")

    def peers_and_reaches(suite: Suite) -> None:
        wait(lambda: suite.neighbors() == dict.fromkeys(nodes, "Established"))
        wait(lambda: f"{VIP}/32" in suite.vtysh("show bgp ipv4 json")["routes"])
        wait(lambda: "web" in suite.fetch(f"http://{VIP}:80"))

    for suite in routers.values():
        peers_and_reaches(suite)

    routers[IBGP].end()
    ended = netlab("destroy", "--lab", "e2e-cluster", timeout=120)
    assert ended.returncode == 0, ended
    assert engine.pid(EBGP), "connected to the cluster's network, and none of the cluster's"
    assert engine.inspect(EBGP)["NetworkSettings"]["Networks"] == {}
    assert netlab("destroy", "--lab", "metallb-e2e").returncode == 0
    assert not {*ASN} & {*engine.names()}
