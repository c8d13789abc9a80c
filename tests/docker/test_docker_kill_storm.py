"""netlab is killed and interrupted at random moments: what it had begun goes by itself, or with `destroy`.

The moments are drawn from a seed that is printed; `pytest --storm-seed N` draws the same ones again.
"""

import os
import random
import secrets
import signal
import time
from collections.abc import Callable

import pytest
from engine import Engine
from holdings import Holdings
from hoststate import descendants
from labs import NAME, NODES, ROUTED, container
from netlab_program import Netlab, Running, Topology, python_was_interrupted

pytestmark = pytest.mark.shares_nothing

ROUNDS = 2 if os.geteuid() == 0 else 4
"""Of a deploy. What a user's has beside root's is the helper container; root's storm has the other operations too."""
_GONE_WITHIN = 30.0
"""Seconds for the guard to remove a half-built lab: it asks the engine until that has nothing more of it."""
BLOWS = ("netlab", "netlab and its guard", "the guard", "Ctrl-C")
OPERATIONS = {
    "deploy": ("deploy",),
    "reconfigure": ("deploy", "--reconfigure"),
    "repair": ("repair",),
    "restart": ("restart", "rt-1"),
    "destroy": ("destroy",),
}


@pytest.fixture
def seed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> int:
    """The storm's seed: a new one for every run, unless one is given. Printed, whatever comes."""
    given = request.config.getoption("--storm-seed", default=None)
    seed = secrets.randbits(32) if given is None else int(given)
    with capsys.disabled():
        print(f"[--storm-seed {seed}]", end=" ", flush=True)
    return seed


@pytest.fixture
def operations(netlab: Netlab, topology: Topology, engine: Engine) -> Callable[[str], Running]:
    """Each operation by its name: what comes before it, and its command line."""
    file = topology(ROUTED)

    def begin(name: str) -> Running:
        if name != "deploy" and not netlab.state(NAME).exists():
            assert netlab("deploy", file).returncode == 0
        if name == "repair":
            engine("kill", container("rt-1"), container("lan"))
        return netlab.start(*OPERATIONS[name], *([file] if "deploy" in OPERATIONS[name] else []))

    return begin


# The helper container, which a user's operations have beside root's, is the same in all of them.
@pytest.mark.parametrize(
    "operation",
    [pytest.param(name, marks=[] if name == "deploy" else pytest.mark.same_for_every_user) for name in OPERATIONS],
)
def test_whoever_is_killed_at_whatever_moment_destroy_leaves_nothing(
    netlab: Netlab, operations: Callable[[str], Running], holdings: Holdings, seed: int, operation: str
) -> None:
    draw = random.Random(f"{seed} {operation}")
    length = duration(operations(operation))
    netlab("destroy", "--all")
    moments = [(blow, draw.uniform(0, length)) for blow in BLOWS for _ in range(ROUNDS if operation == "deploy" else 1)]
    draw.shuffle(moments)

    for blow, seconds in moments:
        moment = f"{operation}, {seconds:.3f} s after its start: {blow}"
        running = operations(operation)
        time.sleep(seconds)
        strike(running, blow)
        _, stderr = running.communicate(timeout=90)
        print(f"{moment}: exit code {running.returncode}")
        if blow != "Ctrl-C" or not python_was_interrupted(running.returncode, stderr):
            assert "Traceback" not in stderr, (moment, stderr)
            assert running.returncode in ENDS[blow], (moment, running.returncode, stderr)

        if operation == "deploy" and "guard" not in blow and running.returncode != 0:
            gone(netlab, moment, at_once=blow == "Ctrl-C")
        netlab("destroy", "--lab", NAME)
        assert holdings.changes() == [], moment


ENDS = {
    # By the signal, or before it came; 3 where another part had been killed.
    "netlab": {-signal.SIGKILL, 0},
    "netlab and its guard": {-signal.SIGKILL, 0},
    "the guard": {0},
    "Ctrl-C": {130, -signal.SIGINT, 0},
}


def duration(running: Running) -> float:
    """Seconds that an operation takes that nobody disturbs."""
    start = time.monotonic()
    _, stderr = running.communicate(timeout=90)
    assert running.returncode == 0, stderr
    return time.monotonic() - start


def strike(running: Running, blow: str) -> None:
    """Kill or interrupt; what has ended already is no error."""
    guards = [process.pid for process in descendants().values() if "docker/guard.py" in process.command]
    victims = {
        "netlab": [running.pid],
        "netlab and its guard": [running.pid, *guards],
        "the guard": guards,
        "Ctrl-C": [-running.pid],
    }[blow]
    for pid in victims:
        number = signal.SIGINT if blow == "Ctrl-C" else signal.SIGKILL
        try:
            os.killpg(-pid, number) if pid < 0 else os.kill(pid, number)
        except ProcessLookupError:
            pass


def gone(netlab: Netlab, moment: str, *, at_once: bool) -> None:
    """Nothing of the lab is left, although nobody destroyed it; a whole lab may be there that was complete before.

    Of Ctrl-C too: netlab may have been printing its result. That none is left of one that is waited for is shown below.
    """
    deadline = time.monotonic() + (0 if at_once else _GONE_WITHIN)
    while (left := netlab.files()) and "state/netlab/faulty/lab.json" not in left:
        assert time.monotonic() < deadline, (moment, left)
        time.sleep(0.1)
    if left:
        assert netlab("inspect", "--lab", NAME).returncode == 0
        assert len(NODES) == netlab("inspect", "--format", "json").stdout.count('"alive": true'), moment


LONELY = """
    name: faulty
    topology:
      nodes:
        rt-1: {kind: frr, bgp: {asn: 64512, neighbors: [{address: 10.0.0.2, asn: 64513}]}}
        host-1: {kind: linux}
        host-2: {kind: linux}
      links: [{endpoints: ["rt-1:eth1", "host-1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}]
"""
"""A lab that is waited for: nobody answers its router."""


@pytest.mark.parametrize("step", ["building", "wiring", "starting daemons", "waiting for"])
@pytest.mark.parametrize("delay", [0.0, pytest.param(0.2, marks=pytest.mark.same_for_every_user)])
def test_ctrl_c_leaves_nothing(netlab: Netlab, topology: Topology, holdings: Holdings, step: str, delay: float) -> None:
    deploying = netlab.start("deploy", topology(LONELY))
    for line in deploying.stderr:
        if f"s  {step}" in line:
            break
    time.sleep(delay)

    os.killpg(deploying.pid, signal.SIGINT)

    _, stderr = deploying.communicate(timeout=60)
    assert deploying.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "netlab: interrupted"
    assert "Traceback" not in stderr
    assert netlab.files() == []
    assert holdings.changes() == []
