"""netlab.api in real programs: threads, signals, sudden deaths, several labs at a time."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hoststate import HostState, descendants
from netlab_program import TOPOLOGIES, Netlab, Running, Topology

from netlab import api
from netlab.agent.client import AgentClient

# A stream, a process or a socket that is left to the garbage collector is an error here.
pytestmark = pytest.mark.filterwarnings("error")

PAIR = """
    name: pair
    topology:
      nodes:
        h1: {kind: linux}
        h2: {kind: linux}
      links:
        - {endpoints: ["h1:eth1", "h2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""


@pytest.fixture
def labs_folder(netlab: Netlab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's labs, for this process as for the `netlab` fixture."""
    monkeypatch.setenv("XDG_STATE_HOME", str(netlab.folder / "state"))
    return netlab.folder / "state" / "netlab"


Deploy = Callable[..., api.Lab]


@pytest.fixture(scope="module")
def deploy(netlab_options: dict[str, Any]) -> Deploy:
    """netlab.api.deploy, in the runtime of this run."""
    return partial(api.deploy, **netlab_options)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, deploy: Deploy) -> Iterator[api.Lab]:
    """A lab of two hosts that no test changes, deployed while another thread runs."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "pair.yaml").write_text(PAIR)
    done = threading.Event()
    threading.Thread(target=done.wait, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        # A name of its own: a container engine has one name space for the labs of every state folder.
        with deploy(folder / "pair.yaml", name="shared") as lab:
            yield lab
    done.set()


@pytest.fixture
def program(netlab: Netlab, tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    """Starts a Python program that prints when it has come far enough."""
    started = []
    folder = tmp_path / "program"  # of its own: beside it, the folder `netlab` of the test would pass for the package
    folder.mkdir()

    def start(text: str) -> Running:
        (folder / "program.py").write_text(f"from netlab import api\n{text}")
        process = Running(
            [sys.executable, folder / "program.py"],
            env=netlab.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_lab_ends_with_its_block(labs_folder: Path, topology: Topology, host: HostState, deploy: Deploy) -> None:
    with deploy(topology(PAIR)) as lab:
        assert lab.alive
        assert (lab.name, lab.nodes) == ("pair", ("h1", "h2"))
        assert [found.name for found in api.labs()] == ["pair"]
        assert repr(lab) == "<netlab lab pair: 2 nodes, running>"
    assert not lab.alive
    assert not labs_folder.exists()
    assert host.changes() == []
    lab.destroy()
    with pytest.raises(api.LabError, match="lab pair is dead or destroyed"):
        lab.exec("h1", "true")


@pytest.mark.front_end
def test_the_command_line_sees_a_programs_lab(
    labs_folder: Path, netlab: Netlab, topology: Topology, deploy: Deploy
) -> None:
    with deploy(topology(PAIR), name="mine"):
        assert netlab("exec", "--lab", "mine", "h1", "--", "ping", "-c1", "-W5", "h2").returncode == 0
        assert netlab("destroy", "--lab", "mine").returncode == 0
        assert not labs_folder.exists()
    assert not labs_folder.exists()


@pytest.mark.front_end
def test_a_later_lab_of_the_name_is_not_destroyed(
    labs_folder: Path, netlab: Netlab, topology: Topology, deploy: Deploy
) -> None:
    file = topology(PAIR)
    with deploy(file):
        netlab("destroy", "--all")
        assert netlab("deploy", file).returncode == 0
    assert netlab("exec", "h1", "--", "true").returncode == 0
    first = api.lab()
    assert netlab("deploy", "--reconfigure", file).returncode == 0
    first.destroy()
    assert netlab("exec", "h1", "--", "true").returncode == 0


@pytest.mark.front_end
def test_a_handle_is_of_one_lab_and_not_of_a_name(
    labs_folder: Path, netlab: Netlab, ecmp_file: Path, deploy: Deploy
) -> None:
    first = deploy(ecmp_file, detach=True)
    assert netlab("destroy", "--lab", "ecmp").returncode == 0
    with pytest.raises(api.LabError, match="lab ecmp is dead or destroyed"):
        first.ecmp_check()
    with deploy(ecmp_file) as later:
        uses: tuple[Callable[[], object], ...] = (
            first.ecmp_check,
            lambda: api.ecmp_check(first),
            lambda: first.exec("host-1", "true"),
            lambda: first.vtysh("rt-1", "show version"),
            first.inspect,
            lambda: first.logs("rt-1"),
            lambda: first.config("rt-1"),
            first.repair,
            lambda: first.restart("host-1"),
            lambda: first.plan,
        )
        for use in uses:
            with pytest.raises(api.LabError, match="lab ecmp was destroyed: the lab that has its name now is another"):
                use()
        assert not first.alive
        assert first.verdicts == []
        first.destroy()
        assert later.alive
        assert later.exec("host-1", "hostname").stdout == "host-1\n"
        assert later.ecmp_check(flows=60).router("rt-1").paths.used == 3
        assert api.lab("ecmp").logs("rt-1", tail=1) == later.logs("rt-1", tail=1)


def test_commands_with_input_output_and_exit_code(pair: api.Lab) -> None:
    assert pair.exec("h1", "hostname") == api.Result(0, "h1\n", "")
    assert pair.exec("h1", "sh", "-c", "echo no >&2; exit 7") == api.Result(7, "", "no\n")
    assert pair.exec("h1", "wc", "-c", input="x" * 1_000_000).stdout == "1000000\n"
    assert pair.exec("h1", "true", input=b"x" * 1_000_000).returncode == 0  # which reads none of it
    assert len(pair.exec("h1", "head", "-c", "3000000", "/dev/zero").stdout) == 3_000_000
    assert pair.exec("h1", "printenv", "SECRET", env={"SECRET": "s3 cret"}).stdout == "s3 cret\n"
    assert pair.exec("h1", "sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL
    assert pair.exec("h1", "no-such-program").returncode == 127
    assert pair.exec("h2", "pwd").stdout == "/root\n"
    assert pair.exec("h1", "cat", Path("/etc/hostname")).stdout == "h1\n"


def test_the_hosts_environment_stays_outside(pair: api.Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_SECRET", "x")
    assert "HOST_SECRET" not in pair.exec("h1", "env").stdout


def test_a_command_that_fails_raises_where_it_is_asked_to(pair: api.Lab) -> None:
    with pytest.raises(api.CommandError, match="h1: `sh -c echo why >&2; false` ended with exit code 1: why"):
        pair.exec("h1", "sh", "-c", "echo why >&2; false", check=True)
    with pytest.raises(api.InputError, match=r'lab pair has no node h3 \(did you mean "h1"\?\)|there is h1, h2'):
        pair.exec("h3", "true")
    with pytest.raises(TypeError):
        pair.exec("h1")
    with pytest.raises(ValueError, match="null character"):
        pair.exec("h1", "echo", "a\0b")
    with pytest.raises(ValueError, match="null character"):
        pair.exec("h1", "env", env={"X": "a\0b"})


def test_what_takes_too_long_is_killed_with_all_it_started(pair: api.Lab) -> None:
    with pytest.raises(api.CommandError, match=r"did not end within 0\.3 s"):
        pair.exec("h1", "sh", "-c", "sleep 1234; true", timeout=0.3)
    wait_until(lambda: pair.exec("h1", "pgrep", "-f", "sleep 1234").returncode == 1)


def test_what_a_command_leaves_in_the_background_lives_on_and_holds_nothing(pair: api.Lab) -> None:
    done = pair.exec("h1", "sh", "-c", "sleep 4321 & echo started", timeout=30)
    assert done.stdout == "started\n"
    assert pair.exec("h1", "pkill", "-f", "sleep 4321").returncode == 0


@pytest.mark.front_end
def test_many_threads_at_a_time(pair: api.Lab) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: pair.exec("h1", "echo", str(n)).stdout, range(40)))
    assert results == [f"{n}\n" for n in range(40)]


def test_nothing_stays_open(pair: api.Lab) -> None:
    def held() -> tuple[int, list[str]]:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return len(list(Path("/proc/self/fd").iterdir())), children

    pair.exec("h1", "true")
    before = held()
    for _ in range(3):
        pair.exec("h1", "echo", "x")
        pair.inspect()
    assert held() == before


@pytest.mark.front_end
def test_asyncio(labs_folder: Path, topology: Topology, deploy: Deploy) -> None:
    async def experiment() -> list[str]:
        async with asyncio.timeout(60):
            lab = await asyncio.to_thread(deploy, topology(PAIR))
            outputs = await asyncio.gather(*(asyncio.to_thread(lab.exec, node, "hostname") for node in lab.nodes))
            child = await asyncio.create_subprocess_exec("true")
            assert await child.wait() == 0
            await asyncio.to_thread(lab.destroy)
            return [output.stdout for output in outputs]

    assert asyncio.run(experiment()) == ["h1\n", "h2\n"]
    assert not labs_folder.exists()


def test_copies_of_a_lab_side_by_side(labs_folder: Path, topology: Topology, deploy: Deploy) -> None:
    file = topology(PAIR)
    with ThreadPoolExecutor(3) as pool:
        labs = list(pool.map(lambda name: deploy(file, name=name), ("a", "b", "c")))
    assert [lab.name for lab in api.labs()] == ["a", "b", "c"]
    for lab in labs:
        lab.exec("h1", "ip", "link", "set", "eth1", "down") if lab.name == "b" else None
    reached = [lab.exec("h1", "ping", "-c1", "-W2", "h2").returncode == 0 for lab in labs]
    assert reached == [True, False, True]
    with pytest.raises(api.LabError, match="lab a exists already"):
        deploy(file, name="a")
    for lab in labs:
        lab.destroy()
    assert not labs_folder.exists()


@pytest.mark.front_end
def test_copies_by_the_command_line(netlab: Netlab, topology: Topology) -> None:
    file = topology(PAIR)
    for name in ("a", "b"):
        assert netlab("deploy", "--name", name, file).returncode == 0
    assert netlab("exec", "--lab", "b", "h1", "--", "ping", "-c1", "-W5", "h2").returncode == 0
    wrong = netlab("deploy", "--name", "A/B", file)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    ambiguous = netlab("destroy", file)
    assert ambiguous.returncode == 3
    assert "there is: a, b" in ambiguous.stderr
    assert netlab("destroy", "--all").returncode == 0
    assert netlab.files() == []


@pytest.mark.front_end
def test_no_signal_handler_is_left(labs_folder: Path, topology: Topology, deploy: Deploy) -> None:
    def handlers() -> dict[signal.Signals, Any]:
        return {number: signal.getsignal(number) for number in signal.valid_signals()}

    before = handlers()
    with deploy(topology(PAIR)) as lab:
        assert handlers() == before
        lab.exec("h1", "true")
        lab.inspect()
        assert handlers() == before
    assert handlers() == before


@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 9)", "os._exit(1)", "raise SystemExit", "del lab"])
def test_a_program_that_ends_leaves_nothing(
    ending: str,
    program: Callable[[str], Running],
    labs_folder: Path,
    topology: Topology,
    host: HostState,
    netlab_options: dict[str, Any],
) -> None:
    deploy = f"lab = api.deploy({str(topology(PAIR))!r}, **{netlab_options!r})"
    process = program(f"import os\n{deploy}\nprint(lab.alive, flush=True)\n{ending}")
    assert process.stdout.readline() == "True\n"
    process.wait(30)
    wait_until(lambda: not labs_folder.exists())
    assert host.changes() == []


def test_a_detached_lab_lives_on(
    program: Callable[[str], Running], labs_folder: Path, topology: Topology, netlab_options: dict[str, Any]
) -> None:
    process = program(f"api.deploy({str(topology(PAIR))!r}, detach=True, **{netlab_options!r})")
    assert process.wait(60) == 0
    lab = api.lab()
    assert lab.exec("h2", "hostname").stdout == "h2\n"
    lab.destroy()
    assert not labs_folder.exists()


@pytest.mark.netns
@pytest.mark.parametrize("moment", ["lock", "mount", "logs/rt-1", "plan.json", "lab.json"])
def test_an_interrupted_deploy_leaves_nothing(
    moment: str, program: Callable[[str], Running], labs_folder: Path, host: HostState
) -> None:
    process = program(f"api.deploy({str(TOPOLOGIES / 'ecmp.yaml')!r})")
    wait_until((labs_folder / "ecmp" / moment).exists)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert not labs_folder.exists()
    assert host.changes() == []


@pytest.mark.front_end
def test_the_measurement_from_a_thread(labs_folder: Path, tmp_path: Path, ecmp_file: Path, deploy: Deploy) -> None:
    evidence = tmp_path / "evidence.json"

    def experiment() -> tuple[api.Lab, Any, api.LabReport, api.Verdict]:
        with deploy(ecmp_file) as lab:
            summary = lab.vtysh_json("rt-1", "show ip bgp summary")
            verdict = lab.ecmp_check(flows=100, evidence=evidence)
            return lab, summary, lab.inspect(), verdict

    with ThreadPoolExecutor(1) as pool:
        lab, summary, report, verdict = pool.submit(experiment).result()
    assert {peer["state"] for peer in summary["ipv4Unicast"]["peers"].values()} == {"Established"}
    assert len(report.vips[0].next_hops) == 3
    assert verdict.matches
    assert lab.verdicts == [verdict]
    assert verdict.router("rt-1").verdict is api.Outcome.ECMP
    assert api.judge(evidence) == verdict
    assert lab.convergence and lab.convergence.converged


@pytest.mark.front_end
def test_an_interrupted_check_leaves_the_lab_as_it_was(
    labs_folder: Path, monkeypatch: pytest.MonkeyPatch, ecmp_file: Path, deploy: Deploy
) -> None:
    class Interrupted(BaseException):
        """As Ctrl-C, but nobody else's."""

    def interrupt(*_: object) -> None:
        raise Interrupted

    with deploy(ecmp_file) as lab:
        lab.exec("k8s-worker2", "ip", "link", "set", "eth1", "down", check=True)  # so that flows wait for an answer
        before = descendants().keys()
        with monkeypatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(AgentClient, "finish_flows", interrupt)
            lab.ecmp_check(timeout=60)
        wait_until(lambda: descendants().keys() <= before)


@pytest.mark.front_end
def test_a_lab_that_does_not_converge(labs_folder: Path, topology: Topology, deploy: Deploy) -> None:
    file = topology("""
        name: alone
        topology:
          nodes:
            rt-1: {kind: frr, bgp: {asn: 64512, neighbors: [{address: 10.0.0.2, asn: 64513}]}}
            h1: {kind: linux}
          links:
            - {endpoints: ["rt-1:eth1", "h1:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
    """)
    with pytest.raises(api.ConvergenceError, match="lab alone has not converged: rt-1: neighbor ") as raised:
        deploy(file, timeout=2)
    assert len(raised.value.missing) == 1
    assert not labs_folder.exists()
    with deploy(file, timeout=2, must_converge=False) as lab:
        assert lab.convergence and lab.convergence.missing == raised.value.missing
        with pytest.raises(api.CommandError, match="rt-1: `vtysh -c show nonsense` ended with exit code 1"):
            lab.vtysh("rt-1", "show nonsense")
        with pytest.raises(api.LabError, match="no router between a client and a VIP"):
            lab.ecmp_check()
