"""What a user wrote: the topology file with the position of every value. Generic; a kind's own options stay opaque."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any, Literal

from netlab.model.errors import Position
from netlab.model.runtime import Traits

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network
Key = str | int


class Expect(StrEnum):
    """What a router is expected to do with the flows to a VIP."""

    ECMP = "ecmp"
    SINGLE_PATH = "single-path"
    PER_PACKET = "per-packet"
    ANY = "any"


@dataclass(frozen=True)
class Expectation:
    """What a router is expected to do, by IP version."""

    ipv4: Expect = Expect.ANY
    ipv6: Expect = Expect.ANY

    def of(self, version: int) -> Expect:
        """The expectation for flows of IP version 4 or 6."""
        return self.ipv4 if version == 4 else self.ipv6


@dataclass(frozen=True)
class Located:
    """A plain YAML value (mappings are dicts, sequences lists) and where each part of it stands.

    `positions` maps a path inside `value`, such as ("bgp", "neighbors", 0), to the place of that value;
    `key_positions` maps the same paths to the place of the mapping key. The empty path is the value itself.
    """

    value: Any
    positions: Mapping[tuple[Key, ...], Position] = field(repr=False)
    key_positions: Mapping[tuple[Key, ...], Position] = field(repr=False)

    def at(self, *path: Key) -> Position:
        """The place of the value at `path`, or of its nearest parent that has one."""
        while path and path not in self.positions:
            path = path[:-1]
        return self.positions[path]

    def key_at(self, *path: Key) -> Position:
        """The place of the mapping key at `path`; the value's place where it has no key."""
        return self.key_positions.get(path) or self.at(*path)

    def child(self, *path: Key) -> Located:
        """The value at `path` with the positions below it."""
        value = self.value
        for key in path:
            value = value[key]
        size = len(path)
        return Located(
            value,
            {p[size:]: where for p, where in self.positions.items() if p[:size] == path},
            {p[size:]: where for p, where in self.key_positions.items() if p[:size] == path},
        )


@dataclass(frozen=True)
class BindSpec:
    """A file or folder of the host that a node sees: `source` is absolute, resolved against the topology's folder."""

    source: Path
    target: str
    read_only: bool
    position: Position
    kept_from_writing: bool = False
    """It is read-only against what the file says: it lies outside the topology's folder."""


@dataclass(frozen=True)
class RouteSpec:
    """A static route that the user wrote: `{to: PREFIX, via: ADDRESS}`."""

    to: str
    via: str
    position: Position


@dataclass(frozen=True)
class ContainerLimits:
    """What a container may use of the host, as the file says it and as a container engine is told. Sizes in bytes."""

    devices: tuple[str, ...] = ()
    """Devices of the host, `HOST[:TARGET[:rwm]]`, as `docker run --device` has them."""
    tmpfs: tuple[tuple[str, str], ...] = ()
    """Folders kept in memory, each with its mount options, as `docker run --tmpfs` has them."""
    security_options: tuple[str, ...] = ()
    """As `docker run --security-opt` has them."""
    cpus: float | None = None
    """How many processors it may use."""
    cpu_set: str | None = None
    """Which processors it may use: `0-1,3`."""
    memory: int | None = None
    shm_size: int | None = None
    """The size of its /dev/shm."""


@dataclass(frozen=True)
class ContainerSpec:
    """What the file says of a node's container, and of the program that it runs."""

    command: tuple[str, ...] = ()
    """`cmd`."""
    entrypoint: tuple[str, ...] = ()
    user: str | None = None
    ports: tuple[str, ...] = ()
    management: bool = False
    privileged: bool = False
    capabilities: tuple[str, ...] = ()
    limits: ContainerLimits = ContainerLimits()


@dataclass(frozen=True)
class BoundFile:
    """A file of the host that a bind shows to a node, read because the node's kind looks into it.

    `path` is the node's, `file` its name in positions."""

    path: str
    file: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class NodeSpec:
    """One node as written, after `defaults`, `kinds` and `groups` were merged into it."""

    name: str
    kind: str
    position: Position
    options: Located
    """The kind's own keys (everything that is not generic), to be checked by the kind."""
    image: str | None = None
    rootfs: Path | None = None
    """The unpacked root file system that it runs from: absolute, every link followed."""
    startup_config: Path | None = None
    startup_config_position: Position | None = None
    embedded_config: str | None = field(default=None, repr=False)
    """A startup-config that stands in the topology file itself."""
    container: ContainerSpec = ContainerSpec()
    bound: tuple[BoundFile, ...] = ()
    """The bound files that the node's kind looks into (`Kind.reads`)."""
    exec: tuple[str, ...] = ()
    binds: tuple[BindSpec, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    routes: Literal["auto", "none"] | tuple[RouteSpec, ...] = "auto"
    """Static routes: `auto` lets the planner give a host the routes to the lab's other subnets."""
    expect: Expectation = Expectation()


@dataclass(frozen=True)
class LayerSpec:
    """Keys for several nodes, from `defaults`, `kinds` or `groups`. `kind` is whose they are, where the layer says."""

    kind: str | None
    options: Located
    startup_config_position: Position | None = None


@dataclass(frozen=True)
class EndpointSpec:
    """One end of a link. `interface` is None where the file leaves the name to netlab (`k8s`, or a bridge's port)."""

    node: str
    interface: str | None
    position: Position


@dataclass(frozen=True)
class LinkSpec:
    """A link as written. `ipv4` and `ipv6` hold one address per endpoint, None where an endpoint has none."""

    endpoints: tuple[EndpointSpec, EndpointSpec]
    position: Position
    mtu: int | None = None
    ipv4: tuple[IPv4Interface | None, IPv4Interface | None] = (None, None)
    ipv6: tuple[IPv6Interface | None, IPv6Interface | None] = (None, None)
    auto_ipv4: bool = False
    """`ipv4: auto`: the planner picks a subnet."""
    auto_ipv6: bool = False
    macs: tuple[str | None, str | None] = (None, None)
    """The ends' MAC addresses, in lower case; None for the kernel's choice."""


@dataclass(frozen=True)
class DummySpec:
    """An interface that no link leads to (containerlab's link of type dummy)."""

    endpoint: EndpointSpec
    mtu: int | None = None
    ipv4: IPv4Interface | None = None
    ipv6: IPv6Interface | None = None
    mac: str | None = None

    @property
    def position(self) -> Position:
        """The place of its endpoint."""
        return self.endpoint.position


@dataclass(frozen=True)
class WrittenKey:
    """A key that the file has, of those that not every runtime honours. `top`: it stands beside `topology`."""

    key: str
    position: Position
    top: bool = False


@dataclass(frozen=True)
class Topology:
    """A whole topology file, checked for everything that needs no knowledge of a kind."""

    name: str
    file: Path
    """Absolute path of the topology file; its folder is where relative paths start."""
    runtime: Traits
    """What its nodes are run by."""
    nodes: tuple[NodeSpec, ...]
    links: tuple[LinkSpec, ...]
    layers: tuple[LayerSpec, ...] = ()
    dummies: tuple[DummySpec, ...] = ()
    prefix: str | None = None
    """What the names of its containers begin with; None for netlab's choice."""
    written: tuple[WrittenKey, ...] = ()
    deployed_as: str | None = None
    """The name that the lab is given in place of the file's."""

    @property
    def lab_name(self) -> str:
        """What the lab that is deployed is called."""
        return self.deployed_as or self.name

    def node(self, name: str) -> NodeSpec:
        """The node of that name. KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)
