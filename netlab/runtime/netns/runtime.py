"""The netns runtime as the lab package uses it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import netlab
from netlab.model.errors import LabError
from netlab.model.lab import Lab, LabNode
from netlab.runtime.netns import enter, processes
from netlab.runtime.netns.nodeinit import base_environment

if TYPE_CHECKING:  # `netlab exec` needs neither, and they take as long to import as it may take in all
    from netlab.agent.client import AgentClient
    from netlab.model.plan import LabPlan
    from netlab.runtime.netns.build import Build

_AGENT = Path(netlab.__file__).parent / "agent" / "__main__.py"
_DESTROY_TIMEOUT = 30.0


def build(plan: LabPlan, directory: Path) -> Build:
    """Start building a lab whose state folder is `directory`."""
    from netlab.runtime.netns.build import Build

    return Build(plan, directory)


def start_agent(init_pid: int, nodes: dict[str, int], *, wiring: bool = False) -> AgentClient:
    """An agent inside the lab whose init is `init_pid`. `nodes`: machine to pid in the lab's PID namespace.

    `wiring`: it will wire, so it may load what that takes while the machines are made.
    """
    from netlab.agent.client import AgentClient

    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    command = enter.Command(
        argv=(sys.executable, "-s", "-P", str(_AGENT), *(("--wiring",) if wiring else ())),
        environment=environment,
        files={0: in_read, 1: out_write},
        own_session=True,
        all_capabilities=True,
    )
    try:
        enter.spawn(init_pid, command)
    except OSError as error:
        raise LabError(f"the lab cannot be entered: {error.strerror}") from None
    finally:
        os.close(in_read)
        os.close(out_write)
    client = AgentClient(os.fdopen(in_write, "wb"), os.fdopen(out_read, "rb"))
    if nodes:
        client.hello(nodes)
    return client


def agent(lab: Lab) -> AgentClient:
    """An agent for a running lab."""
    return start_agent(lab.init.pid, {node.name: node.lab_pid for node in lab.nodes})


def built_nodes(made: Build) -> tuple[LabNode, tuple[LabNode, ...]]:
    """The lab's init and its machines as they run."""
    by_lab_pid = processes.children_by_inner_pid(made.init_pid)
    nodes = tuple(
        LabNode(name, by_lab_pid.get(lab_pid, 0), processes.start_time(by_lab_pid.get(lab_pid, 0)) or 0, lab_pid)
        for name, lab_pid in made.node_pids.items()
    )
    init = LabNode("", made.init_pid, processes.start_time(made.init_pid) or 0, 1)
    dead = [node.name for node in nodes if not node.started]
    if dead or not init.started:
        raise LabError(f"the init of {dead[0] if dead else 'the lab'} died while the lab was being built")
    return init, nodes


def execute(node: LabNode, argv: tuple[str, ...], environment: dict[str, str]) -> int:
    """Run a command in a machine with this process's standard streams; its exit code."""
    if not processes.is_running(node.pid, node.started):
        raise LabError(f"{node.name} is dead: its init does not run any more")
    pid = enter.spawn(node.pid, enter.Command(argv, base_environment(node.name, environment), folder="/root"))
    # A terminal's Ctrl-C goes to the command too, and the command decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def destroy(lab: Lab) -> None:
    """End every process of the lab; the kernel removes its namespaces and links."""
    if not processes.kill_and_wait(lab.init.pid, lab.init.started, _DESTROY_TIMEOUT):
        raise LabError(f"lab {lab.name}: its init (pid {lab.init.pid}) did not end within {_DESTROY_TIMEOUT:.0f} s")


def is_alive(lab: Lab) -> bool:
    """Whether the lab's init runs."""
    return processes.is_running(lab.init.pid, lab.init.started)
