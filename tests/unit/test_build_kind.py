"""scripts/build-images --kind: modules under pinned digests, finished parts kept, unfinished ones not.

The programs `go` and `docker` are stand-ins that note how they are called; what is built is as small as they make it.
"""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

GO = """#!{python} -IS
import json, os, pathlib, sys, time
world = pathlib.Path({world!r})
with open(world / "calls", "a") as calls:
    print("go", *sys.argv[1:], file=calls)
settings = json.loads((world / "settings").read_text())
pins = [line.split() for line in pathlib.Path({pins!r}).read_text().splitlines()]
match sys.argv[1:]:
    case ["env", "GOVERSION"]:
        print(settings.get("version", "go1.26.8"))
    case ["mod", "download", "-json", wanted]:
        module, version = wanted.split("@")
        digest = {{name: pinned for path, name, pinned in pins if path == module}}
        digest |= settings.get("digests", {{}}).get(module, {{}})
        folder = world / "modules" / module
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "go.sum").write_text("example.net/below v1.0.0 h1:below=\\n")
        (folder / "images/base/files/kind/bin").mkdir(parents=True, exist_ok=True)
        (folder / "images/base/files/kind/bin/hook.sh").write_text("#!/bin/sh\\n")
        (folder / "config/manifests").mkdir(parents=True, exist_ok=True)
        for mode in ("native", "frr", "frr-k8s"):
            (folder / f"config/manifests/metallb-{{mode}}.yaml").write_text(f"# {{mode}}\\n")
        for reloader in ("frr-tools/reloader", "cmd/reloader"):
            (folder / reloader).mkdir(parents=True, exist_ok=True)
            (folder / reloader / "frr-reloader.sh").write_text("#!/bin/sh\\n")
        print(json.dumps({{"Dir": str(folder), "Sum": digest[version], "GoModSum": digest[version + "/go.mod"]}}))
    case ["mod", "edit", "-json", _]:
        print(json.dumps({{"Go": "1.26.0"}}))
    case ["build", *options]:
        target, package = pathlib.Path(options[options.index("-o") + 1]), options[-1]
        if settings.get("fails") == target.name:
            sys.exit("go: downloading example.net/below v1.0.0\\nthe compiler's reason")
        if settings.get("adds") == target.name:
            with open("go.sum", "a") as sums:
                sums.write("example.net/unknown v2.0.0 h1:unknown=\\n")
        if settings.get("hangs") == target.name:
            (world / "hanging").touch()
            time.sleep(600)
        target.write_text(f"{{package}} {{target.name}}")
"""

DOCKER = """#!{python} -IS
import pathlib, sys
world = pathlib.Path({world!r})
with open(world / "calls", "a") as calls:
    print("docker", *sys.argv[1:], file=calls)
match sys.argv[1:]:
    case ["image", "inspect", "--format", "{{{{.Id}}}}", name]:
        print("sha256:" + name)
    case ["image", "inspect", "--format", _, name]:
        label = world / name.replace("/", "-")
        print(label.read_text() if label.exists() else "")
    case ["build", *options]:
        tag = options[options.index("--tag") + 1]
        label = "--label=netlab.content="
        content = [option.removeprefix(label) for option in options if option.startswith(label)]
        (world / tag.replace("/", "-")).write_text("".join(content))
    case ["save", "--output", target, *_]:
        pathlib.Path(target).write_text("layers")
"""


