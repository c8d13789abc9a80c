"""The docker runtime as the packages above use it: the functions of netlab.runtime.base.Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.kernel import processes
from netlab.model.errors import LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.runtime.docker import engine
from netlab.runtime.docker.entry import RUNTIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from netlab.agent.client import AgentClient
    from netlab.agent.pcap.session import CaptureSession
    from netlab.model.host import HostFinding
    from netlab.model.plan import LabPlan, NodePlan
    from netlab.runtime.base import Build, Finished, Invocation

traits = RUNTIME.traits


def build(plan: LabPlan, directory: Path, lab: LabRecord | None = None) -> Build:
    """Start building a lab whose state folder will be `directory`, or repairing the one that is there."""
    from netlab.runtime.docker.build import Build

    return Build(plan, directory, lab)


def try_out(node: NodePlan, argv: tuple[str, ...], text: str) -> str:
    """The output of `argv FILE` by the machine's own program, before the machine exists, where FILE holds `text`."""
    from netlab.runtime.docker import config_check

    return config_check.run(node, argv, text)


def agent(lab: LabRecord) -> AgentClient:
    """An agent for a running lab. It knows the machines that run as they were recorded."""
    from pathlib import Path

    from netlab.runtime.docker.agents import Agents

    made = Agents(lab.engine, lab.name, Path(lab.directory)).start()
    try:
        made.hello({node.name: node.pid for node in lab.nodes if processes.is_running(node.pid, node.started)})
    except BaseException:
        made.close()
        raise
    return made


def execute(lab: LabRecord, node: LabMachine, argv: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run a command in a machine with this process's standard streams; its exit code."""
    from netlab.runtime.docker import commands

    _must_run(lab, node)
    return commands.attach(lab.engine, node, argv, environment)


def run(lab: LabRecord, node: LabMachine, invocation: Invocation) -> Finished:
    """Run a command in a machine and keep its output."""
    from netlab.runtime.docker import commands

    _must_run(lab, node)
    with engine.connected(lab.engine) as client:
        return commands.run(client, node, invocation)


def _must_run(lab: LabRecord, node: LabMachine) -> None:
    engine.refuse_closed(lab.engine)  # containers live on without an engine that was killed
    if processes.is_running(node.pid, node.started):
        return
    from netlab.runtime.docker import containers

    with engine.connected(lab.engine) as client:
        runs = containers.pid_of(client, node.container) != 0
    if not runs:
        raise LabError(f"{node.name} is dead: its container does not run; 'netlab restart {node.name}' starts it")


def capturer(lab: LabRecord, output: int) -> CaptureSession:
    """A capturer for a running lab, that writes packets to the descriptor `output`."""
    from pathlib import Path

    from netlab.runtime.docker.agents import Agents

    return Agents(lab.engine, lab.name, Path(lab.directory)).start_capturer(output)


def printed(lab: LabRecord, node: LabMachine, tail: int | None) -> Iterator[str]:
    """The lines that the container's own first process printed, the last `tail` of them."""
    from netlab.runtime.docker import containers

    with engine.connected(lab.engine) as client:
        yield from containers.printed(client, node.container, tail)


def running(lab: LabRecord) -> frozenset[str]:
    """The names of the lab's machines that run."""
    return frozenset(node.name for node in lab.nodes if processes.is_running(node.pid, node.started))


def restarted(lab: LabRecord) -> frozenset[str]:
    """The names of the machines whose containers run, but not as they were recorded: they have lost their links."""
    others = {node.name for node in lab.nodes} - running(lab)
    if not others:
        return frozenset()
    from netlab.runtime.docker import containers

    with engine.connected(lab.engine) as client:
        return frozenset(name for name in others if containers.pid_of(client, lab.node(name).container))


def is_alive(lab: LabRecord) -> bool:
    """Whether any of its containers runs, as it was recorded or restarted."""
    if running(lab):
        return True
    from netlab.runtime.docker import containers

    with engine.connected(lab.engine) as client:
        return any(found.running for found in containers.of_lab(client, lab.name, lab.directory))


def restart(lab: LabRecord, node: LabMachine, timeout: float) -> None:
    """End a machine's container as `docker stop` does, within `timeout` seconds, and start it; without its links."""
    with engine.connected(lab.engine) as client, engine.refusals(f"{node.name}: cannot restart its container"):
        client.restart(node.container, timeout=int(timeout))


def needs() -> tuple[HostFinding, ...]:
    """What it needs of this host, met or not. Changes nothing."""
    from netlab.runtime.docker import needs

    return needs.examine()


def destroy(lab: LabRecord) -> None:
    """Remove every container of the lab; its namespaces and links go with them."""
    from netlab.runtime.docker import containers

    with engine.connected(lab.engine) as client:
        containers.remove_lab(client, lab.name, lab.directory)


def sweep(lab: str, directory: Path) -> bool:
    """Remove what there is of a lab of that name that has no record: half built, or its record was lost."""
    from netlab.runtime.docker import containers

    with engine.connected() as client:
        return containers.remove_lab(client, lab, directory)
