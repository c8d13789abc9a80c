"""What nodes print can be followed while it comes."""

import os
import signal

import pytest
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.shares_nothing

TALKERS = """
    name: talkers
    topology:
      nodes:
        a: {kind: linux, exec: ["sh -c 'for i in 1 2 3 4 5; do echo line $i; done'"]}
        b: {kind: linux}
      links: [{endpoints: ["a:eth1", "b:eth1"]}]
"""


@pytest.fixture
def talkers(netlab: Netlab, topology: Topology) -> Netlab:
    assert netlab("deploy", topology(TALKERS)).returncode == 0
    return netlab


def write(netlab: Netlab, process: str, text: str) -> None:
    """As a process of node a, whose output the lab keeps."""
    with (netlab.state("talkers") / "logs" / "a" / f"{process}.log").open("a") as log:
        log.write(text)


@pytest.mark.front_end
def test_the_last_lines_alone(talkers: Netlab) -> None:
    assert talkers("logs", "a", "--tail", 2).stdout == "exec: line 4\nexec: line 5\n"
    assert talkers("logs", "a", "-n", 0).stdout == ""
    assert talkers("logs", "a", "--process", "exec", "--tail", 99).stdout.count("\n") == 5


def test_new_lines_of_every_process_come_whole_until_ctrl_c(talkers: Netlab) -> None:
    running = talkers.start("logs", "a", "-f", "--tail", 1)
    assert running.stdout.readline() == "exec: line 5\n"

    write(talkers, "exec", "a piece ")
    write(talkers, "later", "from a process that started later\n")
    assert running.stdout.readline() == "later: from a process that started later\n"
    write(talkers, "exec", "and its end\n")
    assert running.stdout.readline() == "exec: a piece and its end\n"

    os.killpg(running.pid, signal.SIGINT)
    assert running.communicate(timeout=10) == ("", "")
    assert running.returncode == 0


@pytest.mark.front_end
def test_one_process_alone(talkers: Netlab) -> None:
    running = talkers.start("logs", "a", "--process", "exec", "--follow", "--tail", 1)
    assert running.stdout.readline() == "line 5\n"
    write(talkers, "later", "not this\n")
    write(talkers, "exec", "this\n")
    assert running.stdout.readline() == "this\n"
    os.killpg(running.pid, signal.SIGTERM)
    assert running.wait(timeout=10) == 0


@pytest.mark.parametrize("end", [["destroy"], ["deploy", "--reconfigure"]])
def test_the_labs_end_is_told(talkers: Netlab, topology: Topology, end: list[str]) -> None:
    running = talkers.start("logs", "a", "-f")
    for number in range(1, 6):
        assert running.stdout.readline() == f"exec: line {number}\n"
    write(talkers, "exec", "last words without a line's end")

    assert talkers(*end, topology(TALKERS)).returncode == 0

    said, progress = running.communicate(timeout=10)
    assert (said, progress) == ("exec: last words without a line's end\n", "netlab: the lab has ended\n")
    assert running.returncode == 0


@pytest.mark.front_end
def test_a_reader_that_goes_ends_it_though_nothing_more_comes(talkers: Netlab) -> None:
    running = talkers.start("logs", "a", "-f")
    assert running.stdout.readline() == "exec: line 1\n"
    running.stdout.close()
    assert running.wait(timeout=10) == 0
    assert running.stderr.read() == ""


@pytest.mark.front_end
def test_an_unknown_process_is_told_at_once(talkers: Netlab) -> None:
    done = talkers("logs", "a", "-f", "--process", "bgpd")
    assert done.returncode == 2
    assert done.stderr == "netlab: a has no process bgpd (there is exec)\n"
