"""The experiments of this folder need a Docker engine and netlab's images. As root they have an engine of their own,
which may be ended and which nobody else uses; an ordinary user has the one that answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import Engine, OwnEngine, answering_engine, own_engine
from holdings import Holdings
from netlab_program import Netlab, running_netlab


@pytest.fixture(scope="session", autouse=True)
def _watched(watched_processes: None) -> None:
    """From the first test on."""


@pytest.fixture(scope="session")
def shared_engine() -> Engine:
    """The engine that answers, which others may use too, with netlab's images."""
    return answering_engine()


@pytest.fixture(scope="session")
def engine(shared_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Root's own engine, or the one that an ordinary user may use."""
    if os.geteuid() != 0:
        yield shared_engine
        return
    with own_engine(tmp_path_factory.mktemp("engine")) as own:
        yield own


@pytest.fixture(name="own_engine")
def _own_engine(engine: Engine) -> Iterator[OwnEngine]:
    """Root's own engine, which the test may end: it runs again after the test. With the mark needs_root."""
    assert isinstance(engine, OwnEngine)
    yield engine
    if not engine.answers:
        engine.start()


@pytest.fixture
def netlab(tmp_path: Path, engine: Engine) -> Iterator[Netlab]:
    """netlab with a state of its own, whose labs are containers; every lab of it is destroyed after the test."""
    yield from running_netlab(tmp_path / "netlab", runtime="docker", docker_host=engine.host)


@pytest.fixture(scope="module")
def shared_netlab(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Netlab]:
    """The same for a lab that all tests of a module look at and none of them changes."""
    yield from running_netlab(tmp_path_factory.mktemp("shared") / "netlab", runtime="docker", docker_host=engine.host)


@pytest.fixture
def holdings(engine: Engine, netlab: Netlab) -> Holdings:
    """Engine and host before the experiment."""
    return Holdings.now(engine, netlab)


@pytest.fixture
def foreign(engine: Engine) -> Iterator[Callable[..., str]]:
    """Starts a container that netlab did not make and must never touch; gives its id."""
    made = []

    def start(name: str, *options: str) -> str:
        given = ("--detach", f"--name={name}", "--entrypoint=sleep", *(options or ("--network=none",)))
        made.append(engine("run", *given, "netlab/base:13", "100000"))
        return made[-1]

    yield start
    for container in made:
        engine("rm", "--force", container, check=False)
