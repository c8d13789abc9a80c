"""The keys of containerlab's files that only a container engine can honour, and those that are taken and not used.

What it means to take a key and not use it stands with the key: it is what the user is told (netlab.plan.notes).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from netlab.topology import patterns
from netlab.topology.keys import Keys, Text, scalar_map, written

_SIZE = re.compile(patterns.SIZE, re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def size_in_bytes(text: str) -> int:
    """A size as the container engines write it: `64m`, `1Gb`, `512 MiB`. Powers of 1024. ValueError for another."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a size')
    return int(float(found["number"]) * _UNITS[(found["unit"] or "")[:1].lower()])


def _is_size(text: str) -> str:
    if not _SIZE.fullmatch(text) or size_in_bytes(text) < 1:
        raise ValueError("must be a size, as in 512mb or 1gb")
    return text


def _is_port(text: str) -> str:
    if not re.fullmatch(patterns.PUBLISHED, text):
        raise ValueError("must be [[ADDRESS:]HOST:]PORT[/tcp|udp|sctp], as in 8080:80/tcp")
    return text


def _is_capability(text: str) -> str:
    if not re.fullmatch(patterns.CAPABILITY, text):
        raise ValueError("must be the name of a capability, as in NET_RAW")
    return text


def _is_cpu_set(text: str) -> str:
    if not re.fullmatch(patterns.CPU_SET, text):
        raise ValueError("must name processors, as in 0-1,3")
    return text


Size = Annotated[
    str, Field(min_length=1), AfterValidator(_is_size), WithJsonSchema({"type": "string", "title": "size"})
]
Port = Annotated[str, Field(min_length=1), AfterValidator(_is_port), written(patterns.PUBLISHED, "port")]
Capability = Annotated[str, AfterValidator(_is_capability), written(patterns.CAPABILITY, "capability")]
CpuSet = Annotated[str, AfterValidator(_is_cpu_set), written(patterns.CPU_SET, "processors")]
Scalars = Annotated[dict[str, str], scalar_map()]


class StageCommand(Keys):
    """A command of a stage."""

    command: Annotated[str, Field(min_length=1), written(r"\S", "command")] = Field(description="without a shell")
    target: Literal["container", "host"] = Field(default="container", description="netlab runs none on the host")
    phase: Literal["on-enter", "on-exit"] = Field(default="on-enter", description="at the stage's begin or end")


class Stage(Keys):
    """A stage of a node's deployment."""

    wait_for: list[dict[str, Any]] | None = Field(
        default=None, description="taken and not used: netlab starts every node at once"
    )
    exec: list[StageCommand] | None = Field(
        default=None, description="commands; those after the links are made run with the node's `exec`"
    )


class Stages(Keys):
    """containerlab's stages of a node's deployment."""

    create: Stage | None = Field(default=None, description="before the container is there")
    create_links: Stage | None = Field(default=None, description="while its links are made")
    configure: Stage | None = Field(default=None, description="while `exec` runs")
    healthy: Stage | None = Field(default=None, description="once it is healthy")
    exit: Stage | None = Field(default=None, description="once it has ended")


class EngineKeys(Keys):
    """What a node's container is told. Without containers, `cmd` and `entrypoint` name programs of the host."""

    cmd: Annotated[str, written(r"\S", "command")] | None = Field(
        default=None, description="a program that a host runs from the start on, without a shell"
    )
    entrypoint: Annotated[str, written(r"\S", "command")] | None = Field(
        default=None, description="what runs `cmd`, in place of the image's own"
    )
    user: Text | Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="who `cmd` runs as, `USER[:GROUP]`; docker alone"
    )
    env_files: list[Text] = Field(default=[], description="files of `NAME=VALUE` lines; `env` goes over them")
    ports: list[Port] = Field(
        default=[], description="published on the host, as `docker run -p` has them; docker alone, with `mgmt: true`"
    )
    mgmt: bool = Field(
        default=False, description="the engine's own network as eth0, with a default route by it; docker alone"
    )
    network_mode: Text | None = Field(
        default=None, description="`none` is what every node has; `host` and `container:` are refused"
    )
    cap_add: list[Capability] = Field(
        default=[], description="capabilities beyond those that every node has; docker alone"
    )
    privileged: bool = Field(default=False, description="every capability and device of the host; docker alone")
    devices: list[Text] = Field(default=[], description="of the host, `HOST[:TARGET[:rwm]]`; docker alone")
    tmpfs: Scalars = Field(default={}, description="folders in memory, each with its mount options; docker alone")
    security_opts: list[Text] = Field(default=[], description="as `docker run --security-opt`; docker alone")
    shm_size: Size | None = Field(default=None, description="of /dev/shm; docker alone")
    cpu: Annotated[float, Field(gt=0)] | None = Field(default=None, description="processors; docker alone")
    cpu_set: CpuSet | None = Field(default=None, description="which processors; docker alone")
    memory: Size | None = Field(default=None, description="limit; docker alone")
    stages: Stages | None = Field(default=None, description="commands by stage; nothing is waited for")


