"""The options of a BIRD router."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from netlab.kinds.base import SourceText
from netlab.kinds.bgp import BGP_OR_STARTUP_CONFIG, MAX_ASN, BgpOptions, Timers, bgp_problems
from netlab.kinds.common import OptionModel
from netlab.kinds.hashing import HashOptions
from netlab.kinds.serving import SERVE, Serve, announcing, serve_problems
from netlab.model.errors import Problem
from netlab.model.topology import Key, Located, NodeSpec, Topology
from netlab.topology.checking import check_options
from netlab.topology.problems import Problems

MergeLimit = Annotated[int, Field(ge=1, le=255)]
_NOT_OF_BIRD = {
    "maximum-paths": "BIRD has merge-paths: true, false or N",
    "multipath-relax": "with merge-paths BIRD merges paths whose AS paths are equally long, whatever is in them",
}
_ASN_DIGITS = len(str(MAX_ASN))
_COMMENT = re.compile(r'("[^"\n]*")|/\*.*?(?:\*/|\Z)|#[^\n]*', re.DOTALL)
_DEFINED = re.compile(r"\bdefine\s+(\w+)\s*=\s*(\d{1,10})\s*;", re.ASCII)
_LOCAL_AS = re.compile(r"\blocal\s+(?:[\w.:%]+\s+)?(?:port\s+\w+\s+)?as\s+(\w+)", re.ASCII)


class BirdBgp(BgpOptions):
    """`bgp:` of a BIRD router."""

    merge_paths: bool | MergeLimit = Field(
        default=False,
        description="`true`: up to 16 equal paths go into the kernel; a number: at most so many. Left out or `false`, "
        "one does, as by BIRD's own default",
    )


class BirdOptions(OptionModel):
    """The keys of a node of kind bird."""

    model_config = ConfigDict(json_schema_extra=BGP_OR_STARTUP_CONFIG)

    bgp: BirdBgp | None = Field(
        default=None, description="BGP. Not together with `startup-config`, a whole `bird.conf`"
    )
    hash: HashOptions | None = Field(default=None, description="how the router's kernel picks one of several next hops")
    serve: tuple[Serve, ...] = Field(default=(), description=SERVE)


@dataclass(frozen=True)
class CheckedBird:
    """The options, and the startup-config where there is one, with the AS that it speaks for."""

    options: BirdOptions
    startup: SourceText | None
    asn: int | None


def check(node: NodeSpec, topology: Topology, startup_config: SourceText | None) -> CheckedBird:
    """The options of a BIRD router. Raises TopologyError with every problem."""
    problems = Problems()
    options = BirdOptions()
    rest, foreign = _without_foreign_keys(node.options)
    problems.extend(foreign)
    with problems.gather():
        options = check_options(BirdOptions, rest, "a node of kind bird")
    if startup_config is not None and "bgp" in node.options.value:
        problems.add(
            "bgp: and startup-config exclude each other",
            node.options.key_at("bgp"),
            "a startup-config is the router's whole configuration",
        )
    if options.bgp is not None:
        problems.extend(bgp_problems(node, options.bgp, topology))
        problems.extend(_refused_by_bird(node, options.bgp))
        for index, neighbor in enumerate(options.bgp.neighbors):
            if neighbor.interface is not None:
                where = node.options.key_at("bgp", "neighbors", index, "interface")
                problems.add("BIRD needs its neighbors' addresses", where, "name the neighbor by address")
    announced = options.bgp is not None or startup_config is not None
    problems.extend(serve_problems(node, options.serve, announced=announced))
    problems.raise_any()
    if options.bgp is not None:
        options = options.model_copy(update={"bgp": announcing(options.bgp, options.serve)})
    asn = options.bgp.asn if options.bgp else None
    return CheckedBird(options, startup_config, local_as(startup_config.text) if startup_config else asn)


def _without_foreign_keys(options: Located) -> tuple[Located, list[Problem]]:
    """The options without the keys that only other daemons have, and what BIRD has in their place."""
    bgp = options.value.get("bgp")
    if not isinstance(bgp, dict):
        return options, []
    found = [
        Problem(f"{key} is not BIRD's", options.key_at("bgp", key), hint)
        for key, hint in _NOT_OF_BIRD.items()
        if key in bgp
    ]
    kept: dict[str, Any] = {key: value for key, value in bgp.items() if key not in _NOT_OF_BIRD}
    return Located({**options.value, "bgp": kept}, options.positions, options.key_positions), found


def _refused_by_bird(node: NodeSpec, bgp: BirdBgp) -> Iterator[Problem]:
    """What other daemons take, and BIRD's parser does not."""
    every: list[tuple[Timers | None, tuple[Key, ...]]] = [(bgp.timers, ("bgp", "timers"))]
    for index, neighbor in enumerate(bgp.neighbors):
        path: tuple[Key, ...] = ("bgp", "neighbors", index)
        every.append((neighbor.timers, (*path, "timers")))
        if neighbor.address is not None and neighbor.address.is_link_local and neighbor.address.version == 6:
            where = node.options.at(*path, "address")
            yield Problem(f"neighbor {neighbor.address} is link-local", where, "name its other address")
    for timers, path in every:
        if timers and timers.hold and (timers.keepalive or 0) > timers.hold:
            where = node.options.at(*path, "keepalive")
            yield Problem("keepalive is longer than hold", where, "for example keepalive: 3, hold: 9")


def local_as(text: str) -> int | None:
    """The AS of the first `local ... as N` in a BIRD configuration, N a number or a defined constant; else None.

    All that netlab has to know before the daemon runs: the cluster's speakers have to be told the router's AS.
    """
    plain = _plain(text)
    defined = dict(_DEFINED.findall(plain))
    for word in _LOCAL_AS.findall(plain):
        number = defined.get(word, word)
        if number.isdecimal() and len(number) <= _ASN_DIGITS and 1 <= int(number) <= MAX_ASN:
            return int(number)
    return None


def speaks_bgp(text: str) -> bool:
    """Whether a BIRD configuration has a BGP protocol, as far as the file itself says."""
    return re.search(r"\bprotocol\s+bgp\b", _plain(text)) is not None


def _plain(text: str) -> str:
    """The text without comments, and with nothing in its strings."""
    return _COMMENT.sub(lambda found: '""' if found[1] else " ", text)
