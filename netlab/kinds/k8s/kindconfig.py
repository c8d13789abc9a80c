"""A cluster's configuration as `kind create cluster --config` takes it: how many nodes there are.

What else stands there (images, mounts, patches, feature gates) is for kind alone and means nothing to an emulated
cluster.
"""

from __future__ import annotations

from typing import Any

from netlab.kinds.base import SourceText
from netlab.model.errors import Position, Problem, TopologyError
from netlab.model.topology import Located
from netlab.topology.problems import Problems
from netlab.topology.source import parse_text
from netlab.topology.tree import located

_ROLES = ("control-plane", "worker")


def workers_in(source: SourceText) -> int:
    """How many workers the configuration has. Raises TopologyError where it is none of a cluster, or of several
    control planes."""
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
    if nodes is None:
        return 0
    if not isinstance(nodes, list):
        raise TopologyError(Problem('"nodes" must be a list', where.at("nodes"), "as in - role: worker"))
    roles = [_role(index, node, where, problems) for index, node in enumerate(nodes)]
    if roles.count("control-plane") > 1:
        second = [index for index, role in enumerate(roles) if role == "control-plane"][1]
        problems.add("a second control plane", where.at("nodes", second), "netlab's clusters have one")
    problems.raise_any()
    return roles.count("worker")


def _role(index: int, node: object, where: Located, problems: Problems) -> str:
    role = node.get("role", "control-plane") if isinstance(node, dict) else None
    if role not in _ROLES:
        problems.add("a node without a role", where.at("nodes", index), f"role: {' or '.join(_ROLES)}")
    return str(role)
