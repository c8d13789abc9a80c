"""ecmp-check and judge as commands: their JSON and table, their options, their exit codes."""

import json
from pathlib import Path

import pytest
from netlab_program import TOPOLOGIES, Netlab

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.outcome_is_frrs]

# The contract of ecmp-check's JSON. A key is only ever added.
TOP = {"schema", "lab", "runtime", "emulated", "versions", "seed", "alpha", "routers"}
ROUTER = {
    *("router", "kind", "runs_as", "client", "vip", "port", "verdict", "reason", "expected", "matches", "paths"),
    *("flows", "next_hops", "pods", "statistics", "prediction", "hash", "forwarding", "findings", "service"),
}
INNER = {
    "paths": {"announced", "multipath", "rib", "fib", "used"},
    "flows": {"sent", "answered", "keys", "retransmitted", "capture_drops", "answered_share", "elsewhere"},
    "statistics": {"chi2", "p_value", "max_over_mean", "cv", "expected_cv"},
    "prediction": {"agree", "of"},
    "hash": {"policy", "fields", "seed"},
}
ROWS = {
    "next_hops": {"address", "node", "weight", "flows", "expected_flows", "share", "ci95", "segments"},
    "pods": {"name", "node", "flows", "client_addresses_seen"},
    "findings": {"rule", "severity", "message", "evidence", "mend"},
}


@pytest.fixture(scope="module")
def labs(shared_netlab: Netlab, ecmp_file: Path) -> Netlab:
    """netlab with two labs deployed, side by side."""
    for file in (ecmp_file, TOPOLOGIES / "speakers.yaml"):
        done = shared_netlab("deploy", file)
        assert done.returncode == 0, done
    return shared_netlab


@pytest.mark.parametrize(
    ("lab", "nodes"),
    [
        ("speakers", {"speaker-1", "speaker-2", "speaker-3"}),
        pytest.param("ecmp-vs-vyos", {"k8s-worker", "k8s-worker2", "k8s-worker3"}, marks=pytest.mark.cluster),
    ],
)
def test_two_routers_side_by_side(netlab: Netlab, lab: Netlab, nodes: set[str]) -> None:
    deployed = netlab("deploy", TOPOLOGIES / f"{lab}.yaml", "--name", "side-by-side")
    assert deployed.returncode == 0, deployed
    done = netlab("ecmp-check", "--format", "json")
    assert done.returncode == 0, done
    frr, vyos = json.loads(done.stdout)["routers"]
    assert (frr["router"], frr["verdict"], frr["client"]) == ("rt-frr", "ecmp", "host-1")
    assert (vyos["router"], vyos["verdict"], vyos["client"]) == ("rt-vyos", "single-path", "host-2")
    assert vyos["paths"] == {"announced": 3, "multipath": 1, "rib": 1, "fib": 1, "used": 1}
    assert frr["paths"] == {"announced": 3, "multipath": 3, "rib": 3, "fib": 3, "used": 3}
    for router in (frr, vyos):
        assert router["prediction"] == {"agree": 600, "of": 600}
        counts = {"sent": 600, "answered": 600, "keys": 600, "retransmitted": 0, "capture_drops": 0}
        assert router["flows"] == {**counts, "answered_share": 1.0, "elsewhere": 0}
        assert router["forwarding"] == "per-flow"
        assert router["hash"]["policy"] == 3
        assert router["hash"]["fields"] == 0x37
    assert 1e-6 < frr["statistics"]["p_value"] <= 1
    for hop in frr["next_hops"]:
        low, high = hop["ci95"]
        assert 0 < low < hop["share"] < high < 1
    assert {hop["node"] for hop in frr["next_hops"]} == nodes


