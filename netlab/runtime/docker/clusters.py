"""The clusters that kind makes for a lab: their containers and networks carry none of netlab's labels.

So the lab's state folder names them, before kind is started: `clusters`, a line for each, by the name that kind has for
it. Its Docker network has the same name. `sysctls` holds what the kubelets change on the host, as it was before.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import docker
from docker.errors import APIError, NotFound

from netlab.model.errors import LabError
from netlab.runtime.docker import engine

LABEL = "io.x-k8s.kind.cluster"
"""By which kind itself finds a cluster's nodes."""
_RECORD = "clusters"
_SYSCTLS = "sysctls"
_CREATING = "kind.pid"
# What the kubelet sets for itself, on the host: none of them belongs to a namespace.
_CHANGED = (
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
)
_SETTLE = 0.2  # seconds between looks at what goes on its own
_NETWORK_TIMEOUT = 10.0


def record(directory: Path | str, names: tuple[str, ...]) -> None:
    """Name the clusters that are about to be made, and keep the host's settings that they change."""
    settings = [f"{key} {value}\n" for key in _CHANGED if (value := _sysctl(key)) is not None]
    _write(Path(directory, _SYSCTLS), "".join(settings))
    _write(Path(directory, _RECORD), "".join(f"{name}\n" for name in names))


def recorded(directory: Path | str) -> tuple[str, ...]:
    """The clusters that the state folder names."""
    with suppress(OSError):
        return tuple(Path(directory, _RECORD).read_text(encoding="utf-8").split())
    return ()


def note_creation(directory: Path | str, group: int | None) -> None:
    """Keep the process group of the kind command that is making a cluster; None once it has ended."""
    if group is None:
        Path(directory, _CREATING).unlink(missing_ok=True)
    else:
        _write(Path(directory, _CREATING), str(group))


def stop_creation(directory: Path | str) -> None:
    """End a kind command whose netlab was killed, and the docker commands that it runs: they go on without it."""
    with suppress(OSError, ValueError):
        os.killpg(int(Path(directory, _CREATING).read_text(encoding="ascii")), signal.SIGKILL)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def rows(client: docker.APIClient, name: str | None = None) -> list[dict[str, object]]:
    """What the engine lists of a cluster's nodes, in every state; of all clusters without a name."""
    wanted = LABEL if name is None else f"{LABEL}={name}"
    with engine.refusals("cannot list the containers"):
        found: list[dict[str, object]] = client.containers(all=True, filters={"label": wanted})
    return found


def refuse_taken(client: docker.APIClient, names: tuple[str, ...], lab: str) -> None:
    """LabError where there is a cluster of one of these names already."""
    for name in names:
        if rows(client, name):
            mend = f"give lab {lab} another name or prefix, or remove it: kind delete cluster --name {name}"
            raise LabError(f"there is a kind cluster {name} already, which is not this lab's: {mend}")


def remove_networks(client: docker.APIClient, names: tuple[str, ...]) -> None:
    """Remove the clusters' networks. A container that is no node and was connected to one runs on without it."""
    deadline = time.monotonic() + _NETWORK_TIMEOUT
    for name in names:
        with engine.refusals(f"cannot remove the Docker network {name}"):
            while True:
                try:
                    client.remove_network(name)
                except NotFound:
                    break
                except APIError:  # nodes that are gone are just leaving it
                    if time.monotonic() > deadline:
                        raise
                    _disconnect_all(client, name)
                    time.sleep(_SETTLE)


def _disconnect_all(client: docker.APIClient, network: str) -> None:
    with suppress(NotFound):
        for container in client.inspect_network(network)["Containers"]:
            with suppress(APIError):  # it has left
                client.disconnect_container_from_network(container, network, force=True)


def restore_sysctls(client: docker.APIClient, directory: Path | str, nodes: tuple[str, ...]) -> None:
    """Put the host's settings back that the kubelets of these nodes have changed, unless another cluster needs them.

    Who is not root does so by a node: they are privileged.
    """
    own = set(nodes)
    if any(row["Id"] not in own for row in rows(client)):
        return
    with suppress(OSError):
        for line in Path(directory, _SYSCTLS).read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if _sysctl(key) != value:
                _set(client, key, value, nodes)


def _set(client: docker.APIClient, key: str, value: str, nodes: tuple[str, ...]) -> None:
    try:
        _path(key).write_text(value, encoding="ascii")
    except OSError:
        for node in nodes:
            with suppress(APIError):  # it does not run
                made = client.exec_create(node, ["sysctl", "-q", "-w", f"{key}={value}"])["Id"]
                client.exec_start(made)
                return


def _sysctl(key: str) -> str | None:
    with suppress(OSError):
        return _path(key).read_text(encoding="ascii").strip()
    return None


def _path(key: str) -> Path:
    return Path("/proc/sys", *key.split("."))
