"""A small file that would make a huge lab is refused where it grows, before the lab is planned."""

from collections.abc import Callable

import pytest

from netlab.model.plan import LabPlan
from netlab.plan import routes


def test_layers_that_multiply(problems_of: Callable[..., list[str]]) -> None:
    commands = ", ".join(["'true'"] * 500)
    nodes = "".join(f"    h{i}:\n" for i in range(300))
    lab = f"name: x\ntopology:\n  defaults:\n    kind: linux\n    exec: [{commands}]\n  nodes:\n{nodes}"
    (line,) = problems_of(lab)
    assert line.startswith("lab.yaml:205:5: defaults, kinds and groups write more than 100000 values into the nodes")


def test_ways_between_subnets(
    problems_of: Callable[..., list[str]], plan_text: Callable[..., LabPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 20
    nodes = "".join(f"    r{i}: {{kind: frr}}\n" for i in range(count)) + "    h1: {kind: linux}\n"
    links = "".join(
        f"    - {{endpoints: [r{i}, {f'r{i + 1}' if i + 1 < count else 'h1'}], ipv4: [10.0.{i}.1/24, 10.0.{i}.2/24]}}\n"
        for i in range(count)
    )
    lab = f"name: x\ntopology:\n  nodes:\n{nodes}  links:\n{links}"
    assert len(plan_text(lab).node("h1").routes) == count - 1
    monkeypatch.setattr(routes, "MAX_WAYS", count * count - 1)
    assert problems_of(lab) == [
        "lab.yaml:24:5: 20 subnets and 20 segments with routers are too many for routes by themselves "
        "(write routes: none in defaults, or split the lab)"
    ]
    without = lab.replace("h1: {kind: linux}", "h1: {kind: linux, routes: none}")
    assert plan_text(without).node("h1").routes == ()
