"""What kind is asked with, and the credentials that it gives for a cluster that runs."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

from netlab.model.cluster import ClusterPlan
from netlab.model.errors import HostError, LabError
from netlab.statefolder import statefile

_TIMEOUT = 60.0
_SECTIONS = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key")),
}
"""Of a kubeconfig: the lists, what an entry holds, and what of it is a file, or that file's content as KEY-data."""


def environment(url: str, cluster: ClusterPlan) -> dict[str, str]:
    """What kind and the docker command get of this process's environment, and a network that is this cluster's own: the
    shared one, `kind`, outlives every cluster. `url` is where the engine listens."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
    kept |= {key: value for key, value in os.environ.items() if key.upper().endswith("_PROXY")}
    return kept | {
        "DOCKER_HOST": url,
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": cluster.kind_name,
    }


def take(kind: str, url: str, cluster: ClusterPlan, path: Path) -> None:
    """Put a running cluster's credentials into a file of the lab's. `kind` is the command. LabError, HostError."""
    name = cluster.kind_name
    argv = [kind, "get", "kubeconfig", "--name", name]
    try:
        done = subprocess.run(
            argv, capture_output=True, env=environment(url, cluster), cwd="/", timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{cluster.name}: kind gave no credentials for cluster {name} within {_TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise LabError(f"{cluster.name}: no credentials for kind cluster {name}: {' '.join(said[-1:])}")
    try:
        statefile.write(path, done.stdout)
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from None


def in_files(path: Path) -> dict[str, Any]:
    """A kubeconfig of the lab's whose certificates and key are files beside it, which go with the lab as it does.

    The library would put them into files of its own among everybody's temporary ones, and there they stay where netlab
    is killed. OSError, ValueError, yaml.YAMLError for what is no kubeconfig.
    """
    import yaml

    config = yaml.safe_load(path.read_bytes())
    if not isinstance(config, dict):
        raise ValueError("not a mapping")
    for section, (holder, keys) in _SECTIONS.items():
        for entry in config.get(section) or ():
            for key in keys:
                data = entry[holder].pop(f"{key}-data", None)
                if data is not None:
                    file = path.with_name(f"{path.name}.{key}")
                    _keep(file, base64.b64decode(data))
                    entry[holder][key] = str(file)
    return config


def _keep(file: Path, data: bytes) -> None:
    try:
        if statefile.read(file) == data:  # another netlab may be using it
            return
    except (FileNotFoundError, LabError):
        pass
    statefile.write(file, data)
