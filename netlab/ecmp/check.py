"""ecmp-check from end to end: observe a running lab, save the evidence, judge it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from netlab.ecmp.judge import judge
from netlab.ecmp.observe import FactsReader, choose, observe
from netlab.ecmp.options import CheckOptions
from netlab.lab import state
from netlab.lab.inspect import dead, restarted_outside
from netlab.model import codec
from netlab.model.errors import InputError, LabError, Problem
from netlab.model.evidence import SCHEMA, Evidence
from netlab.model.lab import LabRecord
from netlab.model.parameters import parameter
from netlab.model.plan import CheckPlan, LabPlan
from netlab.model.topology import Expect
from netlab.model.verdict import Verdict
from netlab.runtime.choice import by_name
from netlab.topology.paths import read_regular

_LARGEST_EVIDENCE = 1 << 30


def run(running: LabRecord, options: CheckOptions) -> Verdict:
    """Check the routers of a running lab."""
    plan = state.load_plan(running)
    _refuse_missing(running, choose(plan, options))
    with by_name(running.runtime).agent(running) as agent:
        evidence = observe(plan, agent, options, _load_statistics, _facts_reader(running, plan))
    if options.evidence:
        _save(options.evidence, evidence)
    return judge(evidence, expect=options.expect)


def _facts_reader(lab: LabRecord, plan: LabPlan) -> FactsReader | None:
    """What asks the lab's real clusters; None where it has none."""
    if not plan.clusters:
        return None
    from netlab.cluster.clusters import service_facts

    return partial(service_facts, lab.directory)


def _refuse_missing(lab: LabRecord, checks: tuple[CheckPlan, ...]) -> None:
    """LabError where a machine that takes part has died, or any was restarted and has lost its links."""
    runtime = by_name(lab.runtime)
    for node in runtime.restarted(lab):
        raise LabError(restarted_outside(lab, node))
    alive = runtime.running(lab)
    for check in checks:
        for node in (check.router, check.client):
            if node not in alive:
                raise LabError(dead(lab, node))


def _load_statistics() -> None:
    """Import scipy's functions (0.2 to 0.4 s) while the flows are under way."""
    import scipy.special  # noqa: F401


def _save(path: Path, evidence: Evidence) -> None:
    """Write the evidence beside its place first, so that a file of that name is always whole."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(codec.encode(evidence) + b"\n")
        os.replace(new, path)  # noqa: PTH105
    except OSError as error:
        raise InputError(Problem(f"{parameter('evidence')} {path}: {error.strerror}")) from None


def judge_file(path: Path, expect: Expect | None) -> Verdict:
    """The verdict from a saved evidence file. InputError for what is not one."""
    try:
        data = read_regular(path, _LARGEST_EVIDENCE)
        if len(data) > _LARGEST_EVIDENCE:
            raise InputError(Problem(f"{path}: larger than any evidence file"))
    except OSError as error:
        raise InputError(Problem(f"{path}: {error.strerror}")) from None
    try:
        evidence = codec.decode(Evidence, data, str(path))
    except InputError as error:
        reason = error.problems[0].message.removeprefix(f"{path}: ").removeprefix("document: ")
        raise InputError(
            Problem(f"{path}: not an evidence file: {reason}", hint="`netlab ecmp-check --evidence FILE` saves one")
        ) from None
    if evidence.schema != SCHEMA:
        raise InputError(Problem(f"{path}: schema {evidence.schema}; this netlab reads schema {SCHEMA}"))
    return judge(evidence, expect=expect)
