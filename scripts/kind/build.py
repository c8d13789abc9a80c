"""Build kind, kubectl, a node image and MetalLB's manifests without a container registry: scripts/build-images --kind.

Usage: build.py programs [--prune]
       build.py node|check|list [--repository R] [--force] -- DOCKER BUILD OPTION...

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
from collections.abc import Iterator
from contextlib import contextmanager
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
    seconds = sum(program.seconds for program in PROGRAMS if program.name in missing)
    say(f"Building the programs of a cluster from the Go module proxy: about {duration(seconds)} on 2 cores")
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


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build-images --kind")
    parser.add_argument("what", choices=("programs", "node", "check", "list"))
    parser.add_argument("--repository", default="netlab")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--prune", action="store_true")
    # Split here: argparse takes a `--` that follows an option for the end of its own list of arguments.
    end = given.index("--") if "--" in given else len(given)
    return parser.parse_args(given[:end], argparse.Namespace(options=given[end + 1 :]))


@contextmanager
def _turn(cache: Path) -> Iterator[Path]:
    """A folder for work, which goes with what is in it. One build at a time."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another build of a cluster's programs")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob(".work-*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".work-") as scratch:
            yield Path(scratch)


def _missing(parts: dict[str, Path]) -> list[str]:
    return [name for name, folder in parts.items() if not folder.exists()]


def _programs(cache: Path, parts: dict[str, Path], *, prune: bool) -> None:
    """Build the parts that are missing."""
    if not prune and not _missing(parts) and _is_published(cache, parts):
        return
    with _turn(cache) as scratch:
        missing = _missing(parts)
        if missing:
            _build_parts(cache, parts, missing, scratch)
        _publish(cache, parts)
        if missing or prune:
            _remove_old(cache, parts)


def _node(cache: Path, node: Node) -> None:
    """Build the node image of the parts."""
    with _turn(cache) as scratch:
        began = time.monotonic()
        say(f"Building {node.tag} (about {duration(_IMAGES_SECONDS)} on 2 cores)")
        node.build(scratch)
        say(f"{node.tag} is built ({duration(time.monotonic() - began)})")


def main() -> None:
    """Build what is missing, or say whether anything is."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    arguments = _arguments(sys.argv[1:])
    cache = _cache()
    parts = _parts(cache)
    node = Node(Engine(arguments.repository, arguments.options), parts)
    if arguments.what == "programs":
        _programs(cache, parts, prune=arguments.prune)
        return
    complete = not _missing(parts) and _is_published(cache, parts)
    current = complete and not arguments.force and node.is_current()
    if arguments.what == "list":
        print(f"{'kind':<8} {node.tag:<24} {'up to date' if current else 'out of date'}")
    elif current:
        say(f"{node.tag} is up to date")
    elif arguments.what == "check":
        sys.exit(1)
    else:
        _node(cache, node)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
