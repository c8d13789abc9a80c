import json
from typing import Any

from evidence_builder import article, cluster, evidence, perfect_counts, router

from netlab.ecmp.judge import judge
from netlab.report import json_report

DOCUMENT = ["schema", "lab", "runtime", "emulated", "versions", "seed", "alpha", "routers"]
ROUTER = [
    *(
        "router",
        "kind",
        "runs_as",
        "client",
        "vip",
        "port",
        "verdict",
        "reason",
        "expected",
        "matches",
        "paths",
        "flows",
    ),
    *("next_hops", "pods", "statistics", "prediction", "hash", "forwarding", "findings", "service"),
]
PARTS = {
    "paths": {"announced", "multipath", "rib", "fib", "used"},
    "flows": {"sent", "answered", "keys", "retransmitted", "capture_drops", "answered_share", "elsewhere"},
    "next_hops": {"address", "node", "weight", "flows", "expected_flows", "share", "ci95", "segments"},
    "pods": {"name", "node", "flows", "client_addresses_seen"},
    "statistics": {"chi2", "p_value", "max_over_mean", "cv", "expected_cv"},
    "prediction": {"agree", "of"},
    "hash": {"policy", "fields", "seed"},
    "findings": {"rule", "severity", "message", "evidence", "mend"},
}


def report() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json_report(judge(evidence(router(perfect_counts(1)), article()))))
    return document


def test_the_keys_are_the_contract() -> None:
    document = report()
    assert list(document) == DOCUMENT
    for made in document["routers"]:
        assert list(made) == ROUTER
        for name, keys in PARTS.items():
            parts = made[name] if isinstance(made[name], list) else [made[name]]
            assert all(set(part) == keys for part in parts), name
    assert document["routers"][1]["findings"]


def test_the_values_are_plain() -> None:
    document = report()
    frr, vyos = document["routers"]
    assert document["schema"] == 1
    assert document["versions"] == {"netlab": "0.1.0", "FRR": "8.4.4"}
    assert document["seed"] == 4711
    assert (frr["verdict"], frr["expected"], frr["matches"], frr["forwarding"]) == ("ecmp", "ecmp", True, "per-flow")
    assert (vyos["verdict"], vyos["expected"], vyos["matches"]) == ("single-path", "single-path", True)
    assert vyos["findings"][0]["severity"] == "warning"
    low, high = frr["next_hops"][0]["ci95"]
    assert low < frr["next_hops"][0]["share"] < high
    assert isinstance(frr["statistics"]["p_value"], float)


def test_what_cannot_be_computed_is_null() -> None:
    assert set(report()["routers"][1]["statistics"].values()) == {None}


def test_a_clusters_service_is_an_object_of_its_own_and_null_elsewhere() -> None:
    run = evidence(router(perfect_counts(1), cluster=cluster(1, 1, 1, emulated=True)), article())
    first, second = json.loads(json_report(judge(run)))["routers"]
    keys = ["cluster", "service", "external_traffic_policy", "nodes", "configuration", "emulated", "unknown"]
    assert list(first["service"]) == keys
    assert first["service"]["nodes"][0] == {
        "node": "k8s-worker",
        "ready_endpoints": 1,
        "speaker": "ready",
        "announces": True,
        "reason": "",
    }
    assert (first["service"]["external_traffic_policy"], first["service"]["emulated"]) == ("Local", True)
    assert second["service"] is None
