import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netlab.runtime.inside import starter
from netlab.runtime.netns import labinit, making, nodeinit

PYTHON = (sys.executable, "-I", "-S", "-c")


def process(name: str, script: str = "", **changes: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "name": name,
        "argv": [*PYTHON, script],
        "after": [],
        "sockets": [],
        "port": None,
        "oneshot": True,
        "if_present": False,
        "refuse_output": None,
    }
    return {**wanted, **changes}


@pytest.fixture
def start(tmp_path: Path) -> Any:
    logs = os.open(tmp_path, os.O_RDONLY)

    def run(*processes: dict[str, Any], commands: tuple[list[str], ...] = (), timeout: float = 5.0) -> dict[str, Any]:
        request = {"env": {}, "processes": list(processes), "exec": list(commands), "timeout": timeout}
        return starter.Starter("rt-1", request, lambda name: nodeinit._open_log(logs, name)).run()

    yield run
    os.close(logs)


def test_nothing_to_start(start: Any) -> None:
    assert start() == {"started": "rt-1"}


def test_nothing_to_start_and_no_time_left(start: Any) -> None:
    assert start(timeout=0.0) == {"started": "rt-1"}


def test_processes_start_after_what_they_need(start: Any, tmp_path: Path) -> None:
    mark = f"open({str(tmp_path / 'mark')!r}, 'x')"
    check = f"import os, sys; sys.exit(not os.path.exists({str(tmp_path / 'mark')!r}))"
    assert start(process("second", check, after=["first"]), process("first", mark)) == {"started": "rt-1"}


def test_a_oneshot_that_fails_is_reported_with_its_output(start: Any) -> None:
    failed = start(process("load", "import sys; print('line 3: bad'); sys.exit(2)"))
    assert failed == {
        "failed": "rt-1",
        "process": "load",
        "message": "ended with exit code 2",
        "output": "line 3: bad\n",
    }


def test_a_daemon_that_dies_before_it_is_ready_is_reported_by_its_signal(start: Any) -> None:
    script = "import os; os.kill(os.getpid(), 11)"
    failed = start(process("zebra", script, oneshot=False, sockets=["/nowhere.vty"]))
    assert failed["message"] == "ended with signal 11"


def test_a_daemon_that_never_gets_ready_is_late(start: Any) -> None:
    failed = start(process("bgpd", "import time; time.sleep(1)", oneshot=False, sockets=["/no.vty"]), timeout=0.05)
    assert (failed["process"], failed["message"]) == ("bgpd", "was not ready in time")


def test_what_failed_first_is_what_is_said(start: Any) -> None:
    failed = start(process("a", "raise SystemExit(3)"), process("b", after=["a"]), timeout=0.5)
    assert (failed["process"], failed["message"]) == ("a", "ended with exit code 3")


def test_a_daemon_is_ready_once_its_socket_listens(start: Any, tmp_path: Path) -> None:
    path = str(tmp_path.resolve() / "x.vty")
    script = f"import socket, time; s = socket.socket(1); s.bind({path!r}); s.listen(); time.sleep(0.5)"
    assert start(process("zebra", script, oneshot=False, sockets=[path])) == {"started": "rt-1"}


def test_output_that_means_failure_though_the_exit_code_is_0(start: Any) -> None:
    loud = process("load", "print('% Unknown command: foo')", refuse_output="^% Unknown")
    assert start(loud)["process"] == "load"
    assert start(process("fine", "print('all well')", refuse_output="^% Unknown")) == {"started": "rt-1"}


def test_a_oneshot_that_found_a_lock_is_run_again_with_a_new_log(start: Any, tmp_path: Path) -> None:
    tries = str(tmp_path / "tries")
    script = f"open({tries!r}, 'a').write('x'); print(['free', 'locked'][len(open({tries!r}).read()) < 3])"
    assert start(process("load", script, retry_output="^locked")) == {"started": "rt-1"}
    assert Path(tries).read_text() == "xxx"
    assert (tmp_path / "load.log").read_text() == "free\n"
    failed = start(process("always", "print('locked')", retry_output="^locked"), timeout=0.2)
    assert (failed["process"], failed["message"]) == ("always", "was not ready in time")


def test_a_program_that_is_not_there(start: Any) -> None:
    absent = process("mgmtd", argv=["/usr/lib/frr/no-such-daemon"])
    assert start({**absent, "if_present": True}, process("zebra", after=["mgmtd"])) == {"started": "rt-1"}
    failed = start(absent)
    assert failed["message"] == "ended with exit code 127"
    assert failed["output"] == "/usr/lib/frr/no-such-daemon: No such file or directory\n"


def test_a_daemon_whose_program_is_not_there_is_not_taken_for_ready(start: Any) -> None:
    failed = start(process("web", argv=["no-such-program"], oneshot=False))
    assert (failed["failed"], failed["process"]) == ("rt-1", "web")
    assert failed["message"] == "ended with exit code 127"
    assert failed["output"] == "no-such-program: No such file or directory\n"


def test_a_command_that_is_done_before_it_was_looked_at_has_not_failed(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter.Starter, "_find_ready", lambda self: None)
    assert start(process("cmd", "print('here I am')", oneshot=False)) == {"started": "rt-1"}
    failed = start(process("web", oneshot=False, port=80))
    assert (failed["process"], failed["message"]) == ("web", "ended with exit code 0")