class IgnoredKeys(Keys):
    """Keys of containerlab's nodes that are taken and not used. The description says why."""

    type: Text | None = Field(default=None, description="netlab's kinds have no types")
    startup_delay: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="netlab starts all nodes at once and waits for what each needs"
    )
    wait_for: list[Text] | None = Field(
        default=None, description="netlab starts all nodes at once and waits for what each needs"
    )
    enforce_startup_config: bool | None = Field(
        default=None, description="a startup-config is always taken from its file"
    )
    suppress_startup_config: bool | None = Field(
        default=None, description="netlab makes a startup-config only where it has options to make it from"
    )
    auto_remove: bool | None = Field(default=None, description="a node that has ended stays until `netlab destroy`")
    restart_policy: Literal["no", "on-failure", "always", "unless-stopped"] | None = Field(
        default=None, description="a node that has ended stays as it is, for a look into it"
    )
    image_pull_policy: Literal["IfNotPresent", "ifnotpresent", "Never", "never", "Always", "always"] | None = Field(
        default=None, description="netlab pulls no image: it says which one is missing"
    )
    license: Text | None = Field(default=None, description="none of netlab's kinds needs one")
    position: Text | None = Field(default=None, description="`netlab graph` places the nodes itself")
    hostname: Text | None = Field(default=None, description="a node's host name is its name in the file")
    config: dict[str, Any] | None = Field(default=None, description="netlab has no templates of its own")
    extras: dict[str, Any] | None = Field(default=None, description="they are for containerlab's own kinds")
    components: list[Any] | None = Field(default=None, description="they are for containerlab's own kinds")
    dns: dict[str, Any] | None = Field(default=None, description="nodes know each other by /etc/hosts")
    certificate: dict[str, Any] | None = Field(default=None, description="netlab issues no certificates")
    healthcheck: dict[str, Any] | None = Field(
        default=None, description="deploy waits for processes, sessions and routes instead"
    )
    credentials: dict[str, Any] | None = Field(default=None, description="netlab logs in to no node")
    username: Text | None = Field(default=None, description="netlab logs in to no node")
    password: Text | None = Field(default=None, description="netlab logs in to no node")
    aliases: list[Text] | None = Field(default=None, description="there is no management network to have names in")
    mgmt_ipv4: Text | None = Field(default=None, description="there is no management network to have an address in")
    mgmt_ipv6: Text | None = Field(default=None, description="there is no management network to have an address in")
    runtime: Text | None = Field(default=None, description="one runtime runs all nodes of a lab")
    pid_mode: Text | None = Field(default=None, description="every node has process ids of its own")
    cgroupns_mode: Text | None = Field(default=None, description="every node has control groups of its own")
    link_apply_mode: Literal["live", "restart", "recreate"] | None = Field(
        default=None, description="a changed lab is deployed anew (`--reconfigure`)"
    )


class NodeOnlyKeys(EngineKeys, IgnoredKeys):
    """The keys of a node that say something of containers or that are not used."""


class IgnoredTopKeys(Keys):
    """Keys at the top of containerlab's files that are taken and not used."""

    mgmt: dict[str, Any] | None = Field(
        default=None, description="there is no management network; `mgmt: true` of a node gives it docker's"
    )
    settings: dict[str, Any] | None = Field(default=None, description="netlab issues no certificates")
    debug: bool | None = Field(default=None, description="`netlab logs` has what the nodes say")


_KINDS = """
6wind_vsr arista_ceos arista_veos arrcus_arcos aruba_aoscx border0 c8000 c8000v ceos checkpoint_cloudguard
ciena_saos cisco_asav cisco_c8000 cisco_c8000v cisco_cat9kv cisco_csr1000v cisco_ftdv cisco_iol cisco_n9kv
cisco_sdwan cisco_vios cisco_xrd cisco_xrv cisco_xrv9k crpd cumulus_cvx cvx dell_ftosv dell_sonic f5_bigip-ve
fdio_vpp fortinet_fortigate freebsd generic_vm host huawei_vrp ipinfusion_ocnos juniper_crpd
juniper_vjunosevolved juniper_vjunosrouter juniper_vjunosswitch juniper_vmx juniper_vqfx juniper_vsrx
keysight_ixia-c-one mikrotik_ros nokia_srlinux nokia_srsim nokia_sros nvidia_cumulusvx openbsd openwrt ostinato
ovs-bridge paloalto_panos rare sonic-vm sonic-vs spirent_stc srl vr-aruba_aoscx vr-csr vr-ftosv vr-n9kv vr-pan
vr-ros vr-sros vr-veos vr-vmx vr-vqfx vr-vsrx vr-xrv vr-xrv9k xrd
"""
KINDS = frozenset(_KINDS.split())
"""containerlab's kinds that netlab does not have. Some need a licence, others a host's bridge, none runs here."""


def as_always(key: str, value: object) -> bool:
    """Whether an ignored key asks for what holds anyway, so that there is nothing to say."""
    if key == "enforce-startup-config":
        return value is True
    return value in (None, False, {}, []) or (key == "restart-policy" and value == "no")


def reasons(model: type[Keys]) -> dict[str, str]:
    """Why each of a model's keys is not used."""
    found = ((field.alias or name, str(field.description)) for name, field in model.model_fields.items())
    return {key: description.replace("`", "") for key, description in found}
