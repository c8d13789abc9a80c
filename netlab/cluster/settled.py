"""Whether what Kubernetes says of pods holds in the nodes' kernels: its words lag behind.

A restarted node's pods go on being called ready until its kubelet has looked, and requests to their old addresses are
lost. A service's endpoints reach the kernel when the node's kube-proxy has written them, a second after the API has
them. And connections that were being made to a pod that is gone stay in the nodes' connection tracking.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

from netlab.cluster import documents, install
from netlab.cluster.client import Client
from netlab.cluster.pod_network import Run
from netlab.cluster.readiness import is_ready
from netlab.cluster.yamlfile import Document
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError

_POLL = 0.2  # seconds
_METRICS = "http://127.0.0.1:10249/metrics"
"""kube-proxy's own, on every node."""
_CURL = ("curl", "--silent", "--fail", "--max-time", "2", _METRICS)
_SYNC = re.compile(
    r"^kubeproxy_sync_proxy_rules_last_(?P<queued>queued_)?timestamp_seconds(?P<labels>\{[^}]*\})? (?P<value>\S+)$",
    re.M,
)
_TOLD = 0.2
"""Seconds for the API's watches to tell every kube-proxy of a change."""


def wait_for_pods(
    client: Client, cluster: ClusterPlan, lab: str, started: Mapping[str, datetime], deadline: float
) -> None:
    """Wait until the pods that the lab counts on are new ones on the nodes that were restarted, and ready.

    `started`: when each of these nodes' containers was started, by its name in Kubernetes. LabError after `deadline`.
    """
    namespace = install.metallb_namespace(client, cluster)
    while True:
        pods = [
            *(client.find(install.POD, labels=f"{documents.LAB}={documents.labels(lab)[documents.LAB]}") or ()),
            *(client.find(install.POD, namespace=namespace) or ()),
            *(client.find(install.POD, namespace="kube-system", labels="k8s-app=kube-proxy") or ()),
        ]
        stale = stale_pods(pods, started)
        if not stale:
            return
        if time.monotonic() > deadline:
            raise LabError(f"{cluster.name}: not ready in time: {', '.join(stale)} of a restarted node")
        time.sleep(_POLL)


def stale_pods(pods: Sequence[Document], started: Mapping[str, datetime]) -> list[str]:
    """Those of the pods that are not ready on a restarted node, or are from before its restart."""
    found = {
        f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in pods
        if (since := started.get(pod["spec"].get("nodeName", ""))) is not None
        and not (is_ready(pod) and _is_newer(pod, since))
    }
    return sorted(found)


def _is_newer(pod: Document, since: datetime) -> bool:
    states = [container.get("state") or {} for container in (pod.get("status") or {}).get("containerStatuses") or ()]
    starts = [state["running"]["startedAt"] for state in states if "running" in state]
    # The API has whole seconds.
    return bool(starts) and all(datetime.fromisoformat(start) + timedelta(seconds=1) > since for start in starts)


def wait_for_proxies(run: Run, cluster: ClusterPlan, deadline: float) -> None:
    """Wait until every node's kube-proxy has written what it was told. LabError after `deadline`; somebody else's
    cluster may have another service proxy, which is not asked."""
    if cluster.existing:
        return
    time.sleep(_TOLD)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda node: _wait_for_proxy(run, cluster, node.container, deadline), cluster.nodes))


def _wait_for_proxy(run: Run, cluster: ClusterPlan, node: str, deadline: float) -> None:
    while True:
        try:
            if not is_behind(run(node, _CURL)):
                return
            reason = "has rules to write"
        except LabError:
            reason = "does not answer"  # it is just starting
        if time.monotonic() > deadline:
            raise LabError(f"{cluster.name}: not ready in time: kube-proxy of {node} {reason}")
        time.sleep(_POLL)


def forget_half_open(run: Run, cluster: ClusterPlan) -> None:
    """Delete from the nodes' connection tracking what waits for the answer of a pod that is gone, for 120 s (the
    kernel's nf_conntrack_tcp_timeout_syn_sent): a new connection with the ports of a lost one would go the same way.

    Measured after a check while a node was away: 212 such entries, and 1 to 3 of 600 flows of each later check lost.
    """
    vips = [str(vip) for workload in cluster.workloads for vip in workload.vips]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda node: _forget_half_open(run, node.container, vips), cluster.nodes))


def _forget_half_open(run: Run, node: str, vips: Sequence[str]) -> None:
    for vip in vips:
        with suppress(LabError):  # its exit code says that there was none
            run(node, ("conntrack", "-D", "-p", "tcp", "--state", "SYN_SENT", "--orig-dst", vip))


def is_behind(metrics: str) -> bool:
    """Whether a kube-proxy has changes that it has not yet written, by its metrics (in Prometheus's text format)."""
    queued: dict[str, float] = {}
    written: dict[str, float] = {}
    for found in _SYNC.finditer(metrics):
        times = queued if found["queued"] else written
        times[found["labels"] or ""] = float(found["value"])
    return any(when > written.get(labels, 0.0) for labels, when in queued.items())
