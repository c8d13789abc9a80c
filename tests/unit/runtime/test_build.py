import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netlab.daemons.frr import running
from netlab.model.errors import HostError, InputError, LabError
from netlab.model.plan import BindPlan, FilePlan, LabPlan, NodePlan, ProcessPlan, Role, UserFile
from netlab.plan import plan_file
from netlab.runtime import starting
from netlab.runtime.choice import by_name
from netlab.runtime.netns import agents, build, enter, labinit, requests
from netlab.runtime.netns.build import Build

HOST = NodePlan("h1", "linux", Role.HOST, "h1", "Linux")
PLAN = LabPlan("lab", "/nowhere/lab.yaml", "netns", (HOST,), ())


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    """A build whose launcher prints the given lines and ends."""

    def make(*lines: dict[str, object]) -> Build:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        launcher = tmp_path / "runtime" / "netns" / "launch.py"
        launcher.parent.mkdir(parents=True, exist_ok=True)
        launcher.write_text(f"import os; os.write(0, {text.encode()!r})")
        monkeypatch.setattr(build, "_PACKAGE", tmp_path)
        return Build(PLAN, tmp_path / "state" / "netlab" / "lab")

    return make


def test_runtimes_by_name() -> None:
    assert by_name("netns").traits.name == "netns"
    assert by_name("docker").traits.name == "docker"
    with pytest.raises(InputError, match=r"^runtime podman: no such runtime"):
        by_name("podman")


