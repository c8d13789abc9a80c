"""One lab, two runtimes: the same verdicts and the same JSON, but for the runtime and what each kernel flow drew."""

import json
from pathlib import Path
from typing import Any

import pytest
from netlab_program import Netlab

SPEAKERS = Path(__file__).resolve().parents[2] / "topologies" / "speakers.yaml"
SEED = "386389165"

pytestmark = [pytest.mark.lab, pytest.mark.same_for_every_user]


def shape(value: Any) -> Any:
    """The keys and types of a JSON document. Of a list, those of its items, each kind once and in any order: which of
    the equal paths a single-path router takes is chance."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        kinds: list[Any] = []
        for item in map(shape, value):
            if item not in kinds:
                kinds.append(item)
        return sorted(kinds, key=repr)
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def essence(router: dict[str, Any]) -> dict[str, Any]:
    """What the runtime must not change: all but the shares that a flow's way draws, and which equal path came first."""
    kept = ("router", "kind", "client", "vip", "port", "verdict", "expected", "matches", "paths", "flows", "prediction")
    rules = [(finding["rule"], finding["severity"], finding["mend"]) for finding in router["findings"]]
    return {key: router[key] for key in (*kept, "hash", "forwarding")} | {"rules": rules}


def test_the_answers_are_the_same_but_for_the_runtime(netlab: Netlab) -> None:
    answers = {}
    for runtime in ("netns", "docker"):
        deployed = netlab("deploy", SPEAKERS, "--runtime", runtime, "--name", "same", "--format", "json")
        assert deployed.returncode == 0, deployed
        inspected = json.loads(netlab("inspect", "--format", "json").stdout)
        checked = netlab("ecmp-check", "--seed", SEED, "--format", "json")
        assert checked.returncode == 0, checked
        assert netlab("destroy").returncode == 0
        answers[runtime] = json.loads(deployed.stdout), inspected, json.loads(checked.stdout)

    for ours, theirs in zip(answers["netns"], answers["docker"], strict=True):
        assert shape(ours) == shape(theirs)
    netns, docker = (answers[runtime][2] for runtime in ("netns", "docker"))
    assert (netns["runtime"], docker["runtime"]) == ("netns", "docker")
    assert [essence(router) for router in netns["routers"]] == [essence(router) for router in docker["routers"]]
    for key in ("schema", "lab", "emulated", "seed", "alpha"):
        assert netns[key] == docker[key]
    assert [router["verdict"] for router in docker["routers"]] == ["ecmp", "single-path"]
