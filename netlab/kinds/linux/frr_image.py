"""A `linux` node with an image of FRR: which daemons its bound files name, and what they say of addresses and BGP.

The image's own start script reads /etc/frr/daemons, starts zebra, staticd and each daemon that the file sets to `yes`,
and loads /etc/frr/frr.conf; without that file each daemon reads its own (docs.frrouting.org, "Basic Setup").
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from netlab.daemons.frr import running
from netlab.kinds.base import GivenAddress, SourceText
from netlab.kinds.frr.startup import StartupConfig, parse_startup
from netlab.model.errors import Problem, TopologyError
from netlab.model.plan import FilePlan, NeighborPlan, ProcessPlan, StartupCheck
from netlab.model.topology import NodeSpec
from netlab.topology.problems import Problems

_FOLDER = "/etc/frr"
_DAEMONS = f"{_FOLDER}/daemons"
_VTYSH = f"{_FOLDER}/vtysh.conf"
_ALWAYS = ("zebra", "staticd")
_OWN_FILES = tuple(f"{_FOLDER}/{daemon}.conf" for daemon in (*_ALWAYS, *running.OPTIONAL_DAEMONS))
READS = (_DAEMONS, _VTYSH, running.CONFIG, *_OWN_FILES)
"""What the kind looks into, where a bind shows it."""

_SETTING = re.compile(r"^[ \t]*(?P<name>\w+)=(?P<value>.*?)[ \t]*$", re.MULTILINE)
_APART = re.compile(r"^\s*no service integrated-vtysh-config\b", re.MULTILINE)
_NETLABS_OWN = frozenset({"-A", "-s", "-P", "-u", "-g", "--vty_addr", "--vty_port"})
"""Options of a daemon that take a value and that netlab sets itself or that mean nothing here."""


def is_frr_image(image: str | None) -> bool:
    """Whether an image is FRR's, by its repository: the name ends in `frr`, or has `frrouting/frr` in it."""
    if image is None:
        return False
    repository = image.partition("@")[0]
    folder, slash, name = repository.rpartition("/")
    repository = f"{folder}{slash}{name.partition(':')[0]}"
    return repository.endswith("frr") or "frrouting/frr" in repository


@dataclass(frozen=True)
class FrrImage:
    """What the bound files say."""

    daemons: tuple[str, ...]
    arguments: Mapping[str, tuple[str, ...]]
    """What the file of daemons gives each daemon beyond the usual."""
    profile: str
    config: StartupConfig | None
    """The integrated configuration, where there is one."""
    addresses: tuple[GivenAddress, ...]
    asn: int | None
    neighbors: tuple[NeighborPlan, ...]
    bound: frozenset[str]
    whole_folder: bool
    """/etc/frr itself is the user's, and nothing of netlab's goes into it."""


def read_bound(node: NodeSpec) -> FrrImage:
    """What the node's bound files say. Raises TopologyError with every problem of them."""
    problems = Problems()
    files = {file.path: SourceText(file.file, file.text) for file in node.bound}
    settings = _settings(files.get(_DAEMONS))
    apart = _VTYSH in files and _APART.search(files[_VTYSH].text) is not None
    paths = _OWN_FILES if apart or running.CONFIG not in files else (running.CONFIG,)
    configs: list[StartupConfig] = []
    for path in paths:
        if path in files:
            with problems.gather():
                configs.append(parse_startup(files[path]))
    arguments = {}
    for name in (*_ALWAYS, *running.OPTIONAL_DAEMONS):
        with problems.gather():
            arguments[name] = _arguments(name, settings, files)
    problems.raise_any()
    text = "\n".join(config.text for config in configs)
    named = tuple(name for name in running.OPTIONAL_DAEMONS if settings.get(name) == "yes")
    daemons = (*_ALWAYS, *named) if _DAEMONS in files else running.daemons_for(text)
    return FrrImage(
        daemons,
        arguments,
        settings.get("frr_profile") or "traditional",
        configs[0] if configs and paths == (running.CONFIG,) else None,
        tuple(address for config in configs for address in config.addresses),
        next((config.asn for config in configs if config.asn is not None), None),
        tuple(neighbor for config in configs for neighbor in config.neighbors),
        frozenset(files),
        whole_folder=any(f"{_FOLDER}/".startswith(f"{bind.target}/") for bind in node.binds),
    )


def processes(frr: FrrImage) -> tuple[ProcessPlan, ...]:
    """FRR's daemons as the image's start script has them, and the integrated configuration."""
    planned = running.router_processes(frr.daemons, frr.config.file if frr.config else None)
    profile = ("-F", frr.profile)
    return tuple(
        replace(process, argv=(*process.argv[:-2], *profile, *frr.arguments.get(process.name, ())))
        if process.name in frr.daemons or process.name == "mgmtd"
        else process
        for process in planned
        if frr.config is not None or not process.oneshot
    )


def files(frr: FrrImage) -> tuple[FilePlan, ...]:
    """What netlab writes to /etc/frr: the files that the user has not bound. No configuration where there is none."""
    made = () if frr.whole_folder else running.files("", frr.daemons)
    return tuple(file for file in made if file.path not in frr.bound and file.path != running.CONFIG)


def startup_check(frr: FrrImage) -> StartupCheck | None:
    """How the integrated configuration is checked."""
    return replace(running.startup_check(frr.config.file), text=frr.config.text) if frr.config else None


def _settings(source: SourceText | None) -> dict[str, str]:
    """The settings of a file of daemons, which FRR's start script reads as a shell does."""
    if source is None:
        return {}
    found = {}
    for setting in _SETTING.finditer(source.text):
        value = setting["value"].partition(" #")[0].strip()
        found[setting["name"]] = value.strip("\"'") if value[:1] in ("'", '"') else value
    return found


def _arguments(daemon: str, settings: Mapping[str, str], files: Mapping[str, SourceText]) -> tuple[str, ...]:
    try:
        words = shlex.split(settings.get(f"{daemon}_options", ""))
    except ValueError:
        message = f"{files[_DAEMONS].file}: a quote in {daemon}_options is not closed"
        raise TopologyError(Problem(message, hint="close it")) from None
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in _NETLABS_OWN:
            skip = True
        elif word not in ("-d", "--daemon"):
            kept.append(word)
    return tuple(kept)
