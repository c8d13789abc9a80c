"""What a node's keys say of its container, of the program that it runs and of commands by stage."""

from __future__ import annotations

import shlex

from netlab.model.topology import ContainerLimits, ContainerSpec, Located
from netlab.topology.containerlab import size_in_bytes
from netlab.topology.problems import Problems
from netlab.topology.schema import NodeKeys

_BEFORE_LINKS = frozenset({("create", "on-enter"), ("create", "on-exit"), ("create-links", "on-enter")})
_NETWORK_MODES = frozenset({"none", "bridge"})


def container_spec(keys: NodeKeys, where: Located, problems: Problems) -> ContainerSpec:
    """The container of a node whose merged keys are `keys`."""
    if keys.network_mode is not None and keys.network_mode.lower() not in _NETWORK_MODES:
        message = f'network-mode "{keys.network_mode}": every node has a network of its own'
        problems.add(message, where.at("network-mode"), "leave the key out, and link the nodes")
    return ContainerSpec(
        command=_words(keys.cmd, "cmd", where, problems),
        entrypoint=_words(keys.entrypoint, "entrypoint", where, problems),
        user=str(keys.user) if keys.user is not None else None,
        ports=tuple(keys.ports),
        management=keys.mgmt,
        privileged=keys.privileged,
        capabilities=tuple(name.removeprefix("CAP_") for name in keys.cap_add),
        limits=ContainerLimits(
            devices=tuple(keys.devices),
            tmpfs=tuple(keys.tmpfs.items()),
            security_options=tuple(keys.security_opts),
            cpus=keys.cpu,
            cpu_set=keys.cpu_set,
            memory=size_in_bytes(keys.memory) if keys.memory else None,
            shm_size=size_in_bytes(keys.shm_size) if keys.shm_size else None,
        ),
    )


def stage_commands(keys: NodeKeys, where: Located, problems: Problems) -> tuple[str, ...]:
    """The commands of the stages after the links are made, in the order of the stages."""
    commands = []
    for name in ("create", "create-links", "configure", "healthy", "exit"):
        stage = getattr(keys.stages, name.replace("-", "_"), None)
        for index, one in enumerate((stage.exec if stage else None) or ()):
            path = ("stages", name, "exec", index)
            if one.target == "host":
                message = "a command on the host: netlab runs commands in nodes alone"
                problems.add(message, where.at(*path, "target"), "run it yourself, before or after deploy")
            elif name == "exit" or (name, one.phase) in _BEFORE_LINKS:
                when = "after the node has ended" if name == "exit" else "before the node has its links"
                problems.add(f"a command {when}: netlab runs none then", where.at(*path), "write it under exec:")
            elif _words(one.command, "command", where.child(*path), problems):
                commands.append(one.command)
    return tuple(commands)


def _words(text: str | None, key: str, where: Located, problems: Problems) -> tuple[str, ...]:
    if text is None:
        return ()
    try:
        words = shlex.split(text)
    except ValueError:
        problems.add(f'a quote or backslash in "{key}" is not closed', where.at(key), "close it")
        return ()
    if not words:
        problems.add(f'"{key}" is empty', where.at(key), "leave the key out")
    return tuple(words)
