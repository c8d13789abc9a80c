"""MetalLB's end-to-end tests with a lab's routers as their external containers: a cluster's speakers peer with them."""

import json

from external_container import ASN, EBGP, IBGP, PASSWORD, config, connected, copy_lab, wait

VIP = "172.16.7.192"
CLUSTER = """
    name: e2e-cluster
    topology:
      nodes:
        rt-1: {kind: frr, bgp: {asn: 64999, neighbors: [{cluster: k8s}]}}
        host-1: {kind: linux}
        k8s-net: {kind: bridge}
        k8s:
          kind: k8s
          workers: 1
          metallb: {asn: 64512, pool: 172.16.7.192/26}
          services: [{name: web, replicas: 1}]
      links:
        - {endpoints: ["rt-1:eth1", "k8s-net"], ipv4: [172.16.7.1/24]}
        - {endpoints: ["k8s", "k8s-net"]}
        - {endpoints: ["rt-1:eth2", "host-1:eth1"], ipv4: [172.16.9.1/24, 172.16.9.11/24]}
"""


def peers(routers, addresses):
    """A BGPPeer for each router, as the suite makes them."""
    specs = {
        router: {"myASN": 64512, "peerASN": ASN[router], "peerAddress": addresses[router], "password": PASSWORD}
        for router in routers
    }
    items = [
        {
            "apiVersion": "metallb.io/v1beta2",
            "kind": "BGPPeer",
            "metadata": {"name": router, "namespace": "metallb-system"},
            "spec": spec,
        }
        for router, spec in specs.items()
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def test_speakers_peer_with_the_routers_which_learn_and_reach_the_service(netlab, engine, topology, tmp_path):
    done = netlab("deploy", topology(CLUSTER), timeout=600)
    assert done.returncode == 0, done
    routers = connected(netlab, engine, copy_lab(tmp_path), "netlab-e2e-cluster-k8s")

    def kubectl(*arguments):
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
    (tmp_path / "peers.json").write_text(peers(routers, addresses))
    kubectl("apply", "-f", tmp_path / "peers.json")

    for suite in routers.values():
        wait(lambda suite=suite: suite.neighbors() == dict.fromkeys(nodes, "Established"))
        wait(lambda suite=suite: f"{VIP}/32" in suite.vtysh("show bgp ipv4 json")["routes"])
        wait(lambda suite=suite: "web" in suite.fetch(f"http://{VIP}:80"))

    for suite in (routers[IBGP], routers[EBGP]):
        suite.end()
    assert netlab("destroy", "--lab", "metallb-e2e").returncode == 0
    assert not {*ASN} & {*engine.names()}
