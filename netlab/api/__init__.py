"""netlab as a library: what the command line does, for Python. docs/api.md shows it in use.

    from netlab import api

    with api.deploy("topologies/ecmp.yaml") as lab:
        lab.ecmp_check().assert_expected()

Everything blocks, works from any thread, and installs no signal handler. Whatever a user can mend is a NetlabError;
each function's docstring names the kinds of it. Progress goes to the logger `netlab`, or to a `progress` of yours.
What a call needs is imported when it is called, so that importing this module costs next to nothing.

    handle.py    a lab in the hands of a Python program
    keywords.py  what `ecmp_check` may be told
    looking.py   packets, a picture, an archive for a bug report
    names.py     the names that a shell may complete
    progress.py  progress as messages of Python's logging
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from netlab.api.handle import Lab, Result
from netlab.api.keywords import CheckKeywords, check_options, expectation
from netlab.api.looking import Capture, capture, picture, support
from netlab.api.progress import LogProgress, Progress
from netlab.model.errors import (
    CommandError,
    ConvergenceError,
    HostError,
    InputError,
    LabError,
    NetlabError,
    Problem,
    TopologyError,
)
from netlab.registry.runtimes import USUAL

if TYPE_CHECKING:
    from netlab.model.evidence import Evidence
    from netlab.model.host import HostFinding
    from netlab.model.plan import LabPlan
    from netlab.model.results import Convergence, LabReport, Repair
    from netlab.model.topology import Expect
    from netlab.model.verdict import Outcome, RouterVerdict, Verdict

_LATER = {
    "Convergence": "netlab.model.results",
    "Evidence": "netlab.model.evidence",
    "Expect": "netlab.model.topology",
    "HostFinding": "netlab.model.host",
    "LabPlan": "netlab.model.plan",
    "LabReport": "netlab.model.results",
    "Repair": "netlab.model.results",
    "Outcome": "netlab.model.verdict",
    "Picture": "netlab.model.results",
    "RouterVerdict": "netlab.model.verdict",
    "Verdict": "netlab.model.verdict",
}
"""Types that are imported when they are first asked for."""

__all__ = [
    "Capture",
    "CheckKeywords",
    "CommandError",
    "Convergence",
    "ConvergenceError",
    "Evidence",
    "Expect",
    "HostError",
    "HostFinding",
    "InputError",
    "Lab",
    "LabError",
    "LabPlan",
    "LabReport",
    "LogProgress",
    "NetlabError",
    "Outcome",
    "Picture",
    "Problem",
    "Progress",
    "Repair",
    "Result",
    "RouterVerdict",
    "TopologyError",
    "Verdict",
    "attach",
    "capture",
    "config",
    "deploy",
    "destroy",
    "doctor",
    "ecmp_check",
    "follow",
    "inspect",
    "judge",
    "kubectl",
    "lab",
    "labs",
    "logs",
    "picture",
    "repair",
    "restart",
    "schema",
    "support",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def validate(file: str | Path, *, name: str | None = None, runtime: str | None = None) -> LabPlan:
    """The plan of a topology file: every machine, address and process that `deploy` would make. Changes nothing.

    name, runtime: as in `deploy`.

    A user's own FRR configurations are checked by FRR where the machine has it. `plan.warnings` are worth reading, and
    say what went unchecked. Raises TopologyError with every problem of the file, InputError where it cannot be read.
    """
    from dataclasses import replace

    from netlab.lab import startup_configs
    from netlab.plan import plan_file

    plan = plan_file(Path(file), name, runtime)
    return replace(plan, warnings=(*plan.warnings, *startup_configs.check_where_possible(plan)))


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # removed meanwhile
        return None


def deploy(
    file: str | Path,
    *,
    name: str | None = None,
    runtime: str | None = None,
    rootfs: str | Path | None = None,
    timeout: float = 60.0,
    wait: bool = True,
    must_converge: bool = True,
    reconfigure: bool = False,
    reuse_cluster: bool = False,
    keep: bool = False,
    detach: bool = False,
    progress: Progress | None = None,
) -> Lab:
    """Build the lab of a topology file and wait until it has converged.

    The lab lives as long as the Lab that is returned, and no longer than this process, even where that is killed:
    use it in a `with` block, or call `destroy`. With `detach` it lives on, as with `netlab deploy`.

    name: another name than the file's, so that several copies of a lab run side by side.
    runtime: netns or docker, in place of the file's.
    rootfs: the root file system of every router that FRR runs, in place of the file's.
    timeout: seconds for the processes' start, and again for convergence.
    wait: False returns as soon as every configuration has been read.
    must_converge: False returns a lab that has not converged in time too; `lab.convergence` says what is missing.
    reconfigure: replace a lab of that name.
    reuse_cluster: replace it, but for its running Kubernetes clusters. These run on also where this deployment fails or
    ends, until `netlab.api.destroy(lab=NAME)`.
    keep: keep a lab that could not be built, as far as it got, until it is destroyed by its name.

    Raises TopologyError and InputError for what is wrong with the file or an argument, HostError for what this host
    lacks, LabError where a lab of that name exists or a step fails, and ConvergenceError. None of them, and no
    KeyboardInterrupt, leaves anything of the lab (but for `keep`).
    """
    from netlab.lab.deploy import DeployOptions
    from netlab.lab.deploy import deploy as run
    from netlab.plan import plan_file
    from netlab.plan.host_access import deeds_from_outside

    progress = progress or LogProgress()
    options = DeployOptions(
        rootfs=None if rootfs is None else Path(rootfs),
        wait=wait,
        timeout=timeout,
        reconfigure=reconfigure,
        reuse_cluster=reuse_cluster,
        keep=keep,
        must_converge=must_converge,
        hold=not detach,
    )
    plan = plan_file(Path(file), name, runtime)  # whose configurations are checked by what is to run them
    for note in (*plan.warnings, *deeds_from_outside(plan, _working_directory())):
        progress.note(note)
    deployment = run(plan, options, progress)
    return Lab(deployment.lab, deployment.convergence, deployment.held)


def labs() -> tuple[Lab, ...]:
    """This user's labs, dead ones too, in the order of their names; those still being built are left out.

    Raises HostError where the state folder cannot be read.
    """
    from netlab.lab import state

    found = []
    for name in state.names():
        try:
            found.append(Lab(state.load(name)))
        except LabError:
            continue  # being built, or destroyed meanwhile
    return tuple(found)


def lab(name: str | None = None) -> Lab:
    """The lab of that name, else the one that NETLAB_LAB names, else the only one. It may be dead: see `Lab.alive`.

    Raises LabError where there is none or there are several, HostError for a folder that is not this user's.
    """
    from netlab.lab import state

    return Lab(state.choose(name, dead_too=True))


def destroy(
    file: str | Path | None = None,
    *,
    lab: str | None = None,
    everything: bool = False,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Remove the lab of a topology file, the lab of a name, every lab, or the only one. Nothing of it is left.

    Returns the names of the removed labs. Raises InputError for more than one of the three, LabError where there is
    no such lab or several could be meant, HostError for a folder that is not this user's. A lab that cannot be removed
    keeps no other from being removed: what was raised of it comes last, and of several the others are notes.
    """
    from netlab.lab import selection
    from netlab.lab.destroy import destroy as run

    progress = progress or LogProgress()
    names = selection.to_destroy(None if file is None else Path(file), lab, everything)
    failures: list[NetlabError] = []
    for name in names:
        try:
            run(name, progress)
        except NetlabError as error:
            failures.append(error)
    for failure in failures[:-1]:
        progress.note(str(failure))
    if failures:
        raise failures[-1]
    return tuple(names)


