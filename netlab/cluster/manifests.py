"""MetalLB's own manifest of the version that netlab is made for, and what netlab changes in it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from netlab.cluster import tools, yamlfile
from netlab.cluster.yamlfile import Document
from netlab.model.cluster import MetallbMode
from netlab.model.errors import HostError

VERSION = "v0.16.1"
BUILD = "scripts/build-images --kind"
"""What makes all that a cluster needs where neither a registry nor GitHub answers."""
_SOURCE = "https://raw.githubusercontent.com/metallb/metallb/{version}/config/manifests/metallb-{mode}.yaml"
_TIMEOUT = 20.0  # seconds
_LARGEST = 4_000_000  # bytes; they have 80 to 130 KB
_DIGESTS: dict[MetallbMode, str] = {
    "native": "bf25feebb7582ca7df845efd52ffbc2960d6cbf4cfc972f47fded9f788b67f0b",
    "frr": "2b3574f8a257270117f1ab58c4268c99c56cf3e92f2525e6b88aff0b2208f131",
    "frr-k8s": "19313e5031714cc1489b3b0ed0ae6e58be0e92538b4a5ed9c529c847ef2bac62",
}
"""sha256 of config/manifests/metallb-MODE.yaml in the module go.universe.tf/metallb of that version."""


def metallb(mode: MetallbMode) -> tuple[Document, ...]:
    """MetalLB's objects for that mode, ready to apply. HostError where its manifest cannot be had."""
    text = _trusted(mode)
    return tuple(adjusted(document) for document in yamlfile.parse(text.decode(), _path(mode).name))


def adjusted(document: Document) -> Document:
    """A Deployment or DaemonSet of MetalLB that is ready sooner and asks no registry for an image that is there.

    Its probes wait 10 s before they ask for the first time, and 10 s in between, and until the controller is ready no
    custom resource is accepted: with 1 s the first VIP is there after 6.5 s instead of 17.
    """
    if document["kind"] not in ("Deployment", "DaemonSet"):
        return document
    pods = document["spec"]["template"]["spec"]
    for container in _containers(pods):
        container["imagePullPolicy"] = "IfNotPresent"
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            if probe not in container:
                continue
            timing = container[probe]
            # It gives up after as many seconds as before: a busy host is no dead speaker.
            patience = timing.get("periodSeconds", 10) * timing.get("failureThreshold", 3)
            delay = min(timing.get("initialDelaySeconds", 0), 1)
            timing.update(initialDelaySeconds=delay, periodSeconds=1, failureThreshold=patience)
    return document


def _containers(pods: Document) -> Iterator[Document]:
    yield from pods.get("initContainers", ())
    yield from pods["containers"]


def _path(mode: MetallbMode) -> Path:
    return tools.cache() / "manifests" / f"metallb-{mode}-{VERSION}.yaml"


def _trusted(mode: MetallbMode) -> bytes:
    """Its text, from the cache or else from MetalLB's repository: byte by byte the one that netlab was tested with."""
    path = _path(mode)
    try:
        text = path.read_bytes()
    except OSError:  # not there, or not to be read
        text = b""
    if _is(mode, text):
        return text
    source = _SOURCE.format(version=VERSION, mode=mode)
    text = _download(source)
    if not _is(mode, text):
        raise HostError(f"{source} is not the manifest that netlab was made with (its sha256 differs)", BUILD)
    _keep(path, text)
    return text


def _is(mode: MetallbMode, text: bytes) -> bool:
    return hashlib.sha256(text).hexdigest() == _DIGESTS[mode]


def _download(source: str) -> bytes:
    import urllib.request

    try:
        with urllib.request.urlopen(source, timeout=_TIMEOUT) as answer:
            return bytes(answer.read(_LARGEST))
    except (OSError, ValueError) as error:  # URLError, HTTPError and a time-out are OSErrors
        reason = " ".join(str(getattr(error, "reason", error)).split())
        raise HostError(f"no MetalLB {VERSION}: {source}: {reason}", BUILD) from None


def _keep(path: Path, text: bytes) -> None:
    """For the next time; a folder that cannot be written costs only that."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
            new.write(text)
        Path(new.name).replace(path)
    except OSError:
        pass
