"""Time netlab's commands, each beside a bare reference that runs right before it.

Both slow down together on a busy machine, so the ratio travels between machines better than the seconds. Goals are
listed as information. The only failure is a command that fails: a time of a lab that did not work means nothing.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETLAB = str(ROOT / ".venv/bin/netlab")
TOPOLOGY = "topologies/ecmp-vs-vyos.yaml"
ROUTER, HOST = "rt-frr", "host-1"
FLOWS = 600
REQUESTS = 2 * FLOWS  # two routers
COMMAND_TIMEOUT = 120
CLONE_NEWNET = 0x40000000


@dataclass
class Series:
    """Seconds, one per run."""

    name: str
    seconds: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, object]:
        return {
            "name": self.name,
            "median_s": round(statistics.median(self.seconds), 4),
            "min_s": round(min(self.seconds), 4),
            "max_s": round(max(self.seconds), 4),
        }


@dataclass
class Measurement:
    """A command, what it is compared with, and the project's goal in seconds."""

    command: Series
    reference: Series
    goal: float

    @property
    def ratio(self) -> float:
        return statistics.median(self.command.seconds) / statistics.median(self.reference.seconds)


def run(*argv: str) -> str:
    """Run to the end; standard output. A failure ends the benchmark, with the command's own words."""
    done = subprocess.run(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT
    )
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(*argv: str) -> float:
    """Seconds from process start to its end."""
    start = time.perf_counter()
    run(*argv)
    return time.perf_counter() - start


def bare_python() -> float:
    return timed(sys.executable, "-c", "pass")


def in_own_namespaces(reference: str, *arguments: int) -> float:
    """Seconds that one of the references below measured, run where it cannot touch the host."""
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
    return float(run(*unshare, sys.executable, __file__, "--reference", reference, *map(str, arguments)))


def bare_wiring(namespaces: int, pairs: int) -> float:
    """Make `namespaces` network namespaces and `pairs` veth pairs between them: no names, addresses or daemons."""
    from pyroute2 import IPRoute

    libc = ctypes.CDLL(None, use_errno=True)
    start = time.perf_counter()
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    made = []
    for _ in range(namespaces):
        if libc.unshare(CLONE_NEWNET) != 0:
            sys.exit(f"bench: unshare: {os.strerror(ctypes.get_errno())}")
        made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))
    if libc.setns(home, CLONE_NEWNET) != 0:
        sys.exit(f"bench: setns: {os.strerror(ctypes.get_errno())}")
    with IPRoute() as netlink:
        for index in range(pairs):
            near, far = made[index % namespaces], made[(index + 1) % namespaces]
            peer = {"ifname": f"b{index}", "net_ns_fd": far}
            netlink.link("add", ifname=f"a{index}", kind="veth", net_ns_fd=near, peer=peer)
    return time.perf_counter() - start


def bare_requests(count: int) -> float:
    """`count` HTTP requests over loopback, each on its own connection, one after the other."""
    import socket

    from pyroute2 import IPRoute

    with IPRoute() as netlink:
        netlink.link("set", index=1, state="up")
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        if os.fork() == 0:
            for _ in range(count):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npod")
            os._exit(0)
        address = server.getsockname()
        start = time.perf_counter()
        for _ in range(count):
            with socket.create_connection(address) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")
                while connection.recv(4096):
                    pass
        return time.perf_counter() - start


REFERENCES: dict[str, Callable[..., float]] = {"wiring": bare_wiring, "requests": bare_requests}


def bare_vtysh() -> float:
    """Seconds of vtysh itself, timed inside the node: FRR's share of `netlab vtysh`."""
    script = "TIMEFORMAT=%R; { time vtysh -c 'show version' >/dev/null 2>&1; } 2>&1"
    return float(run(NETLAB, "exec", ROUTER, "--", "bash", "-c", script))


