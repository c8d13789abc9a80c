"""The node image: Debian, kind's own files, the programs, and every image that a cluster with MetalLB runs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import archive
from archive import Image
from output import die
from programs import FRR_K8S, KUBERNETES, METALLB

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "images/kind-node"
_ON_NODE = {
    "usr/bin": ("kubeadm", "kubelet", "kubectl"),
    "usr/local/bin": ("containerd", "ctr", "containerd-shim-runc-v2", "crictl"),
    "opt/cni/bin": ("ptp", "loopback", "host-local", "portmap"),
}
# What stands in for the FRR that the manifests of MetalLB's modes frr and frr-k8s name is Debian's.
_FRR = ("quay.io/frrouting/frr:10.5.3", "quay.io/frrouting/frr:10.4.3")


@dataclass(frozen=True)
class Engine:
    """The Docker engine, the repository of netlab's images in it, and the options of every build."""

    repository: str
    options: list[str]

    def tag(self, name: str, version: str = "13") -> str:
        """The name of one of netlab's images."""
        return f"{self.repository}/{name}:{version}"

    def inspect(self, image: str, template: str) -> str:
        """A field of an image; empty where there is no such image."""
        done = self._docker("image", "inspect", "--format", template, image)
        return done.stdout.strip() if done.returncode == 0 else ""

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)

    def build(self, tag: str, context: Path, *options: str) -> None:
        """Build an image from a folder. Exit code 3 with the end of the build's log where that fails."""
        done = self._docker("build", *self.options, *options, "--tag", tag, str(context))
        if done.returncode != 0:
            print("\n".join((done.stdout + done.stderr).strip().splitlines()[-15:]), file=sys.stderr)
            die(3, f"could not build {tag}; the lines above say why")

    def save(self, tags: list[str], target: Path) -> None:
        """Write images to a file."""
        done = self._docker("save", "--output", str(target), *tags)
        if done.returncode != 0:
            die(3, f"could not save {' '.join(tags)}: {done.stderr.strip()}")


class Node:
    """The node image and what goes into it."""

    def __init__(self, engine: Engine, parts: dict[str, Path]) -> None:
        self.engine = engine
        self.parts = parts
        self.tag = engine.tag("kind-node", KUBERNETES)

    def content(self) -> str:
        """A checksum of all that the image is made from."""
        made = hashlib.sha256()
        for path in sorted([*FOLDER.rglob("*"), HERE / "archive.py", HERE / "node.py"]):
            if path.is_file() and path.name != "README.md":
                made.update(path.name.encode() + path.read_bytes())
        below = [self.engine.tag("debian", "12"), *(self.engine.tag(name) for name in ("frr", "web"))]
        identities = [self.engine.inspect(tag, "{{.Id}}") for tag in below]
        made.update(json.dumps([identities, {name: path.name for name, path in self.parts.items()}]).encode())
        return made.hexdigest()

    def is_current(self) -> bool:
        """Whether the engine has the image as it would be built now."""
        return self.engine.inspect(self.tag, '{{index .Config.Labels "netlab.content"}}') == self.content()

    def build(self, scratch: Path) -> None:
        """Build it in a folder of its own."""
        context = scratch / "node"
        shutil.copytree(FOLDER, context, ignore=shutil.ignore_patterns("README.md"))
        self._fill(context / "root")
        (context / "images").mkdir()
        archive.write(self._images(), context / "images/programs.tar", scratch)
        self._add_images_of_the_engine(context)
        labels = {"netlab.image": "kind-node", "netlab.content": self.content(), "netlab.pod-network": "ptp"}
        self._build(self.tag, context, *(f"--label={name}={value}" for name, value in labels.items()))

    def _program(self, name: str, part: str | None = None) -> Path:
        parts = [self.parts[part]] if part else self.parts.values()
        return next(path for folder in parts if (path := folder / "bin" / name).exists())

    def _images(self) -> list[Image]:
        def single(image: str, program: str, folder: str, **more: Path) -> Image:
            files = {f"{folder}/{program}": self._program(program)} | {f"/{name}": path for name, path in more.items()}
            return Image(image, files, (f"{folder}/{program}",))

        kubernetes = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
        reloader = self.parts["metallb"] / "files/frr-tools/reloader/frr-reloader.sh"
        speaker = {name: self._program(name, "metallb") for name in ("frr-metrics", "cp-tool")}
        speaker["frr-reloader.sh"] = reloader
        return [
            *(single(f"registry.k8s.io/{name}:{KUBERNETES}", name, "/usr/local/bin") for name in kubernetes),
            single("registry.k8s.io/etcd:3.6.8-0", "etcd", "/usr/local/bin"),
            single("registry.k8s.io/coredns/coredns:v1.14.2", "coredns", ""),
            # The name is the one in kind's configuration of containerd.
            single("registry.k8s.io/pause:3.10", "pause", ""),
            single(f"quay.io/metallb/controller:{METALLB}", "controller", ""),
            single(f"quay.io/metallb/speaker:{METALLB}", "speaker", "", **speaker),
        ]

    def _add_images_of_the_engine(self, context: Path) -> None:
        """kube-proxy's, which is built with the node's own Debian; netlab's, whose layers are stored once; and
        frr-k8s's on top of one of these, since its pods run a shell in it."""
        _link(self._program("kube-proxy"), context / "kube-proxy")
        proxy = self.engine.tag("kube-proxy", KUBERNETES)
        self._build(proxy, context, "--target", "kube-proxy")
        part = self.parts["frr-k8s"]
        for path in part.glob("bin/*"):
            _link(path, context / "frr-k8s" / path.name)
        reloader = shutil.copy(part / "files/cmd/reloader/frr-reloader.sh", context / "frr-k8s")
        Path(reloader).chmod(0o755)
        frr, frr_k8s = self.engine.tag("frr"), self.engine.tag("frr-k8s", FRR_K8S)
        self._build(frr_k8s, context, "--target", "frr-k8s", "--build-arg", f"FRR={frr}")
        names = {
            proxy: (f"registry.k8s.io/kube-proxy:{KUBERNETES}",),
            frr: _FRR,
            frr_k8s: (f"quay.io/metallb/frr-k8s:{FRR_K8S}",),
            self.engine.tag("web"): ("docker.io/netlab/web:13",),
        }
        self.engine.save(list(names), context / "images/engine.tar")
        lines = [f"{source} {name}\n" for source, each in names.items() for name in each]
        (context / "images/names").write_text("".join(lines), encoding="utf-8")

    def _build(self, tag: str, context: Path, *options: str) -> None:
        self.engine.build(tag, context, "--build-arg", f"BASE={self.engine.tag('debian', '12')}", *options)

    def _fill(self, root: Path) -> None:
        """Kind's own files and the programs, where a node has them."""
        shutil.copytree(self.parts["kind"] / "files/images/base/files", root, dirs_exist_ok=True)
        for path in [*root.glob("kind/bin/*"), *root.glob("usr/local/bin/*")]:
            path.chmod(0o755)
        for folder, programs in _ON_NODE.items():
            for program in programs:
                _link(self._program(program), root / folder / program)
        (root / "kind/version").write_text(KUBERNETES, encoding="utf-8")


def _link(source: Path, target: Path) -> Path:
    """The same file at another place, which costs no room where both are on one file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
    return target