def test_a_lab_that_exists_already_is_never_removed(answering, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "state" / "netlab" / "lab"
    (other / "logs").mkdir(parents=True)
    with pytest.raises(LabError, match="lab lab exists already"), answering({"running": True}) as made:
        made.launch()
    assert (other / "logs").exists()


def test_an_interrupt_before_the_answer_removes_nothing_of_another_lab(answering, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    other = tmp_path / "state" / "netlab" / "lab"
    other.mkdir(parents=True)
    (other / "lab.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt), answering({"running": True}):
        raise KeyboardInterrupt
    assert (other / "lab.json").exists()


def test_what_a_killed_launcher_left_is_removed(answering, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    left = tmp_path / "state" / "netlab" / "lab"
    left.mkdir(parents=True)
    (left / "lock").touch()
    with pytest.raises(LabError, match="died while the lab was being built"), answering() as made:
        made.launch()
    assert not left.parent.exists()


def test_a_refusal_of_the_host_carries_its_remedy(answering) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(HostError) as refused, answering({"error": "no user namespace", "remedy": "use sudo"}) as made:
        made.launch()
    assert refused.value.lines() == ("no user namespace (to mend it: use sudo)",)


def test_an_init_that_says_nothing_is_not_waited_for_for_ever(answering, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    ours, theirs = socket.socketpair()
    with answering({"running": True}) as made:
        made._control.close()
        made._control = ours
        with pytest.raises(LabError, match="gave no answer within 0 s"):
            made._receive(0.01)
    theirs.close()


def test_a_program_that_the_host_lacks_is_said_before_anything_is_made(tmp_path: Path) -> None:
    zebra = ProcessPlan("zebra", ("/usr/lib/frr/no-such-zebra",))
    plan = replace(PLAN, nodes=(replace(HOST, name="rt-1", processes=(zebra,)),))
    with pytest.raises(HostError) as refused:
        Build(plan, tmp_path / "lab")
    assert refused.value.lines() == (
        "rt-1 needs FRR: there is no /usr/lib/frr/no-such-zebra (to mend it: sudo apt-get install frr)",
    )
    optional = replace(plan.nodes[0], processes=(replace(zebra, if_present=True),))
    build._check_programs(replace(plan, nodes=(optional,)))


def test_a_host_without_bird_is_told_which_package_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_file(Path(__file__).parents[3] / "topologies" / "three-routers.yaml")
    monkeypatch.setattr(os, "access", lambda path, mode: path != "/usr/sbin/bird")
    with pytest.raises(HostError) as refused:
        build._check_programs(plan)
    assert refused.value.exit_code == 3
    assert refused.value.lines() == (
        "rt-bird needs BIRD (kind bird): there is no /usr/sbin/bird (to mend it: sudo apt-get install bird2)",
    )


def test_a_python_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    with pytest.raises(HostError, match="cannot start /nowhere/python3: No such file"):
        Build(PLAN, tmp_path / "lab")


def test_machines_that_wait_for_each_other_are_an_error(answering) -> None:  # type: ignore[no-untyped-def]
    nodes = (replace(HOST, name="a", start_after=("b",)), replace(HOST, name="b", start_after=("a",)))
    with answering({"running": True}) as made:
        made._taken = True
        made._plan = replace(PLAN, nodes=nodes)
        with pytest.raises(LabError, match="a, b: each would have to start after another"):
            made.start_processes(1)


def requested(*nodes: NodePlan) -> list[dict[str, Any]]:
    """What the lab's init is asked to make of machines, as it reads that."""
    return labinit._completed(json.loads(json.dumps(requests.nodes(replace(PLAN, nodes=nodes), []))))


def test_binds_name_the_writable_paths_by_number() -> None:
    binds = (BindPlan("/data", "/a", False), BindPlan("/etc", "/b", True), BindPlan("/logs", "/c", False))
    (made,) = requested(replace(HOST, binds=binds))
    assert [bind["writable"] for bind in made["binds"]] == [0, None, 1]
    assert requests.nodes(replace(PLAN, nodes=(replace(HOST, binds=binds),)), [])["writable"] == ["/data", "/logs"]


def test_what_machines_have_in_common_is_sent_once() -> None:
    hosts = FilePlan("/etc/hosts", "10.0.0.1 h1\n10.0.0.2 h2\n")
    nodes = [replace(HOST, name=name, files=(hosts,)) for name in ("h1", "h2")]
    assert json.dumps(requests.nodes(replace(PLAN, nodes=tuple(nodes)), [])).count("10.0.0.2 h2") == 1
    for node, made in zip(nodes, requested(*nodes), strict=True):
        texts = {file["path"]: file["content"] for file in made["files"]}
        assert texts == {"/etc/hosts": hosts.content.encode(), "/etc/hostname": f"{node.name}\n".encode()}


def test_only_a_machine_with_processes_or_commands_is_asked_to_start_any() -> None:
    daemon = replace(HOST, name="h2", processes=(ProcessPlan("cmd", ("sleep", "1")),))
    told = replace(HOST, name="h3", exec=(("true",),))
    assert [made["starts"] for made in requested(HOST, daemon, told)] == [False, True, True]


def test_a_running_process_can_be_entered_by_nobody_without_its_namespaces() -> None:
    with pytest.raises(FileNotFoundError):
        enter.spawn(2**22 + 1, enter.Command(("true",), {}))
    with pytest.raises(LabError, match="the lab cannot be entered: No such file"):
        agents.start(2**22 + 1)


def test_how_an_agent_ended() -> None:
    for code in (127, 0):
        assert agents._end_of(subprocess.Popen(["sh", "-c", f"exit {code}"])) == code
    with subprocess.Popen(["sleep", "60"]) as lasting:
        assert agents._end_of(lasting) is None
        assert agents._end_of(lasting) == -signal.SIGKILL


def test_a_mistake_in_a_users_file_is_named_by_file_line_and_column() -> None:
    pattern = r"bird: .*?:(?P<line>\d+):(?P<column>\d+) (?P<message>.*)"
    check = ProcessPlan("bird-check", ("/usr/sbin/bird", "-p"), oneshot=True, checks=UserFile("labs/rt.conf", pattern))
    node = NodePlan("rt-1", "bird", Role.ROUTER, "rt-1", "BIRD", processes=(check,))
    answer = {"failed": "rt-1", "process": "bird-check", "message": "ended with exit code 1", "output": ""}
    for output, expected in (
        (
            "bird: /etc/bird/bird.conf:7:54 syntax error, unexpected ';'\n",
            "labs/rt.conf:7:54: syntax error, unexpected ';'",
        ),
        (
            "bird: /etc/bird/bird.conf:1:0 syntax error, unexpected END\n",
            "labs/rt.conf:1:1: syntax error, unexpected END",
        ),
    ):
        error = starting.failure(node, {**answer, "output": output})
        assert (error.exit_code, error.lines()) == (2, (expected,))
    other = starting.failure(node, {**answer, "output": "Segmentation fault"})
    assert (other.exit_code, str(other)) == (3, "rt-1: bird-check ended with exit code 1: Segmentation fault")


def test_a_refused_line_is_the_users_own_with_what_the_daemon_said() -> None:
    load = running.router_processes(("zebra", "bgpd"), "labs/rt-1.conf")[-1]
    router = replace(HOST, processes=(load,))
    failed = {"failed": "h1", "process": load.name, "message": "ended with exit code 13"}
    of_8_4 = (
        "BGP is already running; AS is 64512\nline 7: Failure to communicate[13] to bgpd, line: router bgp 64513 \n\n"
        "% [ZEBRA] Unknown command: XFRR_end_configuration\n"
        "Configuration file[/etc/frr/frr.conf] processing failure: 13\n"
    )
    of_10_3 = (
        "[17|zebra] sending configuration\nWaiting for children to finish applying config...\n"
        "MGMTD: No changes found to be committed!\n"
        "BGP instance name and AS number mismatch\nBGP instance is already running; AS is 64512\n"
        "line 7: Failure to communicate[13] to bgpd, line: router bgp 64513 \n\n"
        "line 8: Warning[4]...: early exit from config file\n"
        "[23|bgpd] Configuration file[/etc/frr/frr.conf] processing failure: 13\n"
    )
    for output, why in (
        (of_8_4, "BGP is already running; AS is 64512"),
        (of_10_3, "BGP instance name and AS number mismatch; BGP instance is already running; AS is 64512"),
    ):
        error = starting.failure(router, {**failed, "output": output})
        assert error.lines() == (f"labs/rt-1.conf:7:1: bgpd refuses: router bgp 64513 ({why})",)
        assert error.exit_code == 2
    unknown = starting.failure(router, {**failed, "output": "line 3: % Unknown command: foo\n"})
    assert unknown.lines() == ("labs/rt-1.conf:3:1: Unknown command: foo",)
    other = starting.failure(router, {**failed, "output": "processing failure: 13\n"})
    assert (other.exit_code, str(other)) == (3, "h1: frr-config ended with exit code 13: processing failure: 13")
    netlabs_own = replace(HOST, processes=running.router_processes(("zebra",)))
    assert starting.failure(netlabs_own, {**failed, "output": "line 3: % Unknown command: foo\n"}).exit_code == 3


def test_what_a_node_may_do_is_what_every_node_may_and_what_its_processes_ask_for() -> None:
    daemon = ProcessPlan("zebra", ("/usr/lib/frr/zebra",), capabilities=("SYS_ADMIN",))
    other = ProcessPlan("cmd", ("sleep", "1"))
    router = replace(HOST, processes=(other, daemon))
    usual, more = (made["capabilities"] for made in requested(HOST, router))
    assert "SYS_ADMIN" not in usual
    assert more == usual | {"SYS_ADMIN"}


def test_frrs_user_is_root_where_frr_runs_unless_the_file_is_the_users_own() -> None:
    router = replace(HOST, processes=(ProcessPlan("zebra", ("/usr/lib/frr/zebra",)),))
    of_router, of_host = requested(router, HOST)
    made = {file["path"]: file for file in of_router["files"]}
    assert b"\nfrr:x:0:0:" in made["/etc/passwd"]["content"]
    assert b"\nfrrvty:x:0:" in made["/etc/group"]["content"]
    assert made["/etc/passwd"]["read_only"]
    assert {file["path"] for file in of_host["files"]} == {"/etc/hostname"}
    bound = replace(router, binds=(BindPlan("/data/passwd", "/etc/passwd", read_only=True),))
    assert starting.account_files(bound) == ("/etc/group",)
    assert starting.account_files(replace(router, binds=(BindPlan("/data", "/etc", read_only=True),))) == ()