def test_commands_run_in_turn_and_the_first_failure_ends_them(start: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "out")
    append = [*PYTHON, f"open({path!r}, 'a').write('x')"]
    failed = start(commands=(append, [*PYTHON, "raise SystemExit('no route')"], append))
    assert failed["message"] == "ended with exit code 1"
    assert failed["output"] == "no route\n"
    assert Path(path).read_text() == "x"


def test_a_command_that_does_not_end_in_time(start: Any) -> None:
    failed = start(commands=([*PYTHON, "import time; time.sleep(1)"],), timeout=0.05)
    assert failed["message"] == "did not end in time"


def test_nothing_of_the_host_is_in_the_environment(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    script = "import os; raise SystemExit(sorted(os.environ) != ['HOME', 'HOSTNAME', 'LANG', 'PATH', 'TERM'])"
    assert start(process("look", script)) == {"started": "rt-1"}


def test_a_node_whose_init_dies_is_named_and_its_lab_goes_on(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    init = labinit.LabInit(theirs, str(tmp_path), -1)
    mine, its = socket.socketpair()
    init._nodes["h1"] = mine
    its.close()
    init._start({"h1": {"env": {}}})
    assert json.loads(ours.recv(4096)) == {"error": "h1: its init died"}
    for end in (ours, theirs, mine):
        end.close()


def test_the_end_of_the_builder_is_seen_while_nodes_are_waited_for() -> None:
    ours, theirs = socket.socketpair()
    mine, its = socket.socketpair()
    ours.close()
    with pytest.raises(making.BuilderGone):
        next(making.answers(theirs, {"h1": mine}))
    for end in (theirs, mine, its):
        end.close()


def test_nothing_is_imported_once_a_node_has_its_root(tmp_path: Path) -> None:
    """With a root file system of its own, the node's init cannot see the host's Python any more."""
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(nodeinit.__file__).parents[3])!r})
import netlab.runtime.inside.starter as starter
import netlab.runtime.netns.nodeinit as nodeinit
import signal
import socket
before = set(sys.modules)
one = dict(name="one", argv=["sh", "-c", "echo out"], after=[], sockets=[], port=None, oneshot=True, if_present=False,
           refuse_output="^no")
two = dict(one, name="two", argv=["sh", "-c", "exec sleep 1"], oneshot=False, port=1)
logs = os.open({str(tmp_path)!r}, os.O_RDONLY)
mine, its = socket.socketpair()
for processes, timeout in ([one, two], 0.3), ([one], 3):
    request = dict(env={{}}, processes=processes, exec=[["true"], ["no-such-program"]], timeout=timeout)
    its.sendall(nodeinit.json.dumps(request).encode() + b"\\n")
    nodeinit._start("rt-1", mine.fileno(), logs)
starter._listening_sockets()
print(its.recv(4096).decode(), sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    first, second, imported = done.stdout.splitlines()
    assert "two was not ready" in first or '"process": "two"' in first, done
    assert "no-such-program" in second, done
    assert imported == " []"


def test_a_command_that_ends_a_daemon_finds_nothing_left_of_it(start: Any, tmp_path: Path) -> None:
    """FRR's scripts wait until kill -0 fails, which it does not while nobody has reaped the daemon."""
    path = str(tmp_path.resolve() / "x.vty")
    script = f"import os, socket, time; s = socket.socket(1); s.bind({path!r}); s.listen()"
    script += f"; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    ended = f"read pid < {tmp_path}/pid; kill $pid; while kill -0 $pid; do sleep 0.01; done"
    answer = start(process("zebra", script, oneshot=False, sockets=[path]), commands=(["sh", "-c", ended],))
    assert answer == {"started": "rt-1"}


def test_a_fork_keeps_its_streams_and_what_it_is_told_alone() -> None:
    """Every node is forked from a process that has the other nodes' sockets open."""
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(nodeinit.__file__).parents[3])!r})
from netlab.runtime.netns import making
opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(10)]
making._close_all_but(opened[7], -1, opened[3])
there = [number for number in range(100) if os.path.exists(f"/proc/self/fd/{{number}}")]
print(there == [0, 1, 2, opened[3], opened[7]])
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done


def test_the_longer_nothing_is_ready_the_less_often_is_looked(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred routers may start side by side on two processors."""
    waits: list[float] = []
    ends = starter.signal.sigtimedwait

    def noted(signals: set[signal.Signals], seconds: float) -> Any:
        waits.append(seconds)
        return ends(signals, seconds)

    monkeypatch.setattr(starter.signal, "sigtimedwait", noted)
    failed = start(process("bgpd", "import time; time.sleep(5)", oneshot=False, sockets=["/no.vty"]), timeout=0.7)
    assert failed["message"] == "was not ready in time"
    assert waits == sorted(waits)
    assert waits[-1] <= starter._LONGEST_POLL_SECONDS
    assert len(waits) < 0.7 / starter._POLL_SECONDS / 2


def test_the_end_of_a_process_is_seen_at_once(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "_POLL_SECONDS", 60.0)
    monkeypatch.setattr(starter, "_LONGEST_POLL_SECONDS", 60.0)
    assert start(process("load", "import time; time.sleep(0.2)"), commands=(["sleep", "0.2"],)) == {"started": "rt-1"}
    assert signal.SIGCHLD not in signal.pthread_sigmask(signal.SIG_BLOCK, ()), "the caller's mask is as it was"
