"""A cluster's configuration as `kind create cluster --config` takes it: how many nodes it has, and its pods' networks.

What else stands there (images, mounts, patches, feature gates) is for kind alone and means nothing to an emulated
cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netlab.kinds.base import SourceText
from netlab.kinds.k8s.options import DEFAULT_POD_SUBNETS
from netlab.model.errors import Position, Problem, TopologyError
from netlab.model.topology import Located
from netlab.topology.prefixes import prefix
from netlab.topology.problems import Problems
from netlab.topology.source import parse_text
from netlab.topology.tree import located

_ROLES = ("control-plane", "worker")


_FAMILIES = {"ipv4": (4,), "ipv6": (6,), "dual": (4, 6)}


@dataclass(frozen=True)
class KindConfiguration:
    """What netlab reads of kind's configuration."""

    workers: int
    pod_subnets: tuple[str, ...]
    """Empty where it leaves them to kind."""


def read_configuration(source: SourceText) -> KindConfiguration:
    """What the configuration says. Raises TopologyError where it is none of a cluster, or of several control planes."""
    problems = Problems()
    tree = parse_text(source.text, source.file, problems)
    start = Position(source.file, 1, 1)
    if tree is None:
        problems.raise_any()
        raise TopologyError(Problem("an empty configuration of a cluster", start, "leave startup-config out"))
    where = located(tree)
    value: Any = where.value
    if not isinstance(value, dict) or value.get("kind") != "Cluster":
        raise TopologyError(Problem("no configuration of a cluster", start, "it says kind: Cluster"))
    nodes = value.get("nodes")
    subnets = _pod_subnets(value.get("networking"), where, problems)
    if nodes is None:
        problems.raise_any()
        return KindConfiguration(0, subnets)
    if not isinstance(nodes, list):
        raise TopologyError(Problem('"nodes" must be a list', where.at("nodes"), "as in - role: worker"))
    roles = [_role(index, node, where, problems) for index, node in enumerate(nodes)]
    if roles.count("control-plane") > 1:
        second = [index for index, role in enumerate(roles) if role == "control-plane"][1]
        problems.add("a second control plane", where.at("nodes", second), "netlab's clusters have one")
    problems.raise_any()
    return KindConfiguration(roles.count("worker"), subnets)


def _pod_subnets(networking: object, where: Located, problems: Problems) -> tuple[str, ...]:
    """Those that it names, or kind's own for the IP versions that it names."""
    if not isinstance(networking, dict):
        if networking is not None:
            problems.add('"networking" must be a mapping', where.at("networking"), "as in podSubnet: 10.244.0.0/16")
        return ()
    written, family = networking.get("podSubnet"), networking.get("ipFamily")
    if written is None and family is not None:
        versions = _FAMILIES.get(str(family), ())
        if not versions:
            problems.add("no IP family of kind's", where.at("networking", "ipFamily"), f"one of {', '.join(_FAMILIES)}")
        return tuple(DEFAULT_POD_SUBNETS[version] for version in versions)
    try:
        return tuple(str(prefix(part.strip())) for part in str(written).split(",")) if written is not None else ()
    except ValueError:
        hint = "as in 10.244.0.0/16, or two with a comma"
        problems.add("not a pod subnet", where.at("networking", "podSubnet"), hint)
        return ()


def _role(index: int, node: object, where: Located, problems: Problems) -> str:
    role = node.get("role", "control-plane") if isinstance(node, dict) else None
    if role not in _ROLES:
        problems.add("a node without a role", where.at("nodes", index), f"role: {' or '.join(_ROLES)}")
    return str(role)