@pytest.mark.front_end
def test_the_json_keeps_its_contract(labs: Netlab) -> None:
    document = json.loads(labs("ecmp-check", "--lab", "speakers", "--format", "json").stdout)
    assert set(document) == TOP
    assert document["schema"] == 1
    assert document["runtime"] == (labs.runtime or "netns")
    assert set(document["versions"]) == {"netlab", "FRR", "Linux"}
    assert document["emulated"] == ["rt-vyos: VyOS 1.1 configuration, Quagga's defaults, run by FRR"]
    for router in document["routers"]:
        assert set(router) == ROUTER
        for key, inner in INNER.items():
            assert set(router[key]) == inner
    for key, row in ROWS.items():
        rows = [found for router in document["routers"] for found in router[key]]
        assert rows
        assert all(set(found) == row for found in rows)


@pytest.mark.front_end
def test_the_table_says_what_was_measured_and_what_is_emulated(labs: Netlab) -> None:
    done = labs("ecmp-check", "--lab", "speakers", env={"COLUMNS": "120"})
    assert done.returncode == 0, done
    assert "\x1b" not in done.stdout
    assert "emulated: " in done.stdout
    assert "600 of 600 (100%)" in done.stdout
    assert "rt-frr: ecmp" in done.stdout
    assert "rt-vyos: single-path" in done.stdout


@pytest.mark.front_end
def test_judge_says_the_same_of_the_saved_evidence(labs: Netlab, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.json"
    checked = labs("ecmp-check", "--lab", "speakers", "--format", "json", "--evidence", evidence)
    assert checked.returncode == 0, checked
    judged = labs("judge", evidence, "--format", "json", env={"XDG_STATE_HOME": str(tmp_path / "no-lab-here")})
    assert judged.returncode == 0, judged
    assert json.loads(judged.stdout) == json.loads(checked.stdout)
    other = labs("judge", evidence, "--expect", "ecmp", "--format", "json")
    assert other.returncode == 1, other
    assert [router["matches"] for router in json.loads(other.stdout)["routers"]] == [True, False]


@pytest.mark.front_end
def test_what_is_not_as_expected_is_exit_code_1(labs: Netlab) -> None:
    done = labs("ecmp-check", "--lab", "ecmp", "--expect", "single-path", "--format", "json")
    assert done.returncode == 1, done
    (router,) = json.loads(done.stdout)["routers"]
    assert (router["verdict"], router["expected"], router["matches"]) == ("ecmp", "single-path", False)


@pytest.mark.front_end
def test_a_seed_repeats_a_run(labs: Netlab, tmp_path: Path) -> None:
    runs = []
    for number in range(2):
        evidence = tmp_path / f"{number}.json"
        done = labs("ecmp-check", "--lab", "ecmp", "--seed", "42", "--format", "json", "--evidence", evidence)
        assert done.returncode == 0, done
        document = json.loads(done.stdout)
        assert document["seed"] == 42
        flows = json.loads(evidence.read_text())["routers"][0]["flows"]
        ports = [flow["source_port"] for flow in flows]
        counts = [hop["flows"] for hop in document["routers"][0]["next_hops"]]
        runs.append((ports, counts))
    assert runs[0] == runs[1]
    assert len(set(runs[0][0])) == 600


@pytest.mark.front_end
def test_one_router_and_a_number_of_flows_can_be_chosen(labs: Netlab) -> None:
    lab = ("ecmp-check", "--lab", "speakers", "--format", "json")
    done = labs(*lab, "--router", "rt-vyos", "--vip", "172.16.7.192:80", "--flows", "50")
    assert done.returncode == 0, done
    (router,) = json.loads(done.stdout)["routers"]
    assert (router["router"], router["flows"]["sent"]) == ("rt-vyos", 50)


@pytest.mark.front_end
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--router", "rt-9", "--router rt-9: "),
        ("--vip", "172.16.7.99", "--vip 172.16.7.99: "),
        ("--vip", "nonsense", "--vip nonsense: "),
        ("--flows", "0", "--flows 0: "),
        ("--flows", "70000", "--flows 70000: "),
    ],
)
def test_wrong_options_are_exit_code_2(labs: Netlab, option: str, value: str, message: str) -> None:
    done = labs("ecmp-check", "--lab", "speakers", option, value)
    assert done.returncode == 2, done
    assert message in done.stderr
    assert "Traceback" not in done.stderr
