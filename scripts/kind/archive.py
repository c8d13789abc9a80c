"""Container images of single programs, as a file that `ctr images import` and `docker load` read.

Written without an engine, where the images' names (registry.k8s.io/...) may belong to others. The format is that of
`docker save`: a manifest, and for each image a configuration and its layers.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An image that holds programs and nothing else."""

    name: str
    files: dict[str, Path]
    """The program for each absolute path in the image. A script from a Go module is not marked as one: it will be."""
    entrypoint: tuple[str, ...]
    folders: tuple[str, ...] = field(default=("tmp",))


def write(images: list[Image], target: Path, scratch: Path) -> None:
    """Write the images to a tar file."""
    manifest = []
    with tarfile.open(target, "w") as archive:
        for number, image in enumerate(images):
            layer = scratch / "layer.tar"
            _write_layer(image, layer)
            with layer.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            archive.add(layer, f"{number}/layer.tar", filter=_plain)
            layer.unlink()
            _add(archive, f"{number}/config.json", json.dumps(_configuration(image, digest)))
            manifest.append(
                {"Config": f"{number}/config.json", "RepoTags": [image.name], "Layers": [f"{number}/layer.tar"]}
            )
        _add(archive, "manifest.json", json.dumps(manifest))


def _write_layer(image: Image, target: Path) -> None:
    with tarfile.open(target, "w") as layer:
        parents = {str(parent).lstrip("/") for path in image.files for parent in Path(path).parents}
        for folder in sorted({*parents, *image.folders} - {""}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        _add(layer, "etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n")
        for path, source in image.files.items():
            layer.add(source, path.lstrip("/"), recursive=False, filter=_plain)


def _configuration(image: Image, digest: str) -> dict[str, object]:
    """The image's configuration, after the OCI image specification."""
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURE.get(machine, machine),
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": list(image.entrypoint),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same for every user and at any time, so that the same programs make the same image."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755
    return entry


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
