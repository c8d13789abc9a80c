"""The builder's side: a lab under construction, that is gone unless it is committed."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import netlab
from netlab.kernel import processes
from netlab.model.errors import HostError, LabError
from netlab.model.lab import LabMachine
from netlab.model.plan import LabPlan, NodePlan
from netlab.runtime import starting
from netlab.runtime.netns import agents, identity, needs, own_rootfs, requests
from netlab.statefolder import lock

if TYPE_CHECKING:
    from netlab.agent.client import AgentClient
    from netlab.runtime.netns.messages import LabAnswer, LaunchRequest, Request

_STEP_TIMEOUT = 30.0
_PACKAGE = Path(netlab.__file__).parent
_BARE_INTERPRETER = ("-I", "-S")


class Build:
    """A lab that is being built. Leaving the block without `commit` leaves nothing of it."""

    def __init__(self, plan: LabPlan, directory: Path) -> None:
        self._plan = plan
        self._directory = directory
        self._init_pid = 0
        self._node_pids: dict[str, int] = {}
        """Machine to the pid of its init in the lab's PID namespace."""
        self._agent: AgentClient | None = None
        self._committed = False
        self._taken = False
        """The folder is another lab's or gone: nothing here to clean up."""
        self._buffer = b""
        _refuse_containers(plan)
        needs.refuse_old_kernel(plan)
        _check_programs(plan)
        self._control, theirs = socket.socketpair()
        with theirs:
            self._launcher = self._start_launcher(theirs)

    def _start_launcher(self, stream: socket.socket) -> subprocess.Popen[bytes]:
        maps = identity.id_maps()
        wanted: LaunchRequest = {"directory": str(self._directory), "uid_map": maps.uid, "gid_map": maps.gid}
        argv = [sys.executable, *_BARE_INTERPRETER, str(_PACKAGE / "runtime/netns/launch.py"), json.dumps(wanted)]
        try:
            return subprocess.Popen(argv, stdin=stream.fileno(), stdout=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            raise HostError(f"cannot start {sys.executable}: {error.strerror}") from None

    @property
    def agent(self) -> AgentClient:
        """The lab's agent."""
        if self._agent is None:
            raise LabError("the lab has no agent before it is launched")
        return self._agent

    @property
    def has_nodes(self) -> bool:
        """Whether the machines exist."""
        return bool(self._node_pids)

    @property
    def committed(self) -> bool:
        """Whether the lab lives on without this block."""
        return self._committed

    @property
    def fresh(self) -> frozenset[str]:
        """The machines that this build has made: all of them."""
        return frozenset(self._node_pids)

    @property
    def engine_url(self) -> str:
        """No engine runs them."""
        return ""

    def __enter__(self) -> Build:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._agent:
            self._agent.close()
        if not self._committed and not self._taken:
            self._abandon()
        self._control.close()

    def launch(self) -> None:
        """Wait for the lab's init and start the agent. LabError where the lab exists already, HostError where the
        host refuses."""
        try:
            answer = self._receive()
        except HostError:
            self._taken = True  # the launcher has removed what it had made
            raise
        self._launcher.wait(_STEP_TIMEOUT)
        if "running" in answer:
            self._taken = True
            raise LabError(
                f"lab {self._plan.name} exists already: 'netlab destroy --lab {self._plan.name}' removes it, "
                "'netlab deploy --reconfigure' replaces it"
            )
        self._init_pid = answer["init"]
        self._agent = agents.start(self._init_pid, wiring=True)

    def meet(self) -> frozenset[str]:
        """None: every machine of this runtime is the lab's own."""
        return frozenset()

    def make_nodes(self) -> None:
        """Give every machine its namespaces and files."""
        self._send(requests.nodes(self._plan, _kept_visible(self._plan)))
        self._node_pids = self._receive()["nodes"]
        self.agent.hello(self._node_pids)

    def start_processes(self, timeout: float) -> None:
        """Start the machines' processes and wait until they are ready; side by side as far as `start_after` allows."""
        for wave in starting.waves(self._plan):
            self._start_wave(tuple(node for node in wave if requests.starts_something(node)), timeout)

    def _start_wave(self, wave: tuple[NodePlan, ...], timeout: float) -> None:
        self._send({"op": "start", "nodes": {node.name: starting.request(node, timeout) for node in wave}})
        for _ in wave:
            answer = self._receive(timeout + _STEP_TIMEOUT)
            if "failed" in answer:
                raise starting.failure(self._plan.node(answer["failed"]), answer)

    def record(self) -> tuple[LabMachine, tuple[LabMachine, ...]]:
        """The lab's init and its machines as they run. LabError where one of them is dead already."""
        by_lab_pid = processes.children_by_inner_pid(self._init_pid)
        found = ((name, by_lab_pid.get(lab_pid, 0), lab_pid) for name, lab_pid in self._node_pids.items())
        nodes = tuple(LabMachine(name, pid, processes.start_time(pid) or 0, lab_pid) for name, pid, lab_pid in found)
        init = LabMachine("", self._init_pid, processes.start_time(self._init_pid) or 0, 1)
        dead = [node.name for node in nodes if not node.started]
        if dead or not init.started:
            raise LabError(f"the init of {dead[0] if dead else 'the lab'} died while the lab was being built")
        return init, nodes

    def commit(self) -> None:
        """From here on the lab lives without its builder."""
        self._send({"op": "commit"})
        self._receive()
        self._committed = True

    def hold(self) -> None:
        """The lab is complete, and lives until this block or the process ends, however it ends."""
        self._send({"op": "hold"})
        self._receive()

    def _abandon(self) -> None:
        """End the init, which removes the lab's folder; if it was killed meanwhile, remove the folder here."""
        try:
            self._control.shutdown(socket.SHUT_RDWR)  # a child that the caller forked may hold a copy
        except OSError:
            pass  # the init is gone
        self._control.close()
        try:
            self._launcher.wait(_STEP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        if self._init_pid:
            started = processes.start_time(self._init_pid)
            if started is not None:
                _wait_until_gone(self._init_pid, started)
            _remove(self._directory)
        elif not (self._directory / "lab.json").exists():
            # The launcher was killed in its first milliseconds. A folder with a record is another lab's.
            _remove(self._directory)

    def _send(self, message: Request) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise LabError("the lab's init died while the lab was being built") from None

    def _receive(self, timeout: float = _STEP_TIMEOUT) -> LabAnswer:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._control], [], [], left)[0]:
                raise LabError(f"the lab's init gave no answer within {timeout:.0f} s")
            data = self._control.recv(1 << 16)
            if not data:
                raise LabError("the lab's init died while the lab was being built")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: LabAnswer = json.loads(line)
        if "error" in answer:
            raise needs.explained(HostError(answer["error"], answer.get("remedy")))
        return answer


