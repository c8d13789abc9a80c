"""The builder's side: a lab under construction, that is gone unless it is committed."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import netlab
from netlab.model.errors import HostError, LabError
from netlab.model.plan import LabPlan, NodePlan, ProcessPlan
from netlab.runtime.netns import identity, processes

_STEP_TIMEOUT = 30.0
_PACKAGE = Path(netlab.__file__).parent
_BARE_INTERPRETER = ("-I", "-S")


class Build:
    """A lab that is being built. Leaving the block without `commit` leaves nothing of it."""

    def __init__(self, plan: LabPlan, directory: Path) -> None:
        self._plan = plan
        self.directory = directory
        self.init_pid = 0
        self.node_pids: dict[str, int] = {}
        """Machine to the pid of its init in the lab's PID namespace."""
        self._committed = False
        self._buffer = b""
        self._control, theirs = socket.socketpair()
        maps = identity.id_maps()
        request = json.dumps({"directory": str(directory), "uid_map": maps.uid, "gid_map": maps.gid})
        argv = [sys.executable, *_BARE_INTERPRETER, str(_PACKAGE / "runtime/netns/launch.py"), request]
        self._launcher = subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()

    def __enter__(self) -> Build:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._committed:
            self.abandon()
        self._control.close()

    def launched(self) -> None:
        """Wait for the lab's init. LabError where the lab exists already, HostError where the host refuses."""
        answer = self._receive()
        self._launcher.wait()
        if "running" in answer:
            self._committed = True  # the folder is another lab's: nothing here to clean up
            raise LabError(
                f"lab {self._plan.name} exists already: 'netlab destroy --lab {self._plan.name}' removes it, "
                "'netlab deploy --reconfigure' replaces it"
            )
        self.init_pid = answer["init"]

    def make_nodes(self) -> None:
        """Give every machine its namespaces and files."""
        writable = list(dict.fromkeys(b.source for n in self._plan.nodes for b in n.binds if not b.read_only))
        nodes = [_node_request(node, writable) for node in self._plan.nodes]
        self._send({"op": "nodes", "nodes": nodes, "keep": _kept_visible(self._plan), "writable": writable})
        self.node_pids = self._receive()["nodes"]

    def start_processes(self, timeout: float) -> None:
        """Start the machines' processes and wait until they are ready; side by side as far as `start_after` allows."""
        waiting = {node.name: node for node in self._plan.nodes}
        ready: set[str] = set()
        while waiting:
            wave = [node for node in waiting.values() if ready.issuperset(node.start_after)]
            if not wave:
                raise LabError(f"{', '.join(waiting)}: each would have to start after another")
            self._start_wave(wave, timeout)
            for node in wave:
                del waiting[node.name]
                ready.add(node.name)

    def _start_wave(self, wave: list[NodePlan], timeout: float) -> None:
        self._send({"op": "start", "nodes": {node.name: _start_request(node, timeout) for node in wave}})
        for _ in wave:
            answer = self._receive(timeout + _STEP_TIMEOUT)
            if "failed" in answer:
                output = f": {_last_lines(answer['output'])}" if answer["output"].strip() else ""
                raise LabError(f"{answer['failed']}: {answer['process']} {answer['message']}{output}")

    def commit(self) -> None:
        """From here on the lab lives without its builder."""
        self._send({"op": "commit"})
        self._receive()
        self._committed = True

    def abandon(self) -> None:
        """End the init, which removes the lab's folder; if it was killed meanwhile, remove the folder here."""
        self._control.close()
        self._launcher.wait()
        if self.init_pid:
            started = processes.start_time(self.init_pid)
            if started is not None:
                _wait_until_gone(self.init_pid, started)
        _remove_folder(self.directory)

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            raise LabError("the lab's init died while the lab was being built") from None

    def _receive(self, timeout: float = _STEP_TIMEOUT) -> dict[str, Any]:
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
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise HostError(answer["error"], answer.get("remedy"))
        return answer


def _wait_until_gone(pid: int, started: int) -> None:
    """The init leaves by itself when its socket ends; after a second it is helped."""
    deadline = time.monotonic() + 1
    while processes.is_running(pid, started) and time.monotonic() < deadline:
        time.sleep(0.005)
    processes.kill_and_wait(pid, started, 10)


def _remove_folder(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    try:
        directory.parent.rmdir()
    except OSError:
        pass  # other labs live there


def _node_request(node: NodePlan, writable: list[str]) -> dict[str, Any]:
    files = [{"path": file.path, "content": file.content, "mode": file.mode} for file in node.files]
    files.append({"path": "/etc/hostname", "content": f"{node.name}\n", "mode": 0o644})
    if node.routing or any("frr" in process.argv[0] for process in node.processes):
        files.append({"path": "/etc/group", "content": identity.groups_with_root_in_frr(), "mode": 0o644})
    binds = [
        {
            "source": bind.source,
            "target": bind.target,
            "writable": None if bind.read_only else writable.index(bind.source),
        }
        for bind in node.binds
    ]
    return {"name": node.name, "files": files, "binds": binds}


def _start_request(node: NodePlan, timeout: float) -> dict[str, Any]:
    return {
        "env": dict(node.env),
        "processes": [_process_request(process) for process in node.processes],
        "exec": [list(command) for command in node.exec],
        "timeout": timeout,
    }


def _process_request(process: ProcessPlan) -> dict[str, Any]:
    return {
        "name": process.name,
        "argv": process.argv,
        "after": process.after,
        "sockets": process.sockets,
        "port": process.port,
        "oneshot": process.oneshot,
        "if_present": process.if_present,
        "capabilities": process.capabilities,
        "refuse_output": process.refuse_output,
    }


def _kept_visible(plan: LabPlan) -> list[str]:
    """netlab's own files and the topology's folder, which a node's private folders would otherwise hide."""
    paths = {str(_PACKAGE.parent), sys.prefix, sys.base_prefix, os.path.dirname(plan.topology_file)}
    return sorted(path for path in paths if os.path.isdir(path))


def _last_lines(output: str) -> str:
    return " / ".join(line.strip() for line in output.strip().splitlines()[-4:])
