"""The library's surface: what it exports, what importing it costs, what it does with wrong arguments."""

import inspect
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from evidence_builder import article, evidence, perfect_counts, router

from netlab import api
from netlab.lab import deploy as lab_deploy
from netlab.lab import state
from netlab.lab.deploy import Deployment
from netlab.model import codec
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.results import Convergence

ROOT = Path(__file__).resolve().parents[3]
ECMP = ROOT / "topologies/ecmp.yaml"


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("NETLAB_LAB", raising=False)


@pytest.fixture
def deployed(monkeypatch, tmp_path):
    """What api.deploy hands to the package below; it answers with the convergence given to it."""
    seen = {}

    def run(plan, options, progress):
        seen.update(plan=plan, options=options)
        progress.step("building")
        folder = tmp_path / "netlab" / plan.name
        lab = LabRecord(
            plan.name,
            "netns",
            0,
            state.boot_id(),
            "0",
            str(folder),
            plan.topology_file,
            "",
            LabMachine("", 1, 1, 1),
            (),
        )
        return Deployment(lab, seen.get("convergence"))

    monkeypatch.setattr(lab_deploy, "deploy", run)
    return seen


def test_every_name_is_there():
    for name in api.__all__:
        assert getattr(api, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = api.nonsense


def test_importing_it_loads_nothing_heavy():
    heavy = ("scipy", "pyroute2", "yaml", "jinja2", "pydantic", "rich", "typer", "logging", "subprocess")
    script = f"import sys; from netlab import api; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "[]\n"


def test_everything_public_is_typed_and_says_what_it_is():
    public = [getattr(api, name) for name in api.__all__]
    functions = [value for value in public if inspect.isfunction(value)]
    methods = [value for name, value in vars(api.Lab).items() if inspect.isfunction(value) and name[0] != "_"]
    for function in functions + methods:
        assert inspect.getdoc(function), function
        signature = inspect.signature(function)
        assert signature.return_annotation is not signature.empty
    assert (ROOT / "netlab/py.typed").exists()


def test_a_lab_of_the_program_unless_it_is_detached(deployed):
    api.deploy(ECMP, name="copy", timeout=7, reconfigure=True, keep=True)
    options = deployed["options"]
    assert (options.hold, options.timeout, options.reconfigure, options.keep, options.wait) == (
        True,
        7,
        True,
        True,
        True,
    )
    assert deployed["plan"].name == "copy"
    api.deploy(str(ECMP), detach=True, wait=False)
    assert (deployed["options"].hold, deployed["options"].wait) == (False, False)


def test_a_copy_forwards_as_the_original_does():
    plan, copy = api.validate(ECMP), api.validate(ECMP, name="copy")
    assert (plan.name, copy.name) == ("ecmp", "copy")
    assert plan.nodes == copy.nodes


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "-x", "x" * 64, "_x"])
def test_what_cannot_be_a_labs_name(name):
    with pytest.raises(api.InputError, match="cannot be the name of a lab"):
        api.deploy(ECMP, name=name)


def test_a_lab_that_has_not_converged_is_an_error_unless_asked_for(deployed):
    deployed["convergence"] = Convergence(("rt-1: no", "rt-1: no again"), 1.0)
    api.deploy(ECMP)
    assert deployed["options"].must_converge
    assert api.deploy(ECMP, must_converge=False).convergence.missing == ("rt-1: no", "rt-1: no again")
    assert not deployed["options"].must_converge


def test_progress_goes_to_the_log_or_to_the_caller(deployed, caplog):
    with caplog.at_level(logging.INFO, "netlab"):
        api.deploy(ECMP)
        api.LogProgress().note("a note with a %s")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "building"),
        ("WARNING", "a note with a %s"),
    ]
    steps = []

    class Mine:
        step = note = steps.append

    caplog.clear()
    api.deploy(ECMP, progress=Mine())
    assert steps == ["building"]
    assert not caplog.records


def test_wrong_arguments():
    with pytest.raises(api.InputError, match=r"no-such-file.yaml: no such file"):
        api.deploy("no-such-file.yaml")
    with pytest.raises(api.LabError, match="no lab is deployed"):
        api.lab()
    with pytest.raises(api.LabError, match="there is no lab ghost"):
        api.ecmp_check("ghost")
    with pytest.raises(api.InputError, match="'often' cannot be expected"):
        api.ecmp_check(expect="often")
    with pytest.raises(api.LabError, match="there is no lab ghost"):
        api.destroy(lab="ghost")
    assert api.labs() == ()
    assert api.destroy(everything=True) == ()
    assert api.inspect() == ()


@pytest.mark.parametrize(
    "wrong", [float("inf"), float("nan"), 0, -1, 1e300, pytest.param(10**5000, id="digits"), True, "5"]
)
def test_numbers_are_refused_as_on_the_command_line(wrong):
    for call in (
        lambda: api.deploy(ECMP, timeout=wrong),
        lambda: api.repair(timeout=wrong),
        lambda: api.restart("h1", timeout=wrong),
        lambda: api.ecmp_check(timeout=wrong),
    ):
        with pytest.raises(api.InputError, match=r"^timeout .*: not a number of seconds from 0\.1 to 1000000"):
            call()


@pytest.mark.parametrize("wrong", [0, 64513, 600.0, float("nan"), pytest.param(10**5000, id="digits"), True, "600"])
def test_a_number_of_flows_is_whole_and_has_source_ports(wrong):
    with pytest.raises(api.InputError, match=r"^flows .*: not a whole number of flows from 1 to 64512"):
        api.ecmp_check(flows=wrong)


def test_labs_under_construction_are_left_out(tmp_path):
    (tmp_path / "netlab/half").mkdir(0o700, parents=True)
    assert api.labs() == ()
    assert [report.state for report in api.inspect()] == ["unfinished"]


def test_judge_takes_a_file_or_what_was_read_from_it(tmp_path):
    seen = evidence(router(perfect_counts(1)), article())
    (tmp_path / "seen.json").write_bytes(codec.encode(seen))
    verdict = api.judge(seen)
    assert api.judge(tmp_path / "seen.json") == api.judge(str(tmp_path / "seen.json")) == verdict
    assert verdict.matches
    assert [r.matches for r in api.judge(seen, expect="single-path").routers] == [False, True]
    with pytest.raises(api.InputError, match="No such file"):
        api.judge(tmp_path / "nothing.json")


def test_a_verdict_says_what_is_not_as_expected():
    verdict = api.judge(evidence(router(perfect_counts(1)), article()))
    assert verdict.assert_expected() is verdict
    assert verdict.mismatches == ()
    assert verdict.router("rt-frr").verdict is api.Outcome.ECMP
    assert verdict.router("rt-vyos", "172.16.7.192").rules[0] == "ibgp-knob-on-ebgp-peers"
    with pytest.raises(KeyError, match=r"rt-9: 0 verdicts; there is rt-frr for 172.16.7.192:80, rt-vyos"):
        verdict.router("rt-9")

    wrong = api.judge(evidence(router(perfect_counts(1)), article()), expect="ecmp")
    with pytest.raises(AssertionError) as raised:
        wrong.assert_expected()
    (sentence,) = wrong.mismatches
    assert str(raised.value) == sentence
    assert sentence.startswith("rt-vyos, VIP 172.16.7.192:80: single-path, expected ecmp: The FIB has 1 next hop of 3")
    assert "  warning ibgp-knob-on-ebgp-peers: `maximum-paths ibgp 2` does not apply here" in sentence
    assert "    to mend it: `set protocols bgp 64512 maximum-paths ebgp 3`" in sentence
