"""What the engine is told of a machine, and finding and removing a lab's containers by their labels."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.types import LogConfig, Mount
from docker.utils.ports import build_port_bindings, split_port

import netlab
from netlab.model.plan import FilePlan, LabPlan, NodePlan
from netlab.runtime import starting
from netlab.runtime.docker import clusters, engine
from netlab.runtime.docker.images import image_of

AT_A_TIME = 8
"""Requests to the engine side by side: more gain nothing, the engine itself is the limit."""
PACKAGE = Path(netlab.__file__).parent
_INSIDE = "/run/netlab"
_INIT = f"{_INSIDE}/package/netlab/runtime/docker/init.py"
_LOG_SIZE = "10m"
_MODULES = Path("/lib/modules")
"""What a whole system (VyOS) looks for its kernel's modules in."""
_HOSTS = "/etc/hosts"


@dataclass(frozen=True)
class Container:
    """A container of a lab as the engine lists it."""

    id: str
    name: str
    node: str
    """Empty for a helper of netlab's, and for a node of a cluster."""
    running: bool
    cluster: str = ""
    """What kind calls the cluster that it is a node of."""


def is_managed(node: NodePlan) -> bool:
    """Whether netlab's init runs in it: it has processes of netlab's to start."""
    own = node.image is not None  # its entrypoint runs the user's command
    return not node.container.boots and any(not (own and process.is_command) for process in node.processes)


def labels(plan_name: str, node: str, directory: str, build: str = "") -> dict[str, str]:
    """What every container of a lab can be found by, from Docker alone."""
    return {
        "netlab.lab": plan_name,
        "netlab.node": node,
        "netlab.owner": str(os.geteuid()),
        "netlab.version": netlab.__version__,
        "netlab.directory": directory,
        "netlab.build": build,
    }


def create(client: docker.APIClient, plan: LabPlan, node: NodePlan, directory: Path, build: str) -> str:
    """Create a machine's container; its id. `build` tells labs of one name apart. LabError where the engine refuses."""
    managed = is_managed(node)
    command = next((process.argv for process in node.processes if process.is_command), None)
    entrypoint = node.container.entrypoint
    image = image_of(node)
    with engine.refusals(f"{node.name}: cannot create its container of image {image}"):
        made = client.create_container(
            image,
            name=plan.container_name(node.name),
            hostname=node.name,
            working_dir="/root" if managed or node.image is None else None,
            entrypoint=["python3", "-I", "-S", "-B", _INIT] if managed else list(entrypoint) if entrypoint else None,
            command=[node.name] if managed else list(command) if command else None,
            user=None if managed else node.container.user,
            environment=dict(node.env),
            labels={**dict(node.container.labels), **labels(plan.name, node.name, str(directory), build)},
            ports=_exposed(node.container.ports),
            tty=not managed and node.image is not None,
            stdin_open=not managed and node.image is not None,
            host_config=_host_config(client, node, directory, managed=managed),
        )
    return str(made["Id"])


def _host_config(client: docker.APIClient, node: NodePlan, directory: Path, *, managed: bool) -> Any:
    mounts = [Mount(bind.target, bind.source, type="bind", read_only=bind.read_only) for bind in node.binds]
    if managed:
        mounts.append(Mount(f"{_INSIDE}/package/netlab", str(PACKAGE), type="bind", read_only=True))
        mounts.append(Mount(f"{_INSIDE}/node", str(directory / "nodes" / node.name), type="bind", read_only=True))
    bound = {bind.target for bind in node.binds}
    if node.container.privileged and node.container.boots and _MODULES.is_dir() and str(_MODULES) not in bound:
        mounts.append(Mount(str(_MODULES), str(_MODULES), type="bind", read_only=True))
    privileges: dict[str, Any] = {"privileged": True}
    if not node.container.privileged:
        privileges = {"cap_drop": ["ALL"], "cap_add": sorted(capabilities(node))}
    wanted, limits = node.container, node.container.limits
    return client.create_host_config(
        network_mode="bridge" if wanted.management else "none",
        port_bindings=build_port_bindings(wanted.ports) if wanted.ports else None,
        devices=list(limits.devices) or None,
        tmpfs=dict(limits.tmpfs) or None,
        security_opt=list(limits.security_options) or None,
        nano_cpus=round(limits.cpus * 1e9) if limits.cpus is not None else None,
        cpuset_cpus=limits.cpu_set,
        mem_limit=limits.memory,
        shm_size=limits.shm_size,
        mounts=mounts,
        sysctls=sysctls(node),
        extra_hosts=_extra_hosts(node.files),
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": _LOG_SIZE, "max-file": "1"}),
        **privileges,
    )


def _exposed(ports: tuple[str, ...]) -> list[tuple[str, str]] | None:
    """The container's side of its published ports, as the engine wants them told apart: (port, protocol)."""
    inner = (port for written in ports for port in split_port(written)[0])
    return [(number, protocol or "tcp") for number, _, protocol in (port.partition("/") for port in inner)] or None


def capabilities(node: NodePlan) -> frozenset[str]:
    """The capabilities of a machine's container: what every node has, and what its processes ask for."""
    own = frozenset() if is_managed(node) else frozenset({"MKNOD"})  # of Docker's default set, for an image's own init
    return starting.capabilities(node) | own | frozenset(node.container.capabilities)


