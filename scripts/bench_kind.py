"""Time a lab with a real cluster beside a bare `kind create cluster` of the same shape; asserts nothing.

What counts is what netlab adds to kind: routers, wiring, the pods' network, MetalLB, the services, and BGP.
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
from pathlib import Path

import docker

from netlab.cluster import kindconfig, node_image, tools
from netlab.plan import plan_file

ROOT = Path(__file__).resolve().parent.parent
NETLAB = str(ROOT / ".venv/bin/netlab")
TOPOLOGY = ROOT / "topologies/ecmp-vs-vyos.yaml"
BARE = f"netlab-bench-{os.getpid()}"
GOAL = 20.0
"""Seconds that everything else may add to kind."""


def bare() -> float:
    """Seconds for kind alone: the same nodes, image and configuration. The cluster is removed afterwards."""
    client = docker.APIClient(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"), version="auto")
    (cluster,) = plan_file(TOPOLOGY, None, "docker").clusters
    image = node_image.choose(client, cluster)
    text = kindconfig.configuration(cluster, node_image.surroundings(client, image))
    kind, environment = tools.kind(), {**os.environ, "KIND_EXPERIMENTAL_DOCKER_NETWORK": BARE}
    with tempfile.TemporaryDirectory() as folder:
        credentials = ["--name", BARE, "--kubeconfig", f"{folder}/kubeconfig"]
        argv = [kind, "create", "cluster", *credentials, "--image", image, "--config", "-"]
        started = time.monotonic()
        try:
            done = subprocess.run(argv, input=text, text=True, capture_output=True, env=environment, check=False)
            whole = time.monotonic() - started
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(argv)} failed:\n{done.stderr}")
            return whole
        finally:
            delete = [kind, "delete", "cluster", *credentials]
            subprocess.run(delete, capture_output=True, env=environment, check=False)
            subprocess.run(["docker", "network", "rm", BARE], capture_output=True, check=False)


def run(*arguments: str) -> tuple[float, str]:
    """Seconds that a command of netlab's takes, and its progress lines."""
    started = time.monotonic()
    done = subprocess.run([NETLAB, *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"netlab {' '.join(arguments)} failed:\n{done.stderr}")
    return time.monotonic() - started, done.stderr


def phases(progress: str, whole: float) -> dict[str, float]:
    """Seconds from each progress line to the next, by what the line says."""
    begun = [(found[2], float(found[1])) for found in re.finditer(r"^ *([0-9.]+) s +(.+)$", progress, re.MULTILINE)]
    ends = [*(at for _, at in begun[1:]), whole]
    return {what: round(end - at, 2) for (what, at), end in zip(begun, ends, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench --kind", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="how often (default 3)")
    arguments = parser.parse_args()
    rows, steps = [], []
    with tempfile.TemporaryDirectory(prefix="netlab-bench-") as folder:
        os.environ["XDG_STATE_HOME"] = folder
        os.environ.pop("NETLAB_LAB", None)
        for number in range(arguments.runs):
            print(f"run {number + 1} of {arguments.runs}", file=sys.stderr)
            row = {"kind": bare()}
            try:
                row["deploy"], progress = run("deploy", str(TOPOLOGY), "--runtime", "docker")
                steps.append(phases(progress, row["deploy"]))
                row["reuse"], _ = run("deploy", str(TOPOLOGY), "--runtime", "docker", "--reuse-cluster")
            finally:
                row["destroy"], _ = run("destroy", str(TOPOLOGY))
            row["added"] = row["deploy"] - row["kind"]
            rows.append(row)
    median = {key: round(statistics.median(row[key] for row in rows), 2) for key in rows[0]}
    show = {
        "kind create cluster, bare": "kind",
        "netlab deploy, until the VIP answers": "deploy",
        "netlab deploy --reuse-cluster": "reuse",
        "netlab destroy": "destroy",
    }
    for name, key in show.items():
        times = [row[key] for row in rows]
        print(f"{name:40} {median[key]:7.1f} s  ({min(times):.1f}-{max(times):.1f})", file=sys.stderr)
    for what, seconds in steps[-1].items():
        print(f"  {what:60} {seconds:6.1f} s", file=sys.stderr)
    print(f"netlab adds {median['added']:.1f} s to kind (goal: {GOAL:.0f} s)", file=sys.stderr)
    print(json.dumps({"goal_added": GOAL, "median": median, "runs": rows, "phases": steps}, indent=2))


if __name__ == "__main__":
    main()
