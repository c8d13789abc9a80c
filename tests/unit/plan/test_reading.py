"""From the file to the plan each step is done once."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netlab import kinds
from netlab.model.errors import TopologyError
from netlab.plan import plan_file, reading

LAB = """\
name: once
topology:
  nodes:
    r1: {kind: frr}
    r2: {kind: linux, sysctls: {net.ipv4.ip_forward: 1}}
    k: {kind: k8s, workers: 2}
    sw: {kind: bridge}
  links:
    - {endpoints: [r1, r2], ipv4: auto}
    - {endpoints: [r1, sw], ipv4: auto}
    - {endpoints: [k, sw], ipv4: auto}
"""


def test_each_node_is_expanded_once_and_the_lab_wired_and_addressed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()
    load = kinds.load

    def counted(step: str, call: Any) -> Any:
        def counting(first: Any, *others: Any) -> Any:
            done[f"{step} {first.name}" if step == "expand" else step] += 1
            return call(first, *others)

        return counting

    monkeypatch.setattr(kinds, "load", lambda name: replace(load(name), expand=counted("expand", load(name).expand)))
    for step in ("wire_lab", "address_lab"):
        monkeypatch.setattr(reading, step, counted(step, getattr(reading, step)))
    (tmp_path / "lab.yaml").write_text(LAB)
    plan = plan_file(tmp_path / "lab.yaml")
    assert {"r1", "r2", "sw", "k-worker", "k-worker2"} <= {node.name for node in plan.nodes}
    once = ("wire_lab", "address_lab", *(f"expand {name}" for name in ("r1", "r2", "k", "sw")))
    assert done == Counter(dict.fromkeys(once, 1))


def test_a_wrong_option_and_addresses_that_contradict_each_other_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(
        LAB.replace("r1: {kind: frr}", "r1: {kind: linux, routes: none}\n    r3: {kind: frr, bpg: {}}")
        + "    - {endpoints: [r1, sw], ipv4: [10.9.0.1/24]}\n    - {endpoints: [r2, sw], ipv4: [10.8.0.2/24]}\n"
    )
    with pytest.raises(TopologyError) as refused:
        plan_file(file)
    assert [line.removeprefix(f"{file}:") for line in refused.value.lines()] == [
        '5:21: unknown key "bpg" in a node of kind frr (netlab schema lists the keys)',
        "14:7: 10.8.0.2/24 of r2:eth2 is not in its LAN's subnet 10.9.0.0/24"
        " (every machine on a bridge shares a subnet with another)",
    ]
