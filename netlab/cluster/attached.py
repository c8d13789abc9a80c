"""Taking what a lab has applied away from a kind cluster that is somebody else's."""

from __future__ import annotations

from pathlib import Path

from netlab.cluster import credentials, install, tools
from netlab.cluster.clusters import connected
from netlab.cluster.paths import kubeconfig
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import LabError
from netlab.model.lab import LabRecord
from netlab.runtime.docker import containers, engine

_TIMEOUT = 15.0  # seconds for the cluster's API


def detach(lab: LabRecord, cluster: ClusterPlan) -> None:
    """Delete all that was applied for the lab, and nothing else. LabError or HostError where that cannot be told.

    A cluster that is gone has nothing left; one that was made anew since then has other credentials.
    """
    with engine.connected(lab.engine) as client:
        if not containers.of_clusters(client, (cluster.kind_name,)):
            return
    path = kubeconfig(lab.directory, cluster.name)
    try:
        _detach(path, lab.name)
    except LabError:
        credentials.take(tools.kind(), lab.engine, cluster, path)
        _detach(path, lab.name)


def _detach(path: Path, lab: str) -> None:
    with connected(path, _TIMEOUT) as client:
        install.detach(client, lab)