def repair(
    lab: str | None = None, *, wait: bool = True, timeout: float = 60.0, progress: Progress | None = None
) -> Repair:
    """Put back what nodes lost that died or were restarted: links, addresses, routes, processes. A whole lab stays.

    wait, timeout: as in `deploy`. Raises InputError for a timeout that is none, LabError where a lab cannot be
    repaired: those of the netns runtime.
    """
    from netlab.lab.repair import repair as run

    return run(lab, progress or LogProgress(), timeout=timeout, wait=wait)


def restart(
    node: str,
    lab: str | None = None,
    *,
    wait: bool = True,
    timeout: float = 60.0,
    progress: Progress | None = None,
) -> Repair:
    """Restart a node, which comes back whole. Raises InputError for an unknown node, LabError as `repair`."""
    from netlab.lab.repair import restart as run

    return run(node, lab, progress or LogProgress(), timeout=timeout, wait=wait)


def inspect(lab: str | None = None) -> tuple[LabReport, ...]:
    """What labs look like now: state, nodes, addresses, BGP sessions, VIPs. Of every lab, or of one.

    Raises LabError where there is no lab of that name, HostError for a folder that is not this user's.
    """
    from netlab.lab import selection
    from netlab.lab.inspect import inspect as look

    return tuple(look(name) for name in selection.to_inspect(lab))


