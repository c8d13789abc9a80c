"""The netns runtime as the packages above use it: the functions of netlab.runtime.base.Runtime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.kernel import processes
from netlab.model.errors import LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.runtime.inside.starter import base_environment
from netlab.runtime.netns import enter
from netlab.runtime.netns.entry import RUNTIME
from netlab.statefolder import lock

if TYPE_CHECKING:  # `netlab exec` needs none of them, and they take as long to import as it may take in all
    from collections.abc import Iterator

    from netlab.agent.client import AgentClient
    from netlab.agent.pcap.session import CaptureSession
    from netlab.model.host import HostFinding
    from netlab.model.plan import LabPlan, NodePlan
    from netlab.runtime.base import Build, Finished, Invocation

traits = RUNTIME.traits
_DESTROY_TIMEOUT = 30.0
_FOR_GOOD = (
    "runs on the netns runtime, where a node that has died is gone for good, its links with it: "
    "'netlab deploy --reconfigure FILE' builds the lab anew"
)


def build(plan: LabPlan, directory: Path, lab: LabRecord | None = None) -> Build:
    """Start building a lab whose state folder will be `directory`. LabError for one that is to be repaired."""
    from netlab.runtime.netns.build import Build

    if lab is not None:
        raise LabError(f"lab {lab.name} {_FOR_GOOD}")
    return Build(plan, directory)


def try_out(node: NodePlan, argv: tuple[str, ...], text: str) -> str:
    """The output of `argv FILE` by the machine's own program, before the machine exists, where FILE holds `text`."""
    from netlab import daemons
    from netlab.runtime.netns import config_check

    daemon = daemons.running_in(node)
    return config_check.run(node.rootfs, argv, text, daemon.package if daemon else None)


def agent(lab: LabRecord) -> AgentClient:
    """An agent for a running lab."""
    from netlab.runtime.netns import agents

    client = agents.start(lab.init.pid)
    try:
        client.hello({node.name: node.lab_pid for node in lab.nodes})
    except BaseException:
        client.close()
        raise
    return client


def execute(lab: LabRecord, node: LabMachine, argv: tuple[str, ...], environment: dict[str, str]) -> int:  # noqa: ARG001
    """Run a command in a machine with this process's standard streams; its exit code."""
    if not processes.is_running(node.pid, node.started):
        raise LabError(f"{node.name} is dead: its init does not run any more")
    pid = enter.spawn(node.pid, enter.Command(argv, base_environment(node.name, environment), folder="/root"))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(lab: LabRecord, node: LabMachine, invocation: Invocation) -> Finished:  # noqa: ARG001
    """Run a command in a machine and keep its output."""
    from netlab.runtime.netns import commands

    if not processes.is_running(node.pid, node.started):
        raise LabError(f"{node.name} is dead: its init does not run any more")
    environment = base_environment(node.name, invocation.environment)
    command = enter.Command(invocation.argv, environment, folder="/root", own_session=True)
    return commands.run(node.pid, command, invocation.data, invocation.timeout)


def capturer(lab: LabRecord, output: int) -> CaptureSession:
    """A capturer for a running lab, that writes packets to the descriptor `output`."""
    from netlab.runtime.netns import agents

    return agents.start_capturer(lab.init.pid, output)


def printed(lab: LabRecord, node: LabMachine, tail: int | None) -> Iterator[str]:  # noqa: ARG001
    """Nothing: what a machine's processes print is in their logs."""
    return iter(())


def restarted(lab: LabRecord) -> frozenset[str]:  # noqa: ARG001
    """None: a machine that has died stays dead."""
    return frozenset()


def is_alive(lab: LabRecord) -> bool:
    """Whether the lab's init lives: it holds the lock of the state folder as long as it does."""
    return lock.is_held(Path(lab.directory))


def restart(lab: LabRecord, node: LabMachine, timeout: float) -> None:  # noqa: ARG001
    """LabError: a node cannot be started again."""
    raise LabError(f"lab {lab.name} {_FOR_GOOD}")


def running(lab: LabRecord) -> frozenset[str]:
    """The names of the lab's machines that run."""
    return frozenset(node.name for node in lab.nodes if processes.is_running(node.pid, node.started))


def needs() -> tuple[HostFinding, ...]:
    """What it needs of this host, met or not. Changes nothing."""
    from netlab.runtime.netns import needs, sample_lab

    return needs.examine(sample_lab.trial())


def destroy(lab: LabRecord) -> None:
    """End every process of the lab; the kernel removes its namespaces and links."""
    if not processes.kill_and_wait(lab.init.pid, lab.init.started, _DESTROY_TIMEOUT):
        raise LabError(f"lab {lab.name}: its init (pid {lab.init.pid}) did not end within {_DESTROY_TIMEOUT:.0f} s")


def sweep(lab: str, directory: Path) -> bool:  # noqa: ARG001
    """False: nothing of a lab outlives its init but its folder."""
    return False
