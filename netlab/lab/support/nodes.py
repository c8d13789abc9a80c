"""What a running node's kernel and routing daemons say. One process per node; every command has its deadline.

The script is a constant: no value of a topology reaches a shell. It runs with what the node has, and says so where a
program is missing.
"""

from __future__ import annotations

from netlab import daemons
from netlab.lab.support.bundle import LARGEST_ITEM, Bundle
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import NodePlan
from netlab.runtime.base import Invocation
from netlab.runtime.choice import by_name

_COMMAND_SECONDS = 3
_NODE_SECONDS = 20.0
_KERNEL = (
    "ip -d -s link show",
    "ip -d addr show",
    "ip -4 -d route show table all",
    "ip -6 -d route show table all",
    "ip -4 rule show",
    "ip -6 rule show",
    "ip -d nexthop show",
    "ip -4 -s neigh show",
    "ip -6 -s neigh show",
    "bridge -d link show",
    "nft list ruleset",
    "ss -tuanp",
    "ps -eo pid,ppid,user,stat,etimes,rss,args",
    "cat /proc/net/snmp /proc/net/netstat",
    "cat /etc/hosts",
    "grep -rs . /proc/sys/net",
)


def collect(bundle: Bundle, lab: LabRecord, node: LabMachine, plan: NodePlan | None) -> None:
    """Ask a node, later and beside the others."""
    commands: dict[str, tuple[str, ...]] = {"kernel": _KERNEL}
    daemon = daemons.running_in(plan) if plan else None
    if daemon:
        commands[daemon.name] = daemon.command_line.report
    for name, wanted in commands.items():
        path = f"labs/{lab.name}/nodes/{node.name}/{name}.txt"
        bundle.later(path, lambda path=path, wanted=wanted: bundle.add(path, _ask(lab, node, wanted)))  # type: ignore[misc]


def _ask(lab: LabRecord, node: LabMachine, commands: tuple[str, ...]) -> str:
    each = LARGEST_ITEM // len(commands)
    script = "".join(
        f'echo "$ {command}"; timeout {_COMMAND_SECONDS} {command} 2>&1 | head -c {each}; echo\n'
        for command in commands
    )
    invocation = Invocation(("sh", "-c", script), {}, timeout=_NODE_SECONDS)
    done = by_name(lab.runtime).run(lab, node, invocation)
    ending = "" if done.code == 0 else f"\n(the node did not answer in {_NODE_SECONDS:.0f} s)\n"
    return (done.output + done.errors).decode("utf-8", "replace") + (ending if done.code is None else "")
