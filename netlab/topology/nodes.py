"""A node's generic keys: checked, and made a NodeSpec."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from pathlib import Path, PurePosixPath

from netlab.model.errors import Position
from netlab.model.topology import BindSpec, Expect, Expectation, Key, Located, NodeSpec, RouteSpec
from netlab.topology.checking import check
from netlab.topology.merge import split
from netlab.topology.names import is_env_name, is_sysctl
from netlab.topology.paths import inside, root_folder
from netlab.topology.problems import Problems
from netlab.topology.schema import ExpectKeys, NodeKeys
from netlab.topology.tree import Branch, located


def node_spec(name: str, kind: str, merged: Branch, place: Position, *, folder: Path, problems: Problems) -> NodeSpec:
    """The node whose merged keys are `merged`. A generic key with a wrong value counts as not written."""
    generic, own = split(merged)
    where = located(generic)
    keys, found = check(NodeKeys, where, "a node")
    problems.extend(found)
    keys = keys or NodeKeys()
    _check_exec(where, problems)
    _check_env(where, problems)
    _check_sysctls(where, problems)
    startup = _startup_config(keys.startup_config, where, folder, problems)
    return NodeSpec(
        name=name,
        kind=kind,
        position=place,
        options=located(own),
        image=keys.image,
        rootfs=root_folder(folder, keys.rootfs, where.at("rootfs"), problems) if keys.rootfs else None,
        startup_config=startup,
        startup_config_position=where.at("startup-config") if startup else None,
        exec=tuple(keys.exec),
        binds=_binds(where, folder, problems),
        env=tuple(keys.env.items()),
        sysctls=tuple(keys.sysctls.items()),
        labels=tuple(keys.labels.items()),
        routes=_routes(where, problems) or (keys.routes if isinstance(keys.routes, str) else ()),
        expect=_expectation(keys.expect),
    )


def _expectation(written: Expect | ExpectKeys) -> Expectation:
    if isinstance(written, ExpectKeys):
        return Expectation(written.ipv4, written.ipv6)
    return Expectation(written, written)


def check_layer(one: Branch, folder: Path, problems: Problems) -> NodeSpec:
    """Check the generic keys of a layer by itself, so that one which no node uses is checked too."""
    return node_spec("", "", one, one.position, folder=folder, problems=problems)


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


def _startup_config(written: str | None, where: Located, folder: Path, problems: Problems) -> Path | None:
    if written is None:
        return None
    path = inside(folder, written, where.at("startup-config"), problems)
    if path is not None and not path.is_file():
        problems.add(f'"{written}" is not a file', where.at("startup-config"), "name a file with the configuration")
        return None
    return path


def _binds(where: Located, folder: Path, problems: Problems) -> tuple[BindSpec, ...]:
    specs: dict[str, BindSpec] = {}
    for index, bind in _texts(where, "binds"):
        place = where.at("binds", index)
        source, *rest = bind.split(":")
        if not source or len(rest) not in {1, 2} or not rest[0]:
            problems.add(f'"{bind}" is no bind', place, "write SOURCE:TARGET or SOURCE:TARGET:ro")
            continue
        target, mode = rest[0], rest[1] if len(rest) == 2 else "rw"
        if mode not in {"ro", "rw"}:
            problems.add(f'unknown bind mode "{mode}"', place, "ro or rw")
        if not target.startswith("/") or ".." in PurePosixPath(target).parts or not target.strip("/"):
            problems.add(f'bind target "{target}" is not an absolute path below /', place, "without ..")
            continue
        normal = "/" + str(PurePosixPath(target)).lstrip("/")
        if normal in specs:
            problems.add(f'two binds to "{normal}"', place, f"the first stands in line {specs[normal].position.line}")
        path = inside(folder, source, place, problems)
        if path is not None:
            specs[normal] = BindSpec(path, normal, mode == "ro", place)
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
    if prefix.ip != prefix.network.network_address:
        problems.add(f'"{to}" has host bits set', where.at("to"), f"did you mean {prefix.network}?")
    elif prefix.version != gateway.version:
        problems.add(f"{prefix} and {gateway} are not of the same IP version", where.at("to"), "IPv4 or IPv6 for both")
    else:
        return RouteSpec(str(prefix.network), str(gateway), where.at())
    return None
