"""A node's generic keys: checked, and made a NodeSpec."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from pathlib import Path, PurePosixPath

from netlab.model.errors import Position
from netlab.model.topology import BindSpec, Expect, Expectation, Key, Located, NodeSpec, RouteSpec
from netlab.topology.checking import check
from netlab.topology.containers import container_spec, stage_commands
from netlab.topology.envfiles import read_env_file
from netlab.topology.merge import split
from netlab.topology.names import is_env_name, is_sysctl
from netlab.topology.paths import inside, root_folder, shared_software
from netlab.topology.prefixes import meant
from netlab.topology.problems import Problems
from netlab.topology.schema import ExpectKeys, NodeKeys
from netlab.topology.tree import Branch, located


@dataclass(frozen=True)
class Place:
    """Where a node's paths start, and what containerlab's variables in them stand for."""

    folder: Path
    lab: str
    node: str = ""
    """Empty for a layer, which is no node's yet."""

    def resolve(self, text: str) -> str:
        """The text with containerlab's own variables written out: its folder for the lab lies beside the file."""
        folder = f"clab-{self.lab}"
        named = text.replace("__clabDir__", folder).replace("__clabNodeDir__", f"{folder}/{self.node}")
        return named.replace("__clabNodeName__", self.node)

    def knows(self, text: str) -> bool:
        """Whether the text is complete: a layer cannot say whose name will stand in it."""
        return bool(self.node) or "__clabNode" not in text


def node_spec(kind: str, merged: Branch, position: Position, *, place: Place, problems: Problems) -> NodeSpec:
    """The node whose merged keys are `merged`. A generic key with a wrong value counts as not written."""
    folder, name = place.folder, place.node
    generic, own = split(merged)
    where = located(generic)
    keys, found = check(NodeKeys, where, "a node")
    problems.extend(found)
    keys = keys or NodeKeys()
    _check_exec(where, problems)
    _check_env(where, problems)
    _check_sysctls(where, problems)
    embedded = keys.startup_config if keys.startup_config and "\n" in keys.startup_config else None
    startup = None if embedded else _startup_config(keys.startup_config, where, place, problems)
    commands = (*stage_commands(keys, where, problems), *keys.exec)
    return NodeSpec(
        name=name,
        kind=kind,
        position=position,
        options=located(own),
        image=keys.image,
        rootfs=root_folder(folder, keys.rootfs, where.at("rootfs"), problems) if keys.rootfs else None,
        startup_config=startup,
        startup_config_position=where.at("startup-config") if startup or embedded else None,
        embedded_config=embedded,
        container=container_spec(keys, where, problems),
        exec=tuple(place.resolve(command) for command in commands),
        binds=_binds(where, place, problems),
        env=tuple({**_env_files(keys, where, place, problems), **keys.env}.items()),
        sysctls=tuple(keys.sysctls.items()),
        labels=tuple(keys.labels.items()),
        routes=_routes(where, problems) or (keys.routes if isinstance(keys.routes, str) else ()),
        expect=_expectation(keys.expect),
    )


def _expectation(written: Expect | ExpectKeys) -> Expectation:
    if isinstance(written, ExpectKeys):
        return Expectation(written.ipv4, written.ipv6)
    return Expectation(written, written)


def check_layer(one: Branch, place: Place, problems: Problems) -> NodeSpec:
    """Check the generic keys of a layer by itself, so that one which no node uses is checked too."""
    return node_spec("", one, one.position, place=place, problems=problems)


def _env_files(keys: NodeKeys, where: Located, place: Place, problems: Problems) -> dict[str, str]:
    """The variables of the files, a later file's over an earlier one's."""
    found: dict[str, str] = {}
    for index, written in enumerate(keys.env_files):
        if place.knows(written):
            found |= read_env_file(place.folder, place.resolve(written), where.at("env-files", index), problems)
    return found


def _texts(where: Located, key: str) -> Iterator[tuple[Key, str]]:
    """The texts of a list or map, by index or key; what is no text among them is the schema's to report."""
    value = where.value.get(key)
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    yield from ((index, text) for index, text in pairs if isinstance(text, str))


def _check_exec(where: Located, problems: Problems) -> None:
    for index, command in _texts(where, "exec"):
        try:
            if command and not shlex.split(command):
                problems.add("an empty command", where.at("exec", index), "remove it")
        except ValueError:
            problems.add("a quote or backslash in this command is not closed", where.at("exec", index), "close it")


