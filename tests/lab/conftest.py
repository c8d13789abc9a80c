"""The experiments of this folder need namespaces and FRR; with --runtime docker a Docker engine and netlab's images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import own_engine
from netlab_program import TOPOLOGIES, Netlab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs what makes a lab."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session", autouse=True)
def _watched(watched_processes: None) -> None:
    """From the first test on."""


@pytest.fixture(scope="session", autouse=True)
def _engine(_watched: None, netlab_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of labs in containers, where root has other tests run meanwhile: a container's name belongs to a whole engine, so
    each process of pytest has an engine."""
    beside_others = "PYTEST_XDIST_WORKER" in os.environ and os.geteuid() == 0
    if netlab_options.get("runtime") != "docker" or not beside_others:
        yield
        return
    with own_engine(tmp_path_factory.mktemp("engine")) as own, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", own.host)
        yield


@pytest.fixture(scope="session")
def ecmp_file(netlab_options: dict[str, Any]) -> Path:
    """topologies/ecmp.yaml, or what is like it where there are no clusters: for what does not look at the cluster."""
    docker = netlab_options.get("runtime") == "docker"
    return Path(__file__).with_name("ecmp-of-speakers.yaml") if docker else TOPOLOGIES / "ecmp.yaml"


@pytest.fixture(scope="module")
def ecmp(shared_netlab: Netlab, ecmp_file: Path) -> Netlab:
    """netlab with the lab of `ecmp_file` deployed."""
    done = shared_netlab("deploy", ecmp_file)
    assert done.returncode == 0, done
    return shared_netlab
