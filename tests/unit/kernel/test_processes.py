import os
import subprocess
import sys

from netlab.kernel import processes


def test_a_process_is_known_by_its_start_time() -> None:
    started = processes.start_time(os.getpid())
    assert started is not None
    assert processes.is_running(os.getpid(), started)
    assert not processes.is_running(os.getpid(), started - 1)


def test_a_zombie_is_dead() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert processes.start_time(child) is None
    os.waitpid(child, 0)
    assert processes.start_time(child) is None


def test_only_the_very_process_is_killed() -> None:
    victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    started = processes.start_time(victim.pid)
    assert started is not None
    assert processes.kill_and_wait(victim.pid, started - 1, 5)
    assert victim.poll() is None
    assert processes.kill_and_wait(victim.pid, started, 5)
    assert victim.wait(5) == -9
    assert victim.stdin is not None
    victim.stdin.close()
    assert processes.kill_and_wait(victim.pid, started, 5)


def test_children_of_the_same_pid_namespace_are_no_machines() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert processes.children_by_inner_pid(os.getpid()) == {}
    os.waitpid(child, 0)
