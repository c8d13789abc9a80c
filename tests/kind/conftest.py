"""The experiments of this folder need root, a Docker engine that runs kind's nodes, and `scripts/build-images --kind`.

A cluster takes a minute, so the tests of a module share one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from article import ClusterLab
from engine import Engine, answering_engine
from netlab_program import Netlab, running_netlab


@pytest.fixture(scope="session", autouse=True)
def _watched(watched_processes: None) -> None:
    """From the first test on."""


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that answers."""
    return answering_engine()


@pytest.fixture
def netlab(tmp_path: Path, engine: Engine) -> Iterator[Netlab]:
    """netlab with a state of its own, whose labs are containers; every lab of it is destroyed after the test."""
    yield from running_netlab(tmp_path / "netlab", runtime="docker", docker_host=engine.host)


@pytest.fixture(scope="module")
def shared_netlab(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[Netlab]:
    """The same for a cluster that the tests of a module share."""
    yield from running_netlab(tmp_path_factory.mktemp("shared") / "netlab", runtime="docker", docker_host=engine.host)


@pytest.fixture(scope="module")
def cluster(shared_netlab: Netlab, tmp_path_factory: pytest.TempPathFactory) -> ClusterLab:
    """The article's lab with a real cluster, which replacing the lab keeps."""
    return ClusterLab(shared_netlab, tmp_path_factory.mktemp("article"), "--reuse-cluster")
