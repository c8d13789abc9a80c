"""Time a lab of containers beside bare `docker run` of the same images, in the same minute; asserts nothing.

What counts is what netlab adds to starting the containers: wiring them, and starting and configuring the daemons. How
long BGP then takes to converge is its timers' business, and stands in a column of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETLAB = str(ROOT / ".venv/bin/netlab")
ROUTERS = 4
AT_A_TIME = 8
GOAL = 0.15
LABEL = f"netlab-bench={os.getpid()}"
IMAGES = {"frr": "netlab/frr:13", "client": "netlab/client:13", "bridge": "netlab/base:13"}
# The steps of a deploy, as netlab announces them on standard error.
STEPS = {"building": "containers", "wiring": "wiring", "starting": "daemons", "waiting": "convergence"}


def topology(nodes: int) -> str:
    """A star: routers that all peer with each other on one switch, a host behind each, and hosts on the switch."""
    hosts = nodes - ROUTERS - 1
    lines = ["name: netlab-bench", "topology:", "  nodes:", "    sw: {kind: bridge}"]
    for one in range(1, ROUTERS + 1):
        others = (other for other in range(1, ROUTERS + 1) if other != one)
        peers = ", ".join(f"{{address: 10.0.0.{other}, asn: {65000 + other}}}" for other in others)
        lines.append(
            f"    r{one}: {{kind: frr, bgp: {{asn: {65000 + one}, networks: [10.{one}.0.0/24], neighbors: [{peers}]}}}}"
        )
    lines += [f"    h{one}: {{kind: linux}}" for one in range(1, hosts + 1)]
    lines.append("  links:")
    for one in range(1, ROUTERS + 1):
        lines.append(f'    - {{endpoints: ["r{one}:eth1", "sw"], ipv4: [10.0.0.{one}/24]}}')
        lines.append(f'    - {{endpoints: ["r{one}:eth2", "h{one}:eth1"], ipv4: [10.{one}.0.1/24, 10.{one}.0.2/24]}}')
    for one in range(ROUTERS + 1, hosts + 1):
        lines.append(f'    - {{endpoints: ["h{one}:eth1", "sw"], ipv4: [10.0.0.{one + 10}/24]}}')
    return "\n".join(lines) + "\n"


def images(nodes: int) -> list[str]:
    """What a bare `docker run` starts in the place of each node."""
    return [IMAGES["bridge"]] + [IMAGES["frr"]] * ROUTERS + [IMAGES["client"]] * (nodes - ROUTERS - 1)


def bare(nodes: int, at_a_time: int) -> float:
    """Seconds for `docker run -d --network none` of every image. The containers are removed afterwards."""
    command = ["docker", "run", "-d", "--network", "none", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_ADMIN"]
    command += ["--label", LABEL]
    started = time.monotonic()
    try:
        with ThreadPoolExecutor(at_a_time) as pool:
            list(pool.map(lambda image: run(*command, image), images(nodes)))
        return time.monotonic() - started
    finally:
        left = run("docker", "ps", "-aq", "--filter", f"label={LABEL}").split()
        if left:
            run("docker", "rm", "-f", *left)


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def deployed(file: Path) -> dict[str, float]:
    """Seconds of a deploy in all and by step. The lab is destroyed afterwards."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            [NETLAB, "deploy", str(file), "--runtime", "docker"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=300,
        )
        whole = time.monotonic() - started
        if done.returncode != 0:
            raise SystemExit(f"netlab deploy failed:\n{done.stderr}")
    finally:
        subprocess.run([NETLAB, "destroy", str(file)], cwd=ROOT, capture_output=True, check=False)
    begun = [
        (STEPS[found[2]], float(found[1]))
        for found in re.finditer(r"^ *([0-9.]+) s +(\w+)", done.stderr, re.MULTILINE)
        if found[2] in STEPS
    ]
    ends = [*(at for _, at in begun[1:]), whole]
    return {"whole": whole, **{step: end - at for (step, at), end in zip(begun, ends, strict=True)}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench --docker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="how often (default 3)")
    parser.add_argument("--nodes", type=int, default=20, help="how many containers (default 20)")
    arguments = parser.parse_args()
    if arguments.runs < 1 or arguments.nodes < 2 * ROUTERS + 1:
        parser.error(f"--runs must be at least 1 and --nodes at least {2 * ROUTERS + 1}")
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="netlab-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = folder
        os.environ.pop("NETLAB_LAB", None)
        file = Path(folder) / "lab.yaml"
        file.write_text(topology(arguments.nodes), encoding="utf-8")
        for number in range(arguments.runs):
            print(f"run {number + 1} of {arguments.runs}", file=sys.stderr)
            row = {"one_by_one": bare(arguments.nodes, 1), "parallel": bare(arguments.nodes, AT_A_TIME)}
            row |= deployed(file)
            row["added"] = (row["wiring"] + row["daemons"]) / row["parallel"]
            rows.append(row)
    median = {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}
    show = {
        "docker run, one by one": "one_by_one",
        f"docker run, {AT_A_TIME} at a time": "parallel",
        "netlab deploy, in all": "whole",
        "  containers": "containers",
        "  wiring": "wiring",
        "  daemons and their configuration": "daemons",
        "  BGP converging": "convergence",
    }
    for name, key in show.items():
        times = [row[key] for row in rows]
        print(f"{name:36} {median[key]:7.2f} s  ({min(times):.2f}-{max(times):.2f})", file=sys.stderr)
    print(
        f"wiring and configuration add {median['added']:.0%} to the parallel docker run (goal: {GOAL:.0%}); "
        f"containers take {median['containers'] / median['parallel']:.2f} times as long as it",
        file=sys.stderr,
    )
    print(json.dumps({"nodes": arguments.nodes, "goal_added": GOAL, "median": median, "runs": rows}, indent=2))


if __name__ == "__main__":
    main()