def lab_size() -> tuple[int, int]:
    """Network namespaces and veth pairs of the lab, from its plan."""
    from netlab.plan import plan_file

    plan = plan_file(ROOT / TOPOLOGY)
    return len(plan.nodes), len(plan.links)


def measure(runs: int) -> list[Measurement]:
    size = lab_size()
    python, wiring = "python -c pass", f"bare netlink: {size[0]} namespaces, {size[1]} veth pairs"
    table = {
        "help": Measurement(Series("netlab --help"), Series(python), 0.3),
        "deploy": Measurement(Series(f"netlab deploy {TOPOLOGY}"), Series(wiring), 2.5),
        "exec": Measurement(Series(f"netlab exec {HOST} -- true"), Series(python), 0.2),
        "vtysh": Measurement(
            Series(f"netlab vtysh {ROUTER} -c 'show version'"), Series("vtysh alone, in the node"), 0.2
        ),
        "check": Measurement(
            Series(f"netlab ecmp-check --flows {FLOWS}"),
            Series(f"{REQUESTS} requests over loopback, one by one"),
            2.5,
        ),
        "destroy": Measurement(Series("netlab destroy"), Series(python), 0.3),
    }

    def add(key: str, reference: Callable[[], float], *command: str) -> None:
        table[key].reference.seconds.append(reference())
        table[key].command.seconds.append(timed(NETLAB, *command))

    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr)
        add("help", bare_python, "--help")
        add("deploy", lambda: in_own_namespaces("wiring", *size), "deploy", TOPOLOGY)
        try:
            add("exec", bare_python, "exec", HOST, "--", "true")
            add("vtysh", bare_vtysh, "vtysh", ROUTER, "-c", "show version")
            add("check", lambda: in_own_namespaces("requests", REQUESTS), "ecmp-check", "--flows", str(FLOWS))
        except BaseException:
            subprocess.run([NETLAB, "destroy", TOPOLOGY], cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
            raise
        add("destroy", bare_python, "destroy", TOPOLOGY)
    return list(table.values())


def frr_version() -> str:
    lines = run("/usr/lib/frr/bgpd", "--version").splitlines()
    return lines[0] if lines else "unknown"


def report(runs: int, measurements: list[Measurement]) -> dict[str, object]:
    return {
        "host": {
            "kernel": platform.release(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "frr": frr_version(),
            "root": os.geteuid() == 0,
        },
        "runs": runs,
        "measurements": [
            {
                **item.command.summary(),
                "goal_s": item.goal,
                "reference": item.reference.summary(),
                "ratio": round(item.ratio, 2),
            }
            for item in measurements
        ],
    }


def print_table(measurements: list[Measurement]) -> None:
    head = ("command", "median s", "range", "goal s", "ratio", "to the reference (median s)")
    rows = [head]
    for item in measurements:
        took = item.command.seconds
        floor = statistics.median(item.reference.seconds)
        rows.append(
            (
                item.command.name,
                f"{statistics.median(took):.3f}",
                f"{min(took):.3f}-{max(took):.3f}",
                f"{item.goal:g}",
                f"{item.ratio:.1f}",
                f"{item.reference.name} ({floor:.3f})",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=sys.stderr)
    print("FRR's start timer of 1 s is part of every deploy. Goals are information.", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5, help="how often each command is timed (default 5)")
    parser.add_argument("--reference", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reference:
        name, *numbers = arguments.reference
        print(REFERENCES[name](*map(int, numbers)))
        return
    if arguments.runs < 1:
        parser.error("--runs must be at least 1")
    # State of its own, so that a lab of the same name that the user runs is neither in the way nor touched.
    with tempfile.TemporaryDirectory(prefix="netlab-bench-") as state:
        os.environ["XDG_STATE_HOME"] = state
        os.environ.pop("NETLAB_LAB", None)
        measurements = measure(arguments.runs)
    print_table(measurements)
    print(json.dumps(report(arguments.runs, measurements), indent=2))


if __name__ == "__main__":
    main()
