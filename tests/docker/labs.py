"""Labs of these experiments, and what is asked of a running one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engine import Engine
from netlab_program import Netlab

NAME = "faulty"
ROUTED = f"""
    name: {NAME}
    topology:
      nodes:
        rt-1:
          kind: frr
          bgp: {{asn: 64512, networks: [10.0.1.0/24], neighbors: [{{address: 10.0.0.2, asn: 64513}}]}}
        rt-2:
          kind: frr
          bgp: {{asn: 64513, networks: [10.0.2.0/24], neighbors: [{{address: 10.0.0.1, asn: 64512}}]}}
        host-1: {{kind: linux}}
        host-2: {{kind: linux}}
        lan: {{kind: bridge}}
      links:
        - {{endpoints: ["rt-1:eth1", "rt-2:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}}
        - {{endpoints: ["rt-1:eth2", "lan"], ipv4: [10.0.1.1/24]}}
        - {{endpoints: ["host-1:eth1", "lan"], ipv4: [10.0.1.11/24]}}
        - {{endpoints: ["rt-2:eth2", "host-2:eth1"], ipv4: [10.0.2.1/24, 10.0.2.11/24]}}
"""
"""Two routers with a BGP session, a host behind each, one of them behind a bridge."""
NODES = ("host-1", "host-2", "lan", "rt-1", "rt-2")


def container(node: str, lab: str = NAME) -> str:
    """The name of a machine's container."""
    return f"netlab-{lab}-{node}"


def inspected(netlab: Netlab, lab: str = NAME) -> dict[str, Any]:
    """The lab as `inspect` has it."""
    (found,) = json.loads(netlab("inspect", "--lab", lab, "--format", "json").stdout)["labs"]
    return dict(found)


def dead(netlab: Netlab, lab: str = NAME) -> set[str]:
    """The machines that `inspect` calls dead."""
    return {node["name"] for node in inspected(netlab, lab)["nodes"] if not node["alive"]}


def works(netlab: Netlab, lab: str = NAME) -> None:
    """The sessions are up, and a packet goes from one end to the other."""
    shown = inspected(netlab, lab)
    assert shown["state"] == "running"
    assert dead(netlab, lab) == set()
    sessions = [session["state"] for node in shown["nodes"] for session in node["sessions"]]
    assert sessions == ["Established"] * 2
    done = netlab("exec", "--lab", lab, "host-1", "--", "ping", "-c1", "-W5", "10.0.2.11")
    assert done.returncode == 0, done


@dataclass(frozen=True)
class Machine:
    """A machine as it is: its container and pid, and what the kernel holds for it."""

    container: str
    pid: int
    links: str
    addresses: str
    routes: str
    processes: str


def machines(engine: Engine, nodes: tuple[str, ...] = NODES) -> dict[str, Machine]:
    """Each machine with its interface indexes, addresses, routes and processes' pids."""
    return {node: _machine(engine, container(node)) for node in nodes}


def _machine(engine: Engine, name: str) -> Machine:
    asked = (
        "ip -o link | sed 's/ link-netnsid.*//'",
        "ip -o -4 address",
        "ip -N route | sed 's/ nhid [0-9]*//'",
        "ps -e -o pid=,comm=",
    )
    answers = engine("exec", name, "sh", "-c", "; echo ==; ".join(asked)).split("==\n")
    links, addresses, routes, processes = answers
    # What looks is seen too.
    own = [line for line in processes.splitlines() if line.split()[1] not in ("sh", "ps")]
    found = engine.inspect(name)
    return Machine(found["Id"], found["State"]["Pid"], links, addresses, routes, "\n".join(own))