def _wait_until_gone(pid: int, started: int) -> None:
    """The init leaves by itself when its socket ends; after a second it is helped."""
    deadline = time.monotonic() + 1
    while processes.is_running(pid, started) and time.monotonic() < deadline:
        time.sleep(0.005)
    processes.kill_and_wait(pid, started, 10)


def _remove(directory: Path) -> None:
    """Remove what is left of an init that was killed. Where another netlab lives in the folder, it is not touched."""
    try:
        lock.remove_folder(directory, 0)
    except OSError as error:
        raise HostError(f"cannot remove {error.filename}: {error.strerror}", f"remove {directory}") from None


def _refuse_containers(plan: LabPlan) -> None:
    """HostError where a node is somebody else's container: there is no engine here that could find it."""
    found = [node.name for node in plan.nodes if node.container.existing]
    if found:
        raise HostError(
            f"{', '.join(found)}: an existing container cannot be part of a lab of namespaces",
            "deploy with --runtime docker",
        )


def _check_programs(plan: LabPlan) -> None:
    """Machines see the host's programs, or their own root's: what is not there is said before anything is made."""
    for node in plan.nodes:
        if node.rootfs is not None:
            own_rootfs.check(node.name, node.rootfs, _programs(node))
            continue
        for process in node.processes:
            program = process.argv[0]
            if any(f"{program}/".startswith(f"{bind.target}/") for bind in node.binds):
                continue
            if program.startswith("/") and not process.if_present and not os.access(program, os.X_OK):
                raise needs.missing_program(node.name, program)


def _programs(node: NodePlan) -> tuple[str, ...]:
    """What a machine with a root file system of its own runs, a shell for the user first."""
    bound = tuple(f"{bind.target}/" for bind in node.binds)
    planned = (process.argv[0] for process in node.processes if not process.if_present)
    return (own_rootfs.SHELL, *(p for p in planned if p.startswith("/") and not f"{p}/".startswith(bound)))


def _kept_visible(plan: LabPlan) -> list[str]:
    """netlab's own files and the topology's folder, which a node's private folders would otherwise hide."""
    paths = {str(_PACKAGE.parent), sys.prefix, sys.base_prefix, os.path.dirname(plan.topology_file)}
    return sorted(path for path in paths if os.path.isdir(path))
