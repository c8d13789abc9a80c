"""What every experiment needs: netlab as a user runs it, topologies written in the test, the host before and after;
and which tests a run leaves out, by what they are marked with."""

from __future__ import annotations

import functools
import importlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hoststate import HostState, adopt_orphans
from netlab_program import Netlab, running_netlab

pytest.register_assert_rewrite("article", "external_container")  # tests that two folders share
_SHARES_NOTHING = re.compile(r"^pytestmark = .*\bmark\.shares_nothing\b", re.MULTILINE)
_GROUP = re.compile(r"^pytestmark = .*\bmark\.xdist_group\(\"(\w+)\"\)", re.MULTILINE)
_DESELECTED = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of single experiments, and what the labs of all run in."""
    parser.addoption("--storm-seed", metavar="N", help="draw the kill storm's moments from N, as an earlier run did")
    parser.addoption(
        "--frr-rootfs", type=Path, metavar="DIR", help="run every lab's routers from this root file system (--rootfs)"
    )
    parser.addoption("--runtime", choices=("netns", "docker"), help="what every lab of tests/lab runs in")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With --dist=loadfile a process runs all tests of a file, which may share labs. Where the file says that they
    share nothing, each goes to whoever is free. Who schedules knows names and no marks, so it reads the files."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler: Any = importlib.import_module("xdist.scheduler")  # the option is there, so pytest-xdist is

    @functools.cache
    def group(file: str) -> str | None:
        text = (config.rootpath / file).read_text(encoding="utf-8")
        if _SHARES_NOTHING.search(text):
            return None
        named = _GROUP.search(text)
        return named[1] if named else file

    class Scheduling(scheduler.LoadFileScheduling):  # type: ignore[misc]  # it is untyped
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid.split("::", maxsplit=1)[0]) or nodeid

    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot be asked in this run. Its reason is said once, not test by test."""
    docker, root = config.getoption("--runtime") == "docker", os.geteuid() == 0
    reasons = {
        "netns": docker and "about the netns runtime",
        "cluster": docker and "with a Kubernetes cluster, which tests/kind has for real",
        "front_end": docker and "about netlab's front end, which is the same in every runtime",
        "needs_root": not root and "for root",
        "needs_user": root and "for an ordinary user",
    }
    out: dict[str, list[pytest.Item]] = {}
    for item in items:
        reason = next((why for mark, why in reasons.items() if why and item.get_closest_marker(mark)), None)
        if reason:
            out.setdefault(reason, []).append(item)
    gone = [item for left in out.values() for item in left]
    items[:] = [item for item in items if item not in set(gone)]
    config.hook.pytest_deselected(items=gone)
    config.stash[_DESELECTED] = {reason: len(left) for reason, left in out.items()}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Why the tests that did not run were left out."""
    for reason, number in config.stash.get(_DESELECTED, {}).items():
        terminalreporter.write_line(f"left out: {number} tests {reason}")


@pytest.fixture(scope="session")
def watched_processes() -> None:
    """No orphan of a test escapes notice, and no process that it starts ignores Ctrl-C."""
    adopt_orphans()
    # As where the tests run in the background of a shell.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def netlab_options(pytestconfig: pytest.Config) -> dict[str, Any]:
    """What holds for the labs of the pytest plugin as for those of the command line."""
    given = {"rootfs": pytestconfig.getoption("--frr-rootfs"), "runtime": pytestconfig.getoption("--runtime")}
    # As text: tests write them into programs.
    return {option: str(value) for option, value in given.items() if value}


@pytest.fixture
def netlab(tmp_path: Path, netlab_options: dict[str, Any]) -> Iterator[Netlab]:
    """netlab with a state of its own; every lab of it is destroyed after the test."""
    yield from running_netlab(tmp_path / "netlab", **netlab_options)


@pytest.fixture(scope="module")
def shared_netlab(tmp_path_factory: pytest.TempPathFactory, netlab_options: dict[str, Any]) -> Iterator[Netlab]:
    """The same for a lab that all tests of a module look at and none of them changes."""
    yield from running_netlab(tmp_path_factory.mktemp("shared") / "netlab", **netlab_options)


@pytest.fixture
def topology(tmp_path: Path) -> Callable[..., Path]:
    """Writes a topology file; further files of its folder are given by name."""

    def write(text: str, files: dict[str, str] | None = None, name: str = "lab.yaml") -> Path:
        folder = tmp_path / "topology"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(dedent(content), encoding="utf-8")
        return folder / name

    return write


@pytest.fixture
def host() -> HostState:
    """The host before the experiment."""
    return HostState.now()
