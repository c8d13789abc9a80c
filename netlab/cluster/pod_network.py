"""The pods' network, where the node image has no plugin of its own: a stand-in for kind's kindnet.

Each node gives its pods addresses of its podCIDR by the plugins ptp and host-local, has a route to every other node's
by that node's address on kind's network, and masquerades what leaves the cluster. A restarted node has lost its routes
and rules.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError
from netlab.model.topology import IPNetwork

Run = Callable[..., str]
"""`run(container, argv, data=b"")`: the output of a command in a node."""
_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")
_TIMEOUT = 180.0
_POLL = 0.2
_CONFIGURATION = "/etc/cni/net.d/10-netlab.conflist"
_WRITE = ("sh", "-c", 'umask 022; mkdir -p "${1%/*}" && cat > "$1.new" && mv "$1.new" "$1"', "sh", _CONFIGURATION)


@dataclass(frozen=True)
class NodeNetwork:
    """What Kubernetes has given a node."""

    name: str
    pod_networks: tuple[IPNetwork, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...]
    """On kind's network."""

    def address(self, version: int) -> IPv4Address | IPv6Address | None:
        """Its address of that IP version."""
        return next((address for address in self.addresses if address.version == version), None)


def make(run: Run, cluster: ClusterPlan) -> None:
    """Give every node of the cluster the network of its pods. Idempotent. LabError where a node refuses."""
    nodes = _wait_for_nodes(run, cluster)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda node: _make(run, cluster, node, nodes), nodes))


def _wait_for_nodes(run: Run, cluster: ClusterPlan) -> tuple[NodeNetwork, ...]:
    """The nodes, once every one has the network of its pods."""
    deadline = time.monotonic() + _TIMEOUT
    wanted = {node.container for node in cluster.nodes}
    while True:
        try:
            said = run(cluster.control_plane.container, (*_KUBECTL, "get", "nodes", "-o", "json"))
        except LabError:  # of a control plane that was just restarted, the API answers after some seconds
            if time.monotonic() > deadline:
                raise
            found: tuple[NodeNetwork, ...] = ()
        else:
            found = read_nodes(said)
        if wanted <= {node.name for node in found if node.pod_networks and node.addresses}:
            return found
        if time.monotonic() > deadline:
            missing = sorted(wanted - {node.name for node in found if node.pod_networks})
            raise LabError(f"{cluster.name}: Kubernetes gave no pod network to {', '.join(missing)}")
        time.sleep(_POLL)


def read_nodes(text: str) -> tuple[NodeNetwork, ...]:
    """The nodes of a NodeList (`kubectl get nodes -o json`)."""
    return tuple(_read_node(item) for item in json.loads(text).get("items", ()))


def _read_node(item: dict[str, Any]) -> NodeNetwork:
    spec, status = item.get("spec", {}), item.get("status", {})
    networks = spec.get("podCIDRs") or [network for network in (spec.get("podCIDR"),) if network]
    addresses = [entry["address"] for entry in status.get("addresses", ()) if entry.get("type") == "InternalIP"]
    name = str(item["metadata"]["name"])
    return NodeNetwork(name, tuple(map(ip_network, networks)), tuple(map(ip_address, addresses)))


def _make(run: Run, cluster: ClusterPlan, node: NodeNetwork, nodes: tuple[NodeNetwork, ...]) -> None:
    run(node.name, ("ip", "-batch", "-"), routes(node, nodes).encode())
    run(node.name, ("nft", "-f", "-"), masquerade(node, tuple(map(ip_network, cluster.pod_subnets))).encode())
    # Last: with it the kubelet takes the node for ready.
    run(node.name, _WRITE, plugin_configuration(node).encode())


def routes(node: NodeNetwork, nodes: tuple[NodeNetwork, ...]) -> str:
    """Lines for `ip -batch`: the other nodes' pods behind these nodes."""
    lines = []
    for other in nodes:
        for network in other.pod_networks:
            via = other.address(network.version)
            if other.name != node.name and via is not None:
                lines.append(f"route replace {network} via {via}\n")
    return "".join(lines)


def masquerade(node: NodeNetwork, subnets: tuple[IPNetwork, ...]) -> str:
    """A file for nft: what this node's pods send out of the cluster gets the node's address."""
    lines = []
    for version, family in ((4, "ip"), (6, "ip6")):
        table = f"table {family} netlab-pod-network"
        inside = ", ".join(str(subnet) for subnet in subnets if subnet.version == version)
        rules = [
            f"    {family} saddr {network} {family} daddr != {{ {inside} }} fib daddr type != local masquerade"
            for network in node.pod_networks
            if network.version == version
        ]
        if rules:
            # Made and deleted first: the file is loaded as a whole, so nothing of an earlier one is left.
            head = [table, f"delete {table}", f"{table} {{", "  chain postrouting {"]
            lines += [*head, "    type nat hook postrouting priority 100;", *rules, "  }", "}"]
    return "".join(f"{line}\n" for line in lines)


def plugin_configuration(node: NodeNetwork) -> str:
    """The node's list of network plugins (the CNI specification's network configuration, version 1.0.0)."""
    ranges = [[{"subnet": str(network)}] for network in node.pod_networks]
    defaults = [{"dst": "0.0.0.0/0" if network.version == 4 else "::/0"} for network in node.pod_networks]
    ipam = {"type": "host-local", "dataDir": "/run/cni-ipam-state", "ranges": ranges, "routes": defaults}
    plugins = [
        {"type": "ptp", "ipMasq": False, "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "1.0.0", "name": "netlab", "plugins": plugins}, indent=2) + "\n"
