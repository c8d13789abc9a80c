"""The pytest plugin with real labs: nothing is left however pytest ends, and workers do not meet."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from textwrap import dedent
from typing import Any

import pytest
from hoststate import HostState, descendants
from netlab_program import Netlab, Topology

pytestmark = pytest.mark.shares_nothing

PAIR = """
    name: pair
    topology:
      nodes:
        h1: {kind: linux}
        h2: {kind: linux}
      links:
        - {endpoints: ["h1:eth1", "h2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}
"""
TESTS = """
    import os, pathlib, time
    import pytest

    pytestmark = pytest.mark.netlab("lab.yaml", scope="module")

    def test_reach(lab):
        assert lab.exec("h1", "ping", "-c1", "-W5", "h2").returncode == 0
        pathlib.Path("reached").touch()

    @pytest.mark.parametrize("n", range(4))
    def test_many(lab, n, deploy_lab):
        other = deploy_lab("lab.yaml")
        print(f"names: {lab.name} {other.name}")
        assert {lab.exec("h2", "hostname").stdout, other.exec("h2", "hostname").stdout} == {"h2\\n"}

    def test_fail(lab):
        assert lab.exec("h1", "false").returncode == 0

    def test_stay(lab):
        pathlib.Path("staying").touch()
        time.sleep(60)
"""


OPTIONS = """
    import pytest

    @pytest.fixture(scope="session")
    def netlab_options():
        return {options!r}
"""


@dataclass(frozen=True)
class Project:
    """A user's folder with tests, and what starts pytest in it."""

    folder: Path
    start: Callable[..., Popen[str]]

    def __call__(self, *options: str, prefix: tuple[str, ...] = ()) -> Popen[str]:
        return self.start(*options, prefix=prefix)


@pytest.fixture
def project(netlab: Netlab, topology: Topology, netlab_options: dict[str, Any]) -> Iterator[Project]:
    """A folder with a topology and tests, and pytest on it as its user would run it."""
    folder = topology(PAIR).parent
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(dedent(OPTIONS).format(options=netlab_options))
    (folder / "test_pair.py").write_text(dedent(TESTS))
    started: list[Popen[str]] = []

    def start(*options: str, prefix: tuple[str, ...] = ()) -> Popen[str]:
        pytest_command = (sys.executable, "-m", "pytest", "-p", "netlab.pytest_plugin", "-p", "no:cacheprovider")
        process = subprocess.Popen(
            [*prefix, *pytest_command, *options],
            cwd=folder,
            env=netlab.environment() | {"PYTEST_DEBUG_TEMPROOT": str(netlab.folder / "tmp")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield Project(folder, start)
    for process in started:
        process.kill()
        process.communicate()


def labs_of(netlab: Netlab) -> list[str]:
    """The lab folders of every session that there was."""
    return [path for path in netlab.files() if path.endswith("/lab.json")]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.front_end
def test_a_run_to_its_end(project: Project, netlab: Netlab, host: HostState) -> None:
    process = project("-k", "reach or many or fail")
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 1, shown
    assert "1 failed, 5 passed" in shown
    assert "netlab: lab lab" in shown
    assert labs_of(netlab) == []
    assert host.changes() == []


@pytest.mark.front_end
def test_the_first_failure_ends_it(project: Project, netlab: Netlab, host: HostState) -> None:
    process = project("-x", "-k", "fail or stay")
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 1, shown
    assert labs_of(netlab) == []
    assert host.changes() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_however_pytest_is_stopped_nothing_is_left(
    number: signal.Signals, code: int, project: Project, netlab: Netlab, host: HostState
) -> None:
    process = project("-k", "stay")
    wait_for(project.folder / "staying")
    assert len(labs_of(netlab)) == 1
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert host.changes() == []  # waits until the lab's processes are gone
    assert labs_of(netlab) == []


def test_workers_have_labs_of_their_own(project: Project, netlab: Netlab, host: HostState) -> None:
    process = project("-n", "2", "-k", "reach or many", "-rP")
    shown, _ = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    names = [line.split()[1:] for line in shown.splitlines() if line.startswith("names: ")]
    assert len(names) == 4
    assert {worker for pair in names for name in pair for worker in ("gw0", "gw1") if worker in name} == {"gw0", "gw1"}
    assert len({other for _, other in names}) == 4
    assert labs_of(netlab) == []
    assert host.changes() == []


@pytest.mark.front_end
def test_a_killed_worker_leaves_nothing(project: Project, netlab: Netlab, host: HostState) -> None:
    process = project("-n", "1", "--max-worker-restart=0", "-k", "stay")
    wait_for(project.folder / "staying")
    (worker,) = [p for p in descendants().values() if p.parent == process.pid and "exec(eval" in p.command]
    os.kill(worker.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert host.changes() == []
    assert labs_of(netlab) == []


# Of a user namespace's own (namespaces(7)), so the host's limit stays as it is.
WITHOUT_NAMESPACES = ("unshare", "--user", "--map-root-user", "sh", "-c")
NONE_LEFT = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'


@pytest.mark.front_end
@pytest.mark.netns
def test_a_host_that_cannot_is_an_error_or_where_asked_a_skip(project: Project, netlab: Netlab) -> None:
    prefix = (*WITHOUT_NAMESPACES, NONE_LEFT, "sh")
    process = project("-k", "reach", prefix=prefix)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 1, shown
    assert "1 error" in shown
    assert shown.count("user.max_user_namespaces is 0 (to mend it: sudo sysctl -w user.max_user_namespaces=") == 1
    assert "Traceback" not in shown

    process = project("-k", "reach", "--netlab-missing=skip", "-rs", prefix=prefix)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert "1 skipped" in shown
    assert labs_of(netlab) == []
