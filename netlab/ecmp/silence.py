"""Why a cluster's node does not announce a service, by what Kubernetes and MetalLB say of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netlab.model.evidence import Announcer, ClusterEvidence, ClusterNodeEvidence

EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
"""MetalLB's speaker announces no service on a node that has it, as Kubernetes has it mean for any load balancer."""
KUBECTL = "netlab kubectl --"
_METALLB = f"{KUBECTL} -n metallb-system"


@dataclass(frozen=True)
class Silence:
    """What keeps a node from announcing a service, as a clause of a sentence, and what mends it."""

    reason: str
    mend: str


def silence(cluster: ClusterEvidence, node: ClusterNodeEvidence) -> Silence | None:
    """What keeps the node from announcing the service; None where nothing is known to.

    MetalLB announces under Cluster from every eligible node if the service has any ready endpoint, under Local from
    those that have one themselves.
    """
    return _speaker(cluster, node) or _eligible(node) or _endpoints(cluster, node)


def known(announcers: Iterable[Announcer], cluster: ClusterEvidence) -> tuple[Announcer, ...]:
    """The announcers as the cluster has them now: who is expected to announce, and what keeps whom from it.

    Under Local that follows the pods, which need not be where the plan has them: a node without any has nothing to
    announce. Where there is no pod at all, the plan's expectation stands.
    """
    return tuple(_known(announcer, cluster) for announcer in announcers)


def _known(announcer: Announcer, cluster: ClusterEvidence) -> Announcer:
    node = cluster.find(announcer.node)
    if node is None:
        return announcer
    expected = announcer.expected
    if cluster.endpoints:
        expected = cluster.policy == "Cluster" or node.ready_endpoints + node.unready_endpoints > 0
    found = silence(cluster, node)
    return replace(announcer, expected=expected, reason=found.reason if found else "")


def _speaker(cluster: ClusterEvidence, node: ClusterNodeEvidence) -> Silence | None:
    if node.speaker == "ready":
        return None
    if cluster.emulated:
        return Silence(
            f"the speaker on {node.node}, which stands for MetalLB's, does not run",
            f"`netlab logs {node.node}` says why; `netlab deploy --reconfigure` builds the lab again",
        )
    name = _kubernetes_name(node)
    if node.speaker == "absent":
        return Silence(
            f"MetalLB has no speaker pod on {node.node}",
            f"`{_METALLB} describe daemonset speaker` names the nodeSelector and the tolerations of its pods, "
            f"`{KUBECTL} describe node {name}` the node's labels and taints",
        )
    return Silence(
        f"MetalLB's speaker pod on {node.node} is not ready",
        f"`{_METALLB} get pods -l component=speaker -o wide --field-selector spec.nodeName={name}` names the pod, "
        f"`{_METALLB} describe pod` and `{_METALLB} logs` with that name say what it lacks",
    )


def _eligible(node: ClusterNodeEvidence) -> Silence | None:
    name = _kubernetes_name(node)
    if node.excluded:
        return Silence(
            f"{node.node} has the label {EXCLUDE_LABEL}",
            f"`{KUBECTL} label node {name} {EXCLUDE_LABEL}-`",
        )
    if not node.selected:
        return Silence(
            f"no nodeSelector of MetalLB's BGPPeers and BGPAdvertisements chooses {node.node}",
            f"`{_METALLB} get bgppeers,bgpadvertisements -o yaml` shows the nodeSelectors, "
            f"`{KUBECTL} get node {name} --show-labels` what they have to choose by",
        )
    return None


def _endpoints(cluster: ClusterEvidence, node: ClusterNodeEvidence) -> Silence | None:
    service = cluster.service
    if not cluster.ready_endpoints:
        pods = f"none of its {cluster.endpoints} pods is ready" if cluster.endpoints else "it has no pod"
        return Silence(f"service {service} has no ready endpoint: {pods}", _pods_mend(cluster))
    if cluster.policy == "Local" and not node.ready_endpoints:
        here = "no ready pod" if node.unready_endpoints else "no pod"
        return Silence(
            f"externalTrafficPolicy Local, and {here} of {service} runs on {node.node}",
            f"{_pods_mend(cluster)} on {node.node}, or set externalTrafficPolicy Cluster",
        )
    return None


def _pods_mend(cluster: ClusterEvidence) -> str:
    if cluster.emulated:
        return f"with `replicas:` and `nodes:` in the topology file, give service {cluster.service} a pod"
    return (
        f"`{KUBECTL} describe service {cluster.service}` names its pods by their labels, `{KUBECTL} get pods -o wide` "
        f"says where each is and whether it is ready: give service {cluster.service} a ready pod"
    )


def _kubernetes_name(node: ClusterNodeEvidence) -> str:
    return node.kubernetes_name or node.node