def ecmp_check(lab: Lab | str | None = None, **options: Unpack[CheckKeywords]) -> Verdict:
    """Measure over which next hops new connections really go. docs/ecmp-check.md explains every number.

    lab: as `lab()` takes it. options: `routers`, `vip`, `flows`, `seed`, `timeout`, `expect`, `evidence`, as
    `CheckKeywords` says.

    Raises InputError for a router, VIP, number or word that makes no sense, LabError for a lab that does not run or
    has nothing to check.
    """
    from netlab.ecmp.check import run
    from netlab.lab import state

    ready = check_options(options)
    return run(state.choose(lab._record if isinstance(lab, Lab) else lab), ready)


def judge(evidence: str | Path | Evidence, *, expect: Expect | str | None = None) -> Verdict:
    """The verdict on evidence, from the file that `ecmp_check` saved: the same on any machine.

    Raises InputError for what is no evidence file.
    """
    from netlab.ecmp.check import judge_file
    from netlab.ecmp.judge import judge as decide

    if isinstance(evidence, str | Path):
        return judge_file(Path(evidence), expectation(expect))
    return decide(evidence, expect=expectation(expect))


def logs(
    node: str, process: str | None = None, *, tail: int | None = None, lab: str | None = None
) -> Iterator[tuple[str, str]]:
    """(process, line) of everything that a node's processes printed, in a dead lab too; of each the last `tail` lines.

    Raises InputError for an unknown node or process, or a `tail` that is no number of lines, LabError where there is
    no such lab.
    """
    from netlab.lab.logs import logs as read

    return read(node, process, lab, tail)


def follow(
    node: str,
    process: str | None = None,
    *,
    is_over: Callable[[], bool],
    tail: int | None = None,
    lab: str | None = None,
) -> Iterator[tuple[str, str]]:
    """The same, and then each new line as it comes, until the lab ends or `is_over`, asked ten times a second, says so.

    Raises as `logs`.
    """
    from netlab.lab.logs import follow as read

    return read(node, process, lab, tail, is_over)


def schema() -> dict[str, Any]:
    """The JSON Schema of topology files."""
    from netlab.kinds.schema import document

    return document()


def config(node: str, *, file: str | Path | None = None, lab: str | None = None, with_source: bool = False) -> str:
    """A router's generated configuration, of a lab or, without deploying, of a topology file.

    with_source: comments say before each line what it was made from, where the node's kind keeps a record of that.

    Raises InputError for an unknown node, LabError for a node without a routing daemon, TopologyError for the file.
    """
    from netlab.lab.commands import configuration

    return configuration(node, None if file is None else Path(file), lab, with_source)


def attach(
    node: str, argv: tuple[str, ...], *, lab: str | None = None, environment: dict[str, str], of_daemon: bool = False
) -> int:
    """Run a command in a node with this process's own standard streams, as `netlab exec` does; its exit code.

    of_daemon: the command is the command line of a routing daemon, and an InputError where the node runs another.

    For a program with one thread that has nothing to do but that: it leaves SIGINT and SIGTERM to the command.
    Everybody else wants `Lab.exec`. Raises InputError for an unknown node, LabError for a lab that does not run.
    """
    from netlab.lab.commands import execute

    return execute(node, argv, lab, environment, of_daemon=of_daemon)


def kubectl(argv: tuple[str, ...], *, lab: str | None = None, cluster: str | None = None) -> int:
    """Run kubectl against a lab's cluster with this process's own standard streams; its exit code.

    For a program that has nothing else to do, as with `attach`. cluster: which one, where the lab has several.

    Raises LabError for a lab without a cluster, InputError for an unknown one, HostError where there is no kubectl.
    """
    from netlab.lab.kubectl import run

    return run(argv, lab, cluster)


def doctor(runtime: str = USUAL) -> tuple[HostFinding, ...]:
    """What this host has and lacks for a runtime, netns or docker. Changes nothing.

    `finding.mend` is the command that mends a lack. Raises InputError for an unknown runtime."""
    from netlab.lab.doctor import examine

    return examine(runtime)
