"""Signals at random moments, to netlab and to what it made: nothing is left, and no other lab notices.

The moments are drawn from a seed that is printed; `pytest --storm-seed N` draws the same ones again.
"""

import os
import secrets
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hoststate import HostState
from netlab_program import TOPOLOGIES, Netlab, Topology, python_was_interrupted
from storm import STEPS, Moment, Operation, Witness, moments, phase_lengths, state_of, strike

pytestmark = pytest.mark.netns

LAB = "ecmp"
MOMENTS = 60 if os.geteuid() == 0 else 30
"""Root's storm has every phase with every victim. A user's, which differs in what netlab may do alone, is a random half
of that."""
GONE_WITHIN = 5.0
"""Seconds for a half-built lab to go once its builder is gone."""
TINY = "name: ecmp\ntopology:\n  nodes:\n    host-1: {kind: linux}\n"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The storm's seed: a new one for every run, unless one is given."""
    given = request.config.getoption("--storm-seed", default=None)
    return secrets.randbits(32) if given is None else int(given)


@pytest.fixture
def witness(netlab: Netlab, topology: Topology) -> Witness:
    """A lab of the same shape that runs all the while."""
    file = topology((TOPOLOGIES / "ecmp.yaml").read_text().replace("name: ecmp", "name: witness"), name="witness.yaml")
    assert netlab("deploy", file).returncode == 0
    return Witness(netlab, "witness")


ARGUMENTS = {
    "deploy": ("deploy", TOPOLOGIES / "ecmp.yaml"),
    "reconfigure": ("deploy", "--reconfigure", TOPOLOGIES / "ecmp.yaml"),
    "ecmp-check": ("ecmp-check", "--lab", LAB, "--flows", 200),
    "destroy": ("destroy", "--lab", LAB),
}


def test_a_storm_of_signals_leaves_nothing_and_no_other_lab_notices(
    netlab: Netlab, topology: Topology, witness: Witness, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = topology(TINY, name="tiny.yaml")
    host, files = HostState.now(), netlab.files()
    lengths = {
        name: phase_lengths(netlab, STEPS[name], *ARGUMENTS[name]) for name in ARGUMENTS if name != "reconfigure"
    }
    assert netlab("deploy", tiny).returncode == 0
    lengths["reconfigure"] = phase_lengths(netlab, STEPS["reconfigure"], *ARGUMENTS["reconfigure"])
    assert netlab("destroy", "--lab", LAB).returncode == 0
    whole_round = moments(seed, lengths)
    if os.geteuid() != 0:
        whole_round = whole_round[::2]
    # Where a victim was gone already, a moment of a second round takes the place.
    drawn = whole_round + moments(seed + 1, lengths)
    patience = 5 + sum(lengths["deploy"])
    with capsys.disabled():
        print(f"[--storm-seed {seed}, {len(whole_round)} moments]", end=" ", flush=True)

    hits = 0
    for number, moment in enumerate(drawn):
        if number >= len(whole_round) and hits >= MOMENTS:
            break
        try:
            hits += any(hit(netlab, tiny, replace(moment, delay=moment.delay / part), patience) for part in (1, 2, 4))
            assert netlab.files() == files
            assert host.changes() == []
            witness.is_untouched()
            if moment.operation == "deploy":  # the others begin with a lab of that name, which shows it too
                assert netlab("deploy", tiny).returncode == 0, "the next lab of that name"
                assert netlab("destroy", "--lab", LAB).returncode == 0
            if number % 20 == 0:
                witness.works()
        except BaseException as error:
            error.add_note(f"moment {number} of --storm-seed {seed}: {moment}")
            raise

    assert hits >= MOMENTS
    witness.works()
    witness.sessions_never_dropped()


def hit(netlab: Netlab, tiny: Path, moment: Moment, patience: float) -> bool:
    """Bring about the moment, judge what came of it, and destroy what there is. False where it struck nobody.

    `patience` are the seconds that a deploy waits for a router whose bgpd was killed.
    """
    if moment.operation != "deploy":
        whole = {"reconfigure": (tiny,), "destroy": ("--no-wait", TOPOLOGIES / "ecmp.yaml")}
        done = netlab("deploy", *whole.get(moment.operation, (TOPOLOGIES / "ecmp.yaml",)))
        assert done.returncode == 0, done
    limit = ("--timeout", patience) if moment.operation in ("deploy", "reconfigure") else ()
    operation = Operation(netlab, *ARGUMENTS[moment.operation], *limit)

    struck = strike(netlab, LAB, operation, moment)

    code = operation.end()
    print(f"{moment}: {'exit code ' + str(code) if struck else 'nobody was there'}")
    if struck:
        ended_as_designed(moment, code, operation.stderr)
    left = settled(netlab)
    if struck:
        left_as_designed(netlab, moment, code, left)
    if left is not None:
        assert netlab("destroy", "--lab", LAB).returncode == 0
    return struck


def ended_as_designed(moment: Moment, code: int, stderr: str) -> None:
    """The exit code, and one line that says why."""
    if moment.signal is signal.SIGINT and moment.victim == "netlab" and python_was_interrupted(code, stderr):
        return
    assert "Traceback" not in stderr, stderr
    said = [line for line in stderr.splitlines() if line.startswith("netlab: ")]
    number = moment.signal
    if moment.victim == "netlab" and number is signal.SIGSTOP:
        allowed = {0, -signal.SIGKILL}
    elif moment.victim == "netlab":
        # By the signal itself before netlab has begun to listen, and as if nothing were once all is done: a process
        # that is just leaving keeps its exit code.
        allowed = {-number, 0} if number is signal.SIGKILL else {128 + number, -number, 0}
    elif moment.operation == "destroy":
        allowed = {0}
    elif moment.operation == "ecmp-check":
        allowed = {0, 1, 3}
    else:
        allowed = {0, 3} if moment.victim in ("init", "agent") else {0, 1, 3}
    assert code in allowed, (code, stderr)
    if code == 3:
        assert len(said) == 1, stderr
    if code == 128 + number:
        assert said == ["netlab: interrupted"], stderr


def settled(netlab: Netlab) -> str | None:
    """What inspect says of the lab once all that is half-built had time to go."""
    deadline = time.monotonic() + GONE_WITHIN
    while (state := state_of(netlab, LAB)) == "unfinished" and time.monotonic() < deadline:
        time.sleep(0.05)
    return state


def left_as_designed(netlab: Netlab, moment: Moment, code: int, state: str | None) -> None:
    """A lab is whole, dead and said to be so, or not there."""
    removing = moment.operation in ("destroy", "reconfigure")
    if moment.victim == "netlab" and removing:  # stopped while it removed the folder
        assert state in (None, "running", "dead", "unfinished")
    elif code in (3, 128 + moment.signal) and moment.operation == "deploy":
        assert state is None
    else:
        assert state in (None, "running", "dead")
    if state == "dead":
        refused = netlab("exec", "--lab", LAB, "host-1", "--", "true")
        assert refused.returncode == 125
        assert refused.stderr == f"netlab: lab {LAB} is dead: 'netlab destroy --lab {LAB}' removes what is left of it\n"
        assert netlab("ecmp-check", "--lab", LAB).returncode == 3
    if state == "running" and moment.victim == "netlab":
        assert netlab("exec", "--lab", LAB, "host-1", "--", "true").returncode == 0
