"""Whether what Kubernetes says of pods holds: after a restart of their node, and in kube-proxy's rules."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cluster_samples import PLAN, WORKER, WORKER2, pod

from netlab.cluster import settled
from netlab.model.errors import LabError

RESTARTED = {WORKER: datetime(2026, 5, 4, 10, 20, 30, 500_000, UTC)}


def running(name: str, on: str, since: str, **more: Any) -> Any:
    state = {"running": {"startedAt": f"2026-05-04T10:20:{since}Z"}}
    return pod(name, on, containerStatuses=[{"name": "web", "state": state}], **more)


@pytest.mark.parametrize(
    ("found", "stale"),
    [
        (running("old", WORKER, "29"), True),  # called ready still, as before the restart
        (running("new", WORKER, "31"), False),
        (running("new-in-the-same-second", WORKER, "30"), False),
        (running("new-and-starting", WORKER, "31", ready=False), True),
        (running("elsewhere", WORKER2, "01"), False),
        (pod("without-a-container", WORKER), True),
        (pod("not-scheduled", ""), False),
    ],
)
def test_pods_of_a_restarted_node(found: Any, stale: bool):
    name = found["metadata"]["name"]
    assert settled.stale_pods([found], RESTARTED) == ([f"pod metallb-system/{name}"] if stale else [])


def test_every_container_of_a_pod_is_looked_at():
    both = running("speaker", WORKER, "31")
    both["status"]["containerStatuses"] += running("speaker", WORKER, "29")["status"]["containerStatuses"]
    assert settled.stale_pods([both], RESTARTED) != []


METRICS = """\
# HELP kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds [ALPHA] The last time a sync of proxy rules was queued
# TYPE kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds gauge
kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{{ip_family="IPv4"}} {queued}
kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{{ip_family="IPv6"}} 1.764e+09
# TYPE kubeproxy_sync_proxy_rules_last_timestamp_seconds gauge
kubeproxy_sync_proxy_rules_last_timestamp_seconds{{ip_family="IPv4"}} {written}
kubeproxy_sync_proxy_rules_last_timestamp_seconds{{ip_family="IPv6"}} 1.7640000005e+09
kubeproxy_sync_proxy_rules_iptables_total{{ip_family="IPv4",table="nat"}} 70
"""


def metrics(queued: float, written: float) -> str:
    return METRICS.format(queued=float(queued), written=float(written))


def test_a_kube_proxy_is_behind_while_its_last_change_is_not_written():
    assert settled.is_behind(metrics(1_764_000_002, 1_764_000_001))
    assert not settled.is_behind(metrics(1_764_000_002, 1_764_000_003))
    assert not settled.is_behind("kubeproxy_sync_proxy_rules_last_timestamp_seconds 1.764e+09\n")  # nothing was queued


def answers(*said: str | None) -> tuple[Callable[..., str], list[str]]:
    """A node's curl, which prints these in turn and the last one from then on; None is no answer."""
    left, asked = list(said), []

    def run(container: str, argv: tuple[str, ...], data: bytes = b"") -> str:
        asked.append(container)
        now = left.pop(0) if len(left) > 1 else left[0]
        if now is None:
            raise LabError("curl ended with exit code 7")
        return now

    return run, asked


def test_each_node_is_asked_until_it_has_written_everything():
    run, asked = answers(None, metrics(2, 1), metrics(2, 3))
    settled.wait_for_proxies(run, PLAN, time.monotonic() + 30)
    assert set(asked) == {node.container for node in PLAN.nodes}
    assert len(asked) == len(PLAN.nodes) + 2


@pytest.mark.parametrize(("said", "reason"), [(None, "does not answer"), (metrics(2, 1), "has rules to write")])
def test_a_kube_proxy_that_does_not_come_is_said(said: str | None, reason: str):
    run, _ = answers(said)
    with pytest.raises(LabError, match=f"^k8s: not ready in time: kube-proxy of netlab-x-k8s-.* {reason}$"):
        settled.wait_for_proxies(run, PLAN, time.monotonic())


def test_somebody_elses_cluster_may_have_another_proxy():
    run, asked = answers(None)
    settled.wait_for_proxies(run, replace(PLAN, existing=True), time.monotonic())
    assert asked == []


def test_half_open_connections_to_the_vips_are_forgotten_on_every_node():
    asked = []

    def run(container: str, argv: tuple[str, ...], data: bytes = b"") -> str:
        asked.append((container, argv[-1]))
        raise LabError("conntrack ended with exit code 1: 0 flow entries have been deleted")

    settled.forget_half_open(run, PLAN)
    assert sorted(asked) == sorted((node.container, "172.16.7.192") for node in PLAN.nodes)
