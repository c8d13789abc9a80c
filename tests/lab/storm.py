"""What a kill storm is made of: operations with their phases, victims, and a lab that must not notice anything."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from hoststate import Process, descendants
from netlab_program import Netlab

STEPS = {
    "deploy": ("building", "wiring", "starting daemons", "waiting for"),
    "reconfigure": ("destroying", "building", "wiring", "starting daemons", "waiting for"),
    "ecmp-check": (),
    "destroy": ("destroying",),
}
"""The progress that each operation reports, and so its phases: the first one goes from its start to the first line."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP)
VICTIMS = ("netlab", "init", "node", "bgpd", "agent")
_ENDS_WITHIN = 40.0
_APPEARS_WITHIN = 0.5


@dataclass(frozen=True)
class Moment:
    """When to strike: `delay` seconds into a phase, counted from 0."""

    operation: str
    phase: int
    delay: float
    victim: str
    signal: signal.Signals

    def __str__(self) -> str:
        step = STEPS[self.operation][self.phase - 1] if self.phase else "start"
        return f"{self.operation}, {self.delay:.3f} s after '{step}': {self.signal.name} to {self.victim}"


def moments(seed: int, lengths: dict[str, list[float]]) -> list[Moment]:
    """Every phase of every operation with every victim, netlab with every signal, in a random order; twice for
    netlab's SIGKILL. `lengths` are the seconds that each phase takes."""
    draw = random.Random(seed)
    found = []
    for operation, steps in STEPS.items():
        for phase in range(len(steps) + 1):
            blows = [("netlab", signal.SIGKILL), ("netlab", draw.choice(SIGNALS[1:]))]
            # In its first phase deploy has no lab yet. destroy starts no agent.
            if operation in ("ecmp-check", "destroy") or phase >= 1:
                agent = ["agent"] if operation != "destroy" and steps[phase - 1 : phase] != ("destroying",) else []
                blows += [(victim, signal.SIGKILL) for victim in ("init", draw.choice(["node", "bgpd"]), *agent)]
            if operation == "ecmp-check":  # a single phase, the longest
                blows *= 2
            for victim, number in blows:
                found.append(Moment(operation, phase, draw.uniform(0, lengths[operation][phase]), victim, number))
    draw.shuffle(found)
    return found


class Operation:
    """A netlab command under way, whose progress is read as it comes."""

    def __init__(self, netlab: Netlab, *arguments: object) -> None:
        self.started = time.monotonic()
        self._process = netlab.start(*arguments)
        self.pid = self._process.pid
        self.stderr = ""
        assert self._process.stderr is not None
        self._stream = self._process.stderr.fileno()

    def await_phase(self, steps: tuple[str, ...], phase: int) -> bool:
        """Wait until a phase begins; False where the operation ended before."""
        while phase and f"s  {steps[phase - 1]}" not in self.stderr:
            if not select.select([self._stream], [], [], _ENDS_WITHIN)[0]:
                raise AssertionError(f"no progress for {_ENDS_WITHIN} s: {self.stderr}")
            data = os.read(self._stream, 1 << 16)
            if not data:
                return False
            self.stderr += data.decode()
        return True

    def end(self) -> int:
        """Wait for its end; its exit code."""
        _, rest = self._process.communicate(timeout=_ENDS_WITHIN)
        self.stderr += rest
        return self._process.returncode

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


def phase_lengths(netlab: Netlab, steps: tuple[str, ...], *arguments: object) -> list[float]:
    """Seconds of each phase of an operation that nobody disturbs."""
    operation = Operation(netlab, *arguments)
    marks = [operation.started]
    for phase in range(1, len(steps) + 1):
        assert operation.await_phase(steps, phase), operation.stderr
        marks.append(time.monotonic())
    assert operation.end() == 0, operation.stderr
    marks.append(time.monotonic())
    return [after - before for before, after in pairwise(marks)]


