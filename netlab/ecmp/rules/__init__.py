"""Rules: each looks at one router's case and says what it finds, with numbers and a way to mend it.

A rule is a pure function from a Case to findings. To add one, write it in a file of its own and name it in RULES.
The file is named after its rule. The others are what the rules use:

    case.py      what a rule is given, and what the rules share
    equality.py  when two BGP paths are equal, so that a router may use both
    mends.py     what to type so that a router shares load
"""

from __future__ import annotations

from netlab.ecmp.rules.as_paths_differ import as_paths_differ
from netlab.ecmp.rules.attribute_differs import attribute_differs
from netlab.ecmp.rules.case import Case, Rule
from netlab.ecmp.rules.filtered_from_fib import filtered_from_fib
from netlab.ecmp.rules.forwarding_plane_differs import forwarding_plane_differs
from netlab.ecmp.rules.ibgp_knob_on_ebgp_peers import ibgp_knob_on_ebgp_peers
from netlab.ecmp.rules.local_uneven_pods import local_uneven_pods
from netlab.ecmp.rules.max_paths_below_announced import max_paths_below_announced
from netlab.ecmp.rules.merge_paths_off import merge_paths_off
from netlab.ecmp.rules.neighbour_failed import neighbour_failed
from netlab.ecmp.rules.node_not_announcing import node_not_announcing
from netlab.ecmp.rules.one_hash_key import one_hash_key
from netlab.ecmp.rules.only_pods_balanced import only_pods_balanced
from netlab.ecmp.rules.per_packet import per_packet
from netlab.ecmp.rules.socket_hash import socket_hash
from netlab.ecmp.rules.unanswered import unanswered
from netlab.ecmp.rules.zebra_multipath_limit import zebra_multipath_limit
from netlab.model.verdict import Finding

RULES: tuple[Rule, ...] = (
    neighbour_failed,
    node_not_announcing,
    ibgp_knob_on_ebgp_peers,
    max_paths_below_announced,
    merge_paths_off,
    attribute_differs,
    as_paths_differ,
    zebra_multipath_limit,
    filtered_from_fib,
    one_hash_key,
    socket_hash,
    per_packet,
    local_uneven_pods,
    only_pods_balanced,
    unanswered,
    forwarding_plane_differs,
)
"""In the order in which they are shown: causes before their effects."""


def apply_rules(case: Case) -> tuple[Finding, ...]:
    """Everything that the rules find."""
    return tuple(finding for rule in RULES for finding in rule(case))
