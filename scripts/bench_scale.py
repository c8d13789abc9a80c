"""Time large labs: a Clos network of hosts beside the bare floor of the same plan, and rings of FRR routers.

The floor replays the plan's namespaces, veth pairs, addresses and routes by raw netlink, right before netlab deploys
it, and so does Mininet where it is installed. On a busy machine all slow down together, so read the ratios. Asserts
nothing; the only failure is a command that fails.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import bench_floor

ROOT = Path(__file__).resolve().parent.parent
NETLAB = str(ROOT / ".venv/bin/netlab")
LAB = "netlab-bench"
PER_LEAF, SPINES = 10, 4
GOALS = {10: 0.4, 500: 1.2, 1000: 3.5}
RING_GOALS = {100: 8.0, 250: 22.0}
TIMEOUT = 600
_GONE_TIMEOUT = 10
_NAMESPACES_LEFT = 0.05
"""The share of a lab's namespaces below which they are gone: the kernel counts those that its processors hold ready."""


def clos(hosts: int) -> str:
    """A topology file: a leaf for every ten hosts, four spines, routed links."""
    leaves = -(-hosts // PER_LEAF)
    pairs = [(f"leaf{leaf}:s{spine}", f"spine{spine}:l{leaf}") for leaf in range(leaves) for spine in range(SPINES)]
    pairs += [(f"leaf{host // PER_LEAF}:h{host}", f"h{host}:eth1") for host in range(hosts)]
    names = [f"spine{n}" for n in range(SPINES)] + [f"leaf{n}" for n in range(leaves)] + [f"h{n}" for n in range(hosts)]
    return _file(dict.fromkeys(names, "{kind: linux}"), pairs)


def ring(routers: int) -> str:
    """A topology file: FRR routers in a ring, an AS each, which announce the link to the next."""
    nodes = {}
    for n in range(routers):
        sides = ((n - 1) % routers, 1, (n - 1) % routers), (n, 2, (n + 1) % routers)
        peers = ", ".join(f"{{address: {_address(link, end)}, asn: {65000 + peer}}}" for link, end, peer in sides)
        networks = f"networks: [{_address(n, 0)}/30]"
        nodes[f"r{n}"] = f"{{kind: frr, bgp: {{asn: {65000 + n}, {networks}, neighbors: [{peers}]}}}}"
    return _file(nodes, [(f"r{n}:next", f"r{(n + 1) % routers}:previous") for n in range(routers)])


def _address(link: int, end: int) -> IPv4Address:
    return IPv4Address("10.0.0.0") + 4 * link + end


def _file(nodes: dict[str, str], pairs: list[tuple[str, str]]) -> str:
    lines = [f"name: {LAB}", "topology:", "  nodes:", *(f"    {name}: {value}" for name, value in nodes.items())]
    lines.append("  links:")
    for n, (a, b) in enumerate(pairs):
        lines.append(f'    - {{endpoints: ["{a}", "{b}"], ipv4: [{_address(n, 1)}/30, {_address(n, 2)}/30]}}')
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Spent:
    """What a command took: seconds, and processor seconds of its own processes."""

    seconds: float
    processor: float


def netlab(*arguments: str) -> Spent:
    """Run a command from its process's start to its end. A failure ends the benchmark, with the command's words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run((NETLAB, *arguments), capture_output=True, text=True, check=False, timeout=TIMEOUT)
    took = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(
            f"bench: netlab {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def machines() -> dict[str, int]:
    """The pids of the lab's inits by the machine's name; the lab's own has none."""
    lab = json.loads(Path(os.environ["XDG_STATE_HOME"], "netlab", LAB, "lab.json").read_text())
    return {node["name"]: node["pid"] for node in (lab["init"], *lab["nodes"])}


def processor_seconds(pids: list[int]) -> float:
    """What living processes have spent (proc(5), /proc/PID/schedstat, in nanoseconds)."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


def namespaces() -> int | None:
    """How many network namespaces the kernel has, to within a few; None where it does not say (root alone may ask)."""
    try:
        rows = Path("/proc/slabinfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(row.split()[1]) for row in rows if row.startswith("net_namespace ")), None)


def seconds_until_gone(before: int | None, made: int) -> float | None:
    """How long after now the kernel has all but some of `made` namespaces removed; None where that cannot be seen."""
    start = time.perf_counter()
    while before is not None and (now := namespaces()) is not None:
        if now <= before - made * (1 - _NAMESPACES_LEFT):
            return time.perf_counter() - start
        if time.perf_counter() - start > _GONE_TIMEOUT:
            return None  # others on this host make namespaces meanwhile
        time.sleep(0.02)
    return None


def measure_clos(hosts: int, file: Path) -> dict[str, float | None]:
    """One run of a Clos: the floor, Mininet, deploy and destroy."""
    file.write_text(clos(hosts), encoding="utf-8")
    graph = bench_floor.graph_of(file)
    floor = bench_floor.floor(graph)
    mininet = bench_floor.mininet(graph)
    deploy = netlab("deploy", "--no-wait", str(file))
    inits = list(machines().values())
    processor = deploy.processor + processor_seconds(inits)
    before = namespaces()
    destroy = netlab("destroy", "--lab", LAB)
    gone = seconds_until_gone(before, len(graph.addresses))
    return {
        "deploy": deploy.seconds,
        "processor": processor,
        "floor": floor,
        "mininet": mininet,
        "destroy": destroy.seconds,
        "gone": gone,
    }


def measure_ring(routers: int, file: Path) -> dict[str, float | None]:
    """One run of a ring: until every kernel has a route to every network, and the memory a router."""
    file.write_text(ring(routers), encoding="utf-8")
    start = time.perf_counter()
    deploy = netlab("deploy", "--no-wait", str(file))
    pids = [pid for name, pid in machines().items() if name]
    while not all(routes_of(pid) >= routers for pid in pids):
        if time.perf_counter() - start > TIMEOUT:
            raise SystemExit(f"bench: the FIBs of {routers} routers are not whole after {TIMEOUT} s")
        time.sleep(0.02)
    whole = time.perf_counter() - start
    memory = memory_of_children(machines()[""]) / routers
    before = namespaces()
    destroy = netlab("destroy", "--lab", LAB)
    gone = seconds_until_gone(before, routers)
    return {"deploy": deploy.seconds, "whole": whole, "memory": memory, "destroy": destroy.seconds, "gone": gone}


def routes_of(pid: int) -> int:
    """IPv4 routes in the main table of a process's network namespace."""
    return len(Path(f"/proc/{pid}/net/route").read_text().splitlines()) - 1


def memory_of_children(init: int) -> float:
    """Proportional memory of all processes below a lab's init, in MB (proc(5), Pss of smaps_rollup)."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
        parents.setdefault(parent, []).append(int(folder.name))
    found, queue = 0.0, list(parents.get(init, ()))
    while queue:
        pid = queue.pop()
        queue += parents.get(pid, ())
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1024
    return found


def medians(rows: list[dict[str, float | None]]) -> dict[str, float | None]:
    """By column: the median of the runs; None where it could not be measured."""
    columns = {key: [value for row in rows if (value := row[key]) is not None] for key in rows[0]}
    return {key: round(statistics.median(values), 4) if values else None for key, values in columns.items()}


def _shown(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _ratio(value: float | None, to: float | None) -> float | None:
    return None if value is None or not to else value / to


def print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)), file=sys.stderr)


def show_clos(results: dict[int, dict[str, float | None]]) -> None:
    head = ("hosts", "deploy s", "goal", "cpu s", "floor s", "ratio", "mininet s", "destroy s", "gone after s")
    rows = [(*head, "growth", "floor's")]
    last = None
    for hosts, row in results.items():
        growth = (_ratio(row["deploy"], last["deploy"]), _ratio(row["floor"], last["floor"])) if last else (None, None)
        numbers = (row["processor"], row["floor"], _ratio(row["deploy"], row["floor"]), row["mininet"], row["destroy"])
        goal = GOALS.get(hosts)
        cells = (row["deploy"], goal, *numbers, row["gone"], *growth)
        rows.append((str(hosts), *(_shown(cell, 3 if cell is row["floor"] else 2) for cell in cells)))
        last = row
    print_table(rows)


def show_rings(results: dict[int, dict[str, float | None]]) -> None:
    rows = [("routers", "FIBs whole s", "goal", "deploy s", "MB a router", "destroy s", "gone after s")]
    for routers, row in results.items():
        cells = (row["whole"], RING_GOALS.get(routers), row["deploy"], row["memory"], row["destroy"], row["gone"])
        rows.append((str(routers), *map(_shown, cells)))
    print_table(rows)


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",") if size]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench --scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="how often each size is timed (default 3)")
    parser.add_argument("--hosts", type=_sizes, default=[10, 100, 500, 1000], help="of each Clos (10,100,500,1000)")
    parser.add_argument("--rings", type=_sizes, default=[10, 50, 100, 250], help="routers of each (10,50,100,250)")
    arguments = parser.parse_args()
    if arguments.runs < 1 or any(size < 1 for size in arguments.hosts) or any(size < 3 for size in arguments.rings):
        parser.error("--runs and --hosts must be at least 1, --rings at least 3")
    results: dict[str, dict[int, dict[str, float | None]]] = {"clos": {}, "rings": {}}
    with tempfile.TemporaryDirectory(prefix="netlab-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = folder
        os.environ.pop("NETLAB_LAB", None)
        file = Path(folder, "lab.yaml")
        for kind, sizes, one in (("clos", arguments.hosts, measure_clos), ("rings", arguments.rings, measure_ring)):
            for size in sizes:
                print(f"{kind}: {size}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
                try:
                    results[kind][size] = medians([one(size, file) for _ in range(arguments.runs)])
                finally:
                    subprocess.run([NETLAB, "destroy", "--lab", LAB], capture_output=True, check=False)
    show_clos(results["clos"])
    show_rings(results["rings"])
    host = {"kernel": platform.release(), "cpus": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps({"host": host, "runs": arguments.runs, **results}, indent=2))


if __name__ == "__main__":
    main()
