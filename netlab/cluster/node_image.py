"""Which image the cluster's nodes run, and what it brings."""

from __future__ import annotations

from collections.abc import Callable

import docker
from docker.errors import APIError, ImageNotFound

from netlab.cluster.kindconfig import Surroundings
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import HostError
from netlab.runtime.docker import engine, images

BUILT = "netlab/kind-node:v1.36.3"
"""What `scripts/build-images --kind` makes."""
PUBLISHED = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5"
"""Of the registry: the default of kind 0.33.0 (its pkg/apis/config/defaults)."""
_POD_NETWORK = "netlab.pod-network"


def choose(client: docker.APIClient, cluster: ClusterPlan) -> str:
    """The user's, else the one that was built on this machine, else kind's own, which kind pulls."""
    return cluster.image or (BUILT if _labels(client, BUILT) is not None else PUBLISHED)


def fetch(client: docker.APIClient, cluster: ClusterPlan, say: Callable[[str], None]) -> None:
    """Pull the image that the user names, where the engine does not have it: kind would too, but its labels say how the
    cluster is configured. HostError where it cannot be had."""
    image = cluster.image
    if image is None or images.is_there(client, image):
        return
    mend = "scripts/build-images --kind" if image == BUILT else f"docker pull {image}"
    what = f"{cluster.name}: cannot pull its node image {image}"
    say(f"pulling {image}")
    with engine.refusals(what):
        try:
            for message in client.pull(image, stream=True, decode=True):
                if "error" in message:
                    raise HostError(f"{what}: {message['error']}", mend)
        except APIError as error:
            raise HostError(f"{what}: {engine.explanation(error)}", mend) from None


def of(client: docker.APIClient, cluster: ClusterPlan) -> str:
    """What a cluster that is there runs. LabError where it is not."""
    name = cluster.control_plane.container
    with engine.refusals(f"{cluster.name}: cannot look at its node {name}"):
        return str(client.inspect_container(name)["Config"]["Image"])


def surroundings(client: docker.APIClient, image: str) -> Surroundings:
    """What the engine and the image ask of kind's configuration."""
    with engine.refusals("cannot ask the engine about itself"):
        cgroups = str(client.info().get("CgroupVersion", ""))
    return Surroundings(bool((_labels(client, image) or {}).get(_POD_NETWORK)), cgroups == "1")


def _labels(client: docker.APIClient, image: str) -> dict[str, str] | None:
    """The labels of an image; None where the engine does not have it."""
    with engine.refusals(f"image {image}"):
        try:
            return dict(client.inspect_image(image)["Config"].get("Labels") or {})
        except ImageNotFound:
            return None