@dataclass(frozen=True)
class World:
    """A cache of its own, and a `go` and a `docker` whose answers the test chooses."""

    folder: Path

    def set(self, **settings: object) -> None:
        """How `go` behaves from now on."""
        (self.folder / "settings").write_text(json.dumps(settings))

    @property
    def cache(self) -> Path:
        """What netlab keeps."""
        return self.folder / "cache/netlab/kind"

    def start(self, what: str, **environment: str) -> "subprocess.Popen[str]":
        """Start scripts/kind/build.py."""
        kept = {name: value for name, value in os.environ.items() if name not in ("GOMODCACHE", "GOCACHE")}
        ours = {"PATH": f"{self.folder}/bin", "XDG_CACHE_HOME": f"{self.folder}/cache"}
        return subprocess.Popen(
            [
                sys.executable,
                "-B",
                "-E",
                "-s",
                ROOT / "scripts/kind/build.py",
                what,
                "--repository",
                "netlab",
                "--",
                "--force-rm",
            ],
            env=kept | ours | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def build(self, what: str = "programs", **environment: str) -> tuple[int, list[str]]:
        """Run it to its end: its exit code, and what it says but for the progress."""
        running = self.start(what, **environment)
        _, said = running.communicate(timeout=60)
        return running.returncode, [line for line in said.splitlines() if not line.startswith("==>")]

    def calls(self, *wanted: str) -> list[str]:
        """The calls that begin so, and forget them all."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line for line in lines if line.startswith(" ".join(wanted))]

    def parts(self) -> list[str]:
        """The finished parts, without the checksums of their names; unfinished work counts too."""
        return sorted(path.name.rpartition("-")[0] or path.name for path in self.cache.glob("parts/*")) + [
            path.name for path in self.cache.glob(".work-*")
        ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "bin").mkdir()
    for name, text in (("go", GO), ("docker", DOCKER)):
        program = tmp_path / "bin" / name
        pins = str(ROOT / "scripts/kind/go.sum")
        program.write_text(text.format(python=sys.executable, world=str(tmp_path), pins=pins))
        program.chmod(0o755)
    made = World(tmp_path)
    made.set()
    return made


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The scripts' module `archive`."""
    monkeypatch.syspath_prepend(ROOT / "scripts/kind")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import archive

    return archive


EVERYTHING = [
    *("cni-plugins", "containerd", "coredns", "crictl", "etcd", "frr-k8s", "kind"),
    *("kubernetes-client", "kubernetes-control-plane", "kubernetes-node", "metallb", "pause"),
]


def test_it_builds_every_part_and_puts_what_netlab_looks_for_where_netlab_looks(world: World):
    assert world.build() == (0, [])
    assert world.build("node") == (0, [])

    assert world.parts() == EVERYTHING
    assert (world.cache / "bin/kind").read_text() == "sigs.k8s.io/kind kind"
    assert (world.cache / "bin/kubectl").read_text() == "k8s.io/kubernetes/cmd/kubectl kubectl"
    manifests = {path.name: path.read_text() for path in (world.cache / "manifests").iterdir()}
    assert manifests == {f"metallb-{mode}-v0.16.1.yaml": f"# {mode}\n" for mode in ("native", "frr", "frr-k8s")}
    assert [line.split()[-2] for line in world.calls("docker", "build")] == [
        "netlab/kube-proxy:v1.36.3",
        "netlab/frr-k8s:v0.0.25",
        "netlab/kind-node:v1.36.3",
    ]


def test_a_second_run_calls_neither_go_nor_a_build(world: World):
    assert world.build()[0] == world.build("node")[0] == 0
    world.calls()

    assert world.build() == (0, [])
    running = world.start("check")
    _, said = running.communicate(timeout=60)

    assert running.returncode == 0
    assert said == "==> netlab/kind-node:v1.36.3 is up to date\n"
    calls = world.calls()
    assert calls and all(line.startswith("docker image inspect") for line in calls)


def test_another_engine_gets_its_image_from_the_finished_parts(world: World):
    assert world.build()[0] == world.build("node")[0] == 0
    (world.folder / "netlab-kind-node:v1.36.3").unlink()
    world.calls()

    assert world.build("check") == (1, [])
    assert world.build("node") == (0, [])

    calls = world.calls()
    assert [line for line in calls if line.startswith("go")] == []
    assert sum(line.startswith("docker build") for line in calls) == 3


def test_no_go(world: World):
    (world.folder / "bin/go").unlink()
    assert world.build() == (
        3,
        [
            "build-images: --kind needs Go 1.26.3 or later, and there is no go in PATH; to get it:  "
            "https://go.dev/doc/install"
        ],
    )
    assert world.parts() == []


@pytest.mark.parametrize("version", ["go1.24.4", "go1.26.2", "devel +abc"])
def test_a_go_that_is_too_old(world: World, version: str):
    world.set(version=version)
    code, said = world.build()
    assert code == 3
    assert said == [
        f"build-images: --kind needs Go 1.26.3 or later, and {world.folder}/bin/go is {version}; to get it:  "
        "https://go.dev/doc/install"
    ]


def test_a_module_with_another_digest_is_refused(world: World):
    world.set(digests={"github.com/coredns/coredns": {"v1.14.2": "h1:other="}})

    code, said = world.build()

    assert code == 3
    assert said == [
        "build-images: github.com/coredns/coredns v1.14.2 is h1:other= at the module proxy, "
        f"which is not what {ROOT}/scripts/kind/go.sum pins"
    ]
    assert "coredns" not in world.parts()
    assert not any("coredns" in call for call in world.calls("go", "build"))


def test_a_dependency_without_a_pinned_digest_is_refused(world: World):
    world.set(adds="etcd")

    code, said = world.build()

    assert code == 3
    assert said == [
        "example.net/unknown v2.0.0 h1:unknown=",
        f"build-images: no digest of these modules is pinned in {ROOT}/scripts/kind/go.sum",
    ]
    assert "etcd" not in world.parts()


def test_a_build_that_fails_says_why_and_goes_on_where_it_was(world: World):
    world.set(fails="coredns")
    assert world.build() == (
        3,
        ["the compiler's reason", "build-images: could not build coredns v1.14.2; the lines above say why"],
    )
    kept = world.parts()
    assert "kubernetes-node" in kept and "coredns" not in kept
    world.calls()

    world.set()
    assert world.build() == (0, [])

    assert world.parts() == EVERYTHING
    assert not any("kubelet" in call for call in world.calls("go", "build"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_unfinished_part(world: World, number: signal.Signals):
    world.set(hangs="kubelet")
    running = world.start("programs")
    deadline = time.monotonic() + 30
    while not (world.folder / "hanging").exists():
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)

    running.send_signal(number)
    running.communicate(timeout=30)

    assert running.returncode == 128 + number
    assert world.parts() == ["kind", "kubernetes-client"]


def test_what_a_killed_build_left_goes_with_the_next(world: World):
    (world.cache / ".work-killed/kubelet").mkdir(parents=True)
    (world.cache / "parts/etcd-of-before").mkdir(parents=True)
    assert world.build()[0] == 0
    assert world.parts() == EVERYTHING


def test_gos_caches_go_when_all_is_built(world: World):
    (world.cache / "go/mod").mkdir(parents=True)
    assert world.build()[0] == 0
    assert not (world.cache / "go").exists()


def test_the_users_own_caches_of_go_stay(world: World):
    theirs = world.cache / "go"  # even there
    (theirs / "mod").mkdir(parents=True)
    assert world.build(GOMODCACHE=f"{theirs}/mod", GOCACHE=f"{theirs}/build")[0] == 0
    assert (theirs / "mod").exists()


@pytest.mark.parametrize("lost", ["bin/kubectl", "manifests/metallb-frr-v0.16.1.yaml"])
def test_what_netlab_looks_for_comes_back_without_a_build(world: World, lost: str):
    assert world.build()[0] == world.build("node")[0] == 0
    assert world.build("check") == (0, [])
    (world.cache / lost).unlink()
    assert world.build("check") == (1, [])
    world.calls()

    assert world.build()[0] == 0

    assert (world.cache / lost).exists()
    assert not any(line.startswith(("go", "docker build")) for line in world.calls())


def test_an_image_of_one_program_is_what_an_engine_saves(scripts: ModuleType, tmp_path: Path):
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF...")
    program.chmod(0o444)  # as everything in a Go module is
    image = scripts.Image("example.net/one:1", {"/usr/local/bin/one": program}, ("/usr/local/bin/one",))

    scripts.write([image], tmp_path / "first.tar", tmp_path)
    os.utime(program, (0, 0))
    scripts.write([image], tmp_path / "second.tar", tmp_path)

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    with tarfile.open(tmp_path / "first.tar") as archive:
        contents = {name: file.read() for name in archive.getnames() if (file := archive.extractfile(name))}
    (entry,) = json.loads(contents["manifest.json"])
    assert entry["RepoTags"] == ["example.net/one:1"]
    layer = contents[entry["Layers"][0]]
    configuration = json.loads(contents[entry["Config"]])
    assert configuration["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]
    assert configuration["config"]["Entrypoint"] == ["/usr/local/bin/one"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        found = files.getmember("usr/local/bin/one")
        assert (found.mode, found.uid, found.size) == (0o755, 0, 7)
        assert files.getmember("tmp").mode == 0o1777
