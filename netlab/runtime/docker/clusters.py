"""The clusters that kind makes for a lab: their containers carry none of netlab's labels.

So the lab's state folder names them, before kind is started: `clusters`, a line for each, by the name that kind has for
it. Each has a Docker network of its own, called the same, whose labels hold the host's settings as they were before the
cluster: the network lives as long as it does, whichever deployment of the lab it belongs to.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from contextlib import suppress
from ipaddress import IPv6Network
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from netlab.model.errors import LabError
from netlab.runtime.docker import engine
from netlab.statefolder import statefile

LABEL = "io.x-k8s.kind.cluster"
"""By which kind itself finds a cluster's nodes."""
_RECORD = "clusters"
_CREATING = "kind.pid"
_SETTINGS = "netlab.sysctls"
"""The network's label: `path=value` below /proc/sys, a blank between two."""
# What the kubelet sets for itself, on the host: none of them belongs to a namespace.
_KUBELETS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
_MTU = "com.docker.network.driver.mtu"
_SUBNETS = 5  # attempts to find one that nothing has
_FORWARDING = re.compile(r"net/ipv6/conf/[^/]+/forwarding")
_SYSCTLS = Path("/proc/sys")
_SETTLE = 0.2  # seconds between looks at what goes on its own
_NETWORK_TIMEOUT = 10.0


def record(directory: Path | str, names: tuple[str, ...]) -> None:
    """Name the clusters that are about to be made."""
    statefile.write(Path(directory, _RECORD), "".join(f"{name}\n" for name in names).encode())


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
        statefile.write(Path(directory, _CREATING), str(group).encode())


def stop_creation(directory: Path | str) -> None:
    """End a kind command whose netlab was killed, and the docker commands that it runs: they go on without it."""
    with suppress(OSError, ValueError):
        os.killpg(int(Path(directory, _CREATING).read_text(encoding="ascii")), signal.SIGKILL)


def rows(client: docker.APIClient, name: str | None = None) -> list[dict[str, object]]:
    """What the engine lists of a cluster's nodes, in every state; of all clusters without a name."""
    wanted = LABEL if name is None else f"{LABEL}={name}"
    with engine.refusals("cannot list the containers"):
        found: list[dict[str, object]] = client.containers(all=True, filters={"label": wanted})
    return found


def refuse_taken(client: docker.APIClient, names: tuple[str, ...], lab: str) -> None:
    """LabError where there is a cluster or a network of one of these names already."""
    for name in names:
        if rows(client, name):
            what, mend = "kind cluster", f"kind delete cluster --name {name}"
        elif _networks(client, name):
            what, mend = "Docker network", f"docker network rm {name}"
        else:
            continue
        mend = f"give lab {lab} another name or prefix, or remove it: {mend}"
        raise LabError(f"there is a {what} {name} already, which is not this lab's: {mend}")


def make_network(client: docker.APIClient, name: str, *, ipv6: bool) -> None:
    """Make a cluster's own network, as kind makes its shared one, but with IPv6 only where the cluster has it.

    For a network with IPv6 Docker has the host forward IPv6, and nobody takes that back (measured with Docker 20.10:
    net.ipv6.conf.*.forwarding). LabError where the engine refuses.
    """
    settings = {key: value for key in (*_KUBELETS, *(_forwarding() if ipv6 else ())) if (value := _sysctl(key))}
    options = {"com.docker.network.bridge.enable_ip_masquerade": "true"}
    with engine.refusals(f"cannot make the Docker network {name}"):
        if (mtu := _option_of_default_network(client, _MTU)) is not None:
            options[_MTU] = mtu
        for attempt in range(_SUBNETS):
            try:
                client.create_network(
                    name,
                    driver="bridge",
                    options=options,
                    labels={_SETTINGS: " ".join(f"{key}={value}" for key, value in settings.items())},
                    enable_ipv6=ipv6,
                    ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(_subnet(name, attempt)))]) if ipv6 else None,
                )
            except APIError as error:
                if not ipv6 or "overlap" not in str(error) or attempt == _SUBNETS - 1:
                    raise
            else:
                return


def _forwarding() -> tuple[str, ...]:
    """Of all interfaces, which sets each one's, and then of each: interfaces may differ."""
    folders = ("all", "default", *sorted(folder.name for folder in Path(_SYSCTLS, "net/ipv6/conf").glob("*")))
    return tuple(f"net/ipv6/conf/{folder}/forwarding" for folder in dict.fromkeys(folders))


def _option_of_default_network(client: docker.APIClient, option: str) -> str | None:
    with suppress(NotFound):  # an engine can do without
        return dict(client.inspect_network("bridge").get("Options") or {}).get(option)
    return None


def _subnet(name: str, attempt: int) -> IPv6Network:
    """A /64 of the unique local addresses (RFC 4193), by the cluster's name: not every Docker finds one itself."""
    digest = hashlib.sha256(f"{name} {attempt}".encode()).digest()
    return IPv6Network((b"\xfd" + digest[:7] + bytes(8), 64))


def _networks(client: docker.APIClient, name: str) -> list[dict[str, object]]:
    with engine.refusals("cannot list the networks"):
        return [network for network in client.networks(names=[name]) if network["Name"] == name]


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


def restore_sysctls(client: docker.APIClient, names: tuple[str, ...], nodes: tuple[str, ...]) -> None:
    """Put the host's settings back that these clusters and their networks have changed, unless others need them.

    Who is not root does so by a node: they are privileged. The network's settings only root can put back.
    """
    own = set(nodes)
    kubelets = any(row["Id"] not in own for row in rows(client))
    with engine.refusals("cannot list the networks"):
        networks = any(network.get("EnableIPv6") and network["Name"] not in names for network in client.networks())
    for name in names:
        for key, value in _settings(client, name):
            namespaced = key.startswith("net/")
            if _sysctl(key) not in (None, value) and not (networks if namespaced else kubelets):
                _set(client, key, value, () if namespaced else nodes)


def _settings(client: docker.APIClient, name: str) -> list[tuple[str, str]]:
    """What the labels of a cluster's network hold, in the order in which it is put back."""
    found = []
    for network in _networks(client, name):
        labels = network.get("Labels")
        for setting in (labels.get(_SETTINGS, "") if isinstance(labels, dict) else "").split():
            key, _, value = setting.rpartition("=")
            if key in _KUBELETS or _FORWARDING.fullmatch(key):  # a label is the engine's, and netlab may be root
                found.append((key, value))
    return found


def _set(client: docker.APIClient, key: str, value: str, nodes: tuple[str, ...]) -> None:
    try:
        Path(_SYSCTLS, key).write_text(value, encoding="ascii")
    except OSError:
        for node in nodes:
            with suppress(APIError):  # it does not run
                made = client.exec_create(node, ["sysctl", "-q", "-w", f"{key}={value}"])["Id"]
                client.exec_start(made)
                return


def _sysctl(key: str) -> str | None:
    with suppress(OSError):
        return Path(_SYSCTLS, key).read_text(encoding="ascii").strip()
    return None