def _check_env(where: Located, problems: Problems) -> None:
    for name, _ in _texts(where, "env"):
        if isinstance(name, str) and not is_env_name(name):
            place = where.key_at("env", name)
            problems.add(f'"{name}" is no name for a variable', place, "letters, digits and _, no digit first")


def _check_sysctls(where: Located, problems: Problems) -> None:
    for name, value in _texts(where, "sysctls"):
        if not isinstance(name, str):
            continue
        if not is_sysctl(name):
            place = where.key_at("sysctls", name)
            problems.add(f'"{name}" is not a sysctl of a network namespace', place, "write it as net.ipv4.ip_forward")
        elif not value.strip():
            problems.add(f'sysctl "{name}" has no value', where.at("sysctls", name), "write one")


def _startup_config(written: str | None, where: Located, place: Place, problems: Problems) -> Path | None:
    if written is None or not place.knows(written):
        return None
    if re.match("(https?|s3)://", written):
        problems.add("a startup-config from the network", where.at("startup-config"), "download it beside the file")
        return None
    path = inside(place.folder, place.resolve(written), where.at("startup-config"), problems)
    if path is not None and not path.is_file():
        problems.add(f'"{written}" is not a file', where.at("startup-config"), "name a file with the configuration")
        return None
    return path


def _binds(where: Located, place: Place, problems: Problems) -> tuple[BindSpec, ...]:
    specs: dict[str, BindSpec] = {}
    for index, bind in _texts(where, "binds"):
        at = where.at("binds", index)
        source, *rest = bind.split(":")
        if not source or len(rest) not in {1, 2} or not rest[0]:
            problems.add(f'"{bind}" is no bind', at, "write SOURCE:TARGET or SOURCE:TARGET:ro")
            continue
        target, mode = rest[0], rest[1] if len(rest) == 2 else "rw"
        if mode not in {"ro", "rw"}:
            problems.add(f'unknown bind mode "{mode}"', at, "ro or rw")
        if not target.startswith("/") or ".." in PurePosixPath(target).parts or not target.strip("/"):
            problems.add(f'bind target "{target}" is not an absolute path below /', at, "without ..")
            continue
        normal = "/" + str(PurePosixPath(target)).lstrip("/")
        if normal in specs:
            problems.add(f'two binds to "{normal}"', at, f"the first stands in line {specs[normal].position.line}")
        if not place.knows(source):
            continue
        source = place.resolve(source)
        shared = shared_software(source)
        path = shared or inside(place.folder, source, at, problems)
        if path is not None:
            specs[normal] = BindSpec(
                path, normal, mode == "ro" or shared is not None, at, mode == "rw" and shared is not None
            )
    return tuple(specs.values())


def _routes(where: Located, problems: Problems) -> tuple[RouteSpec, ...]:
    routes = where.value.get("routes")
    specs = (
        _route(route["to"], route["via"], where.child("routes", index), problems)
        for index, route in enumerate(routes if isinstance(routes, list) else ())
        if isinstance(route, dict) and isinstance(route.get("to"), str) and isinstance(route.get("via"), str)
    )
    return tuple(spec for spec in specs if spec is not None)


def _route(to: str, via: str, where: Located, problems: Problems) -> RouteSpec | None:
    try:
        gateway = ip_address(via.replace("%", "%%"))  # no zone: a next hop's interface is not written here
    except ValueError:
        problems.add(f'"{via}" is not an IP address', where.at("via"), "as in 10.0.0.1")
        return None
    default = "0.0.0.0/0" if gateway.version == 4 else "::/0"
    try:
        prefix = ip_interface(default if to == "default" else to.replace("%", "%%"))
    except ValueError:
        problems.add(f'"{to}" is not a prefix', where.at("to"), "as in 10.0.0.0/24, or default")
        return None
    if to != "default" and "/" not in to:
        problems.add(f"{to} has no prefix length", where.at("to"), meant(prefix.network))
    elif prefix.ip != prefix.network.network_address:
        problems.add(f'"{to}" has host bits set', where.at("to"), f"did you mean {prefix.network}?")
    elif prefix.version != gateway.version:
        problems.add(f"{prefix} and {gateway} are not of the same IP version", where.at("to"), "IPv4 or IPv6 for both")
    else:
        return RouteSpec(str(prefix.network), str(gateway), where.at())
    return None
