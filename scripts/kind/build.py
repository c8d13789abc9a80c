"""Build kind, kubectl, a node image and MetalLB's manifests without a container registry: scripts/build-images --kind.

Usage: build.py [--repository R] [--force] [--check] [--list] [--prune] -- DOCKER BUILD OPTION...

Everything is kept below ${XDG_CACHE_HOME:-~/.cache}/netlab/kind, each part in a folder whose name changes with what it
is made from. A folder is renamed to that name when it is finished, so what is there is whole.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import gobuild
from node import Engine, Node
from output import duration, say
from programs import METALLB, PROGRAMS

_IMAGES_SECONDS = 75
_MANIFESTS = ("native", "frr", "frr-k8s")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netlab/kind"


def _parts(cache: Path) -> dict[str, Path]:
    """Where each part is, or will be."""
    folders = {program.name: f"{program.name}-{gobuild.key(program)}" for program in PROGRAMS}
    folders["pause"] = f"pause-{gobuild.pause_key()}"
    return {name: cache / "parts" / folder for name, folder in folders.items()}


def _build_parts(cache: Path, parts: dict[str, Path], missing: list[str], scratch: Path) -> None:
    """What is missing, one part after the other: each uses all processors."""
    go = gobuild.Go(cache / "go", scratch)
    go.check()
    programs = {program.name: program for program in PROGRAMS}
    for number, name in enumerate(missing, 1):
        began = time.monotonic()
        made = scratch / f"{name}-made"
        if name in programs:
            program = programs[name]
            say(f"[{number}/{len(missing)}] Building {program.title} (about {duration(program.seconds)} on 2 cores)")
            go.build(program, made)
        else:
            go.pause(made)
        parts[name].parent.mkdir(parents=True, exist_ok=True)
        made.rename(parts[name])
        if name in programs:
            say(f"    took {duration(time.monotonic() - began)}")


def _published(cache: Path, parts: dict[str, Path]) -> dict[Path, Path]:
    """What netlab looks for, and which file of a part it is: kind, kubectl and MetalLB's manifests."""
    published = {
        cache / "bin/kind": parts["kind"] / "bin/kind",
        cache / "bin/kubectl": parts["kubernetes-client"] / "bin/kubectl",
    }
    for mode in _MANIFESTS:
        name = f"metallb-{mode}-{METALLB}.yaml"
        published[cache / "manifests" / name] = parts["metallb"] / f"files/config/manifests/metallb-{mode}.yaml"
    return published


def _is_published(cache: Path, parts: dict[str, Path]) -> bool:
    return all(target.exists() and target.samefile(source) for target, source in _published(cache, parts).items())


def _publish(cache: Path, parts: dict[str, Path]) -> None:
    for target, source in _published(cache, parts).items():
        if target.exists() and target.samefile(source):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        beside.unlink(missing_ok=True)
        os.link(source, beside)
        beside.replace(target)


def _remove_old(cache: Path, parts: dict[str, Path]) -> None:
    """Parts that this version of netlab does not use, and Go's caches where they are ours: what is finished never needs
    them again."""
    kept = set(parts.values())
    for folder in (cache / "parts").iterdir():
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    if not gobuild.caches_of_the_user():
        shutil.rmtree(cache / "go", ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build-images --kind")
    parser.add_argument("--repository", default="netlab")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--prune", action="store_true")
    parser.add_argument("options", nargs="*")
    return parser.parse_args()


def main() -> None:
    """Build what is missing."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    arguments = _arguments()
    cache = _cache()
    parts = _parts(cache)
    node = Node(Engine(arguments.repository, arguments.options), parts)
    missing = [name for name, folder in parts.items() if not folder.exists()]
    current = not arguments.force and node.is_current()
    if arguments.list:
        print(f"{'kind':<8} {node.tag:<24} {'up to date' if current and not missing else 'out of date'}")
        return
    if arguments.check:
        if missing or not current or not _is_published(cache, parts):
            sys.exit(1)
        say(f"{node.tag} is up to date")
        return
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another build")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(".work-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        missing = [name for name, folder in parts.items() if not folder.exists()]
        if missing or not current:
            _build(cache, node, missing, current=current)
        _publish(cache, parts)
        if arguments.prune or missing:
            _remove_old(cache, parts)
    if current and not missing:
        say(f"{node.tag} is up to date")


def _build(cache: Path, node: Node, missing: list[str], *, current: bool) -> None:
    began = time.monotonic()
    seconds = sum(program.seconds for program in PROGRAMS if program.name in missing) + (
        0 if current else _IMAGES_SECONDS
    )
    say(f"Building a cluster's programs and images: about {duration(seconds)} on 2 cores")
    with tempfile.TemporaryDirectory(dir=cache, prefix=".work-") as scratch:
        if missing:
            _build_parts(cache, node.parts, missing, Path(scratch))
        if not current:
            node.build(Path(scratch))
            say(f"{node.tag} is built ({duration(time.monotonic() - began)} in all)")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