def sysctls(node: NodePlan) -> dict[str, str]:
    """What the engine sets before anything starts, and again at each restart: what this kernel has, but for the
    interfaces' own, which do not exist yet. The agent sets the rest, and says what is missing."""
    return {
        sysctl.key: sysctl.value
        for sysctl in node.sysctls
        if not sysctl.of_interface and Path("/proc/sys", *sysctl.key.split(".")).exists()
    }


def _extra_hosts(files: tuple[FilePlan, ...]) -> list[str]:
    """The lab's names, as the engine takes them: it writes /etc/hosts itself, anew at each start."""
    text = next((file.content for file in files if file.path == _HOSTS), "")
    rows = [line.split() for line in text.splitlines()]
    return [f"{name}:{row[0]}" for row in rows for name in row[1:] if "localhost" not in name and "ip6-" not in name]


def of_lab(
    client: docker.APIClient, name: str, directory: Path | str, build: str | None = None
) -> tuple[Container, ...]:
    """The containers of this user's lab that has its state in `directory`, in every state, and those of its clusters;
    of one `build` of it alone, and without the clusters, where that is given. LabError, HostError."""
    wanted = [f"netlab.lab={name}", f"netlab.owner={os.geteuid()}", f"netlab.directory={directory}"]
    wanted += [f"netlab.build={build}"] if build else []
    with engine.refusals("cannot list the containers"):
        rows = client.containers(all=True, filters={"label": wanted})
    own = tuple(_container(row) for row in rows)
    return own if build else (*own, *of_clusters(client, clusters.recorded(directory)))


def of_clusters(client: docker.APIClient, names: tuple[str, ...]) -> tuple[Container, ...]:
    """The nodes of the clusters that kind calls so, in every state."""
    return tuple(_container(row) for name in names for row in clusters.rows(client, name))


def _container(row: Any) -> Container:
    name, labels = row["Names"][0].lstrip("/"), row["Labels"]
    running = row["State"] == "running"
    return Container(row["Id"], name, labels.get("netlab.node", ""), running, labels.get(clusters.LABEL, ""))


def remove_lab(client: docker.APIClient, name: str, directory: Path | str, keep: frozenset[str] = frozenset()) -> bool:
    """Remove all that a lab has of the engine, but for the clusters `keep`; whether there was anything."""
    had_clusters = remove_clusters(client, directory, keep)
    found = tuple(each for each in of_lab(client, name, directory) if each.cluster not in keep)
    remove(client, found)
    return bool(found) or had_clusters


def remove_clusters(client: docker.APIClient, directory: Path | str, keep: frozenset[str] = frozenset()) -> bool:
    """Remove the clusters that a state folder names, but for `keep`, with their networks; whether there was a node."""
    clusters.stop_creation(directory)
    names = tuple(name for name in clusters.recorded(directory) if name not in keep)
    nodes = of_clusters(client, names)
    if names:
        clusters.restore_sysctls(client, names, tuple(node.id for node in nodes))
    remove(client, nodes)
    if nodes:  # a kubelet that was just starting has set them meanwhile
        clusters.restore_sysctls(client, names, ())
    clusters.remove_networks(client, names)
    return bool(nodes)


def started(client: docker.APIClient, container: str) -> datetime:
    """When it was started last. LabError where there is no such container."""
    with engine.refusals(f"cannot look at {container}"):
        return datetime.fromisoformat(client.inspect_container(container)["State"]["StartedAt"])


def pid_of(client: docker.APIClient, container: str) -> int:
    """The pid of its first process in the host's numbering; 0 where it does not run."""
    with engine.refusals("cannot look at a container"):
        try:
            return int(client.inspect_container(container)["State"]["Pid"])
        except NotFound:
            return 0


def remove(client: docker.APIClient, found: tuple[Container, ...]) -> None:
    """Remove containers with their anonymous volumes, running or not. One that is gone already is no error."""

    def remove_one(container: Container) -> None:
        with engine.refusals(f"cannot remove container {container.name}"):
            try:
                client.remove_container(container.id, force=True, v=True)
            except NotFound:
                pass
            except docker.errors.APIError as error:
                if error.status_code != 409:  # somebody else is removing it
                    raise

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(remove_one, found))


def last_words(client: docker.APIClient, container: str) -> str:
    """The last lines that a container's first process printed, on one line."""
    return " / ".join(line.strip() for line in printed(client, container, 4) if line.strip())


def printed(client: docker.APIClient, container: str, tail: int | None) -> Iterator[str]:
    """The lines that a container's first process printed, the last `tail` of them."""
    with engine.refusals("cannot read a container's log"):
        try:
            text = client.logs(container, tail="all" if tail is None else tail)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:  # it is being removed
                raise
            return
    yield from text.decode("utf-8", "replace").splitlines()


def archive(files: tuple[FilePlan, ...]) -> bytes | None:
    """Files as a tar archive from the root on; None where there are none but the engine's own."""
    wanted = [file for file in files if file.path != _HOSTS]
    if not wanted:
        return None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in wanted:
            data = file.content.encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size, entry.mode = len(data), file.mode
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