def strike(netlab: Netlab, lab: str, operation: Operation, moment: Moment) -> bool:
    """Wait for the moment and send the signal; False where there was nobody to receive it."""
    if not operation.await_phase(STEPS[moment.operation], moment.phase):
        return False
    time.sleep(moment.delay)
    deadline = time.monotonic() + _APPEARS_WITHIN
    while (victim := _find(netlab, lab, operation, moment.victim)) is None:
        if not operation.running or time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    try:
        os.kill(victim, moment.signal)
    except ProcessLookupError:
        return False
    if moment.signal is signal.SIGSTOP:
        time.sleep(0.2)
        os.kill(victim, signal.SIGCONT if moment.delay * 1000 % 2 < 1 else signal.SIGKILL)
    return True


def _find(netlab: Netlab, lab: str, operation: Operation, victim: str) -> int | None:
    if victim == "netlab":
        return operation.pid if operation.running else None
    processes = descendants()
    if victim == "agent":
        of_operation = [p for p in processes.values() if operation.pid in _ancestors(p, processes)]
        return next((p.pid for p in of_operation if "netlab/agent/__main__.py" in p.command and p.inner_pids), None)
    init = next((p for p in processes.values() if _is_init(p, netlab, lab)), None)
    if init is None:
        return None
    inside = [p for p in processes.values() if init.pid in _ancestors(p, processes)]
    if victim == "init":
        return init.pid
    if victim == "node":
        return next((p.pid for p in inside if len(p.inner_pids) == 2 and p.inner_pids[1] == 1), None)
    return next((p.pid for p in inside if p.command.startswith("/usr/lib/frr/bgpd")), None)


def _is_init(process: Process, netlab: Netlab, lab: str) -> bool:
    return process.inner_pids == (1,) and f'"{netlab.state(lab)}"' in process.command


def _ancestors(process: Process, processes: dict[int, Process]) -> set[int]:
    found = set()
    while process.parent in processes and process.parent not in found:
        found.add(process.parent)
        process = processes[process.parent]
    return found | {process.parent}


class Witness:
    """A lab that runs all the while, and what it looked like at first."""

    def __init__(self, netlab: Netlab, lab: str) -> None:
        self._netlab, self._lab = netlab, lab
        self._processes = self.processes()
        assert len(self._processes) > 15

    def processes(self) -> frozenset[tuple[int, str]]:
        """Its processes' pids and start times."""
        found = descendants()
        init = next(p for p in found.values() if _is_init(p, self._netlab, self._lab))
        inside = [p for p in found.values() if p is init or init.pid in _ancestors(p, found)]
        # What `exec` and an agent run there comes and goes: they are nobody's children in the lab.
        return frozenset((p.pid, _start(p.pid)) for p in inside)

    def is_untouched(self) -> None:
        """Cheap: every process is the one that it was."""
        assert self.processes() == self._processes

    def works(self) -> None:
        """Thorough: sessions, routes, and an answer through the router."""
        self.is_untouched()
        shown = self._netlab("inspect", "--lab", self._lab, "--format", "json")
        (lab,) = json.loads(shown.stdout)["labs"]
        router = next(node for node in lab["nodes"] if node["name"] == "rt-1")
        assert [session["state"] for session in router["sessions"]] == ["Established"] * 3
        assert len(lab["vips"][0]["next_hops"]) == 3
        get = "import urllib.request; print(urllib.request.urlopen('http://172.16.7.192/', timeout=5).read())"
        assert "nginx-" in self._netlab("exec", "--lab", self._lab, "host-1", "--", "python3", "-c", get).stdout

    def sessions_never_dropped(self) -> None:
        """Every session is as old as the lab."""
        shown = self._netlab("vtysh", "--lab", self._lab, "rt-1", "-c", "show bgp ipv4 unicast summary json")
        peers = json.loads(shown.stdout)["peers"].values()
        assert [(peer["connectionsEstablished"], peer["connectionsDropped"]) for peer in peers] == [(1, 0)] * 3


def _start(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]


def state_of(netlab: Netlab, lab: str) -> str | None:
    """As inspect has it; None where there is no such lab."""
    if not netlab.state(lab).exists():
        return None
    done = netlab("inspect", "--lab", lab, "--format", "json")
    if done.returncode == 3 and f"there is no lab {lab}" in done.stderr:
        return None  # it went meanwhile
    assert done.returncode == 0, done
    return str(json.loads(done.stdout)["labs"][0]["state"])
