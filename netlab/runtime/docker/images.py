"""Which image a machine runs, and whether the engine has it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import docker
from docker.errors import ImageNotFound

from netlab import daemons
from netlab.model.errors import HostError
from netlab.model.plan import LabPlan, NodePlan, Role
from netlab.runtime.docker import engine

RELEASE = "13"
"""Debian's, which netlab's own images are made of."""
BASE = f"netlab/base:{RELEASE}"
_OWN = re.compile(r"netlab/(?P<name>[a-z][a-z0-9-]*):(?P<release>12|13)")


def image_of(node: NodePlan) -> str:
    """The image that a machine runs: the one that the user names, else netlab's own for what it is."""
    if node.image is not None:
        return node.image
    daemon = daemons.running_in(node)
    if daemon is not None:
        return f"netlab/{daemon.image}:{RELEASE}"
    return BASE if node.role is Role.BRIDGE else f"netlab/client:{RELEASE}"


def check(client: docker.APIClient, plan: LabPlan) -> None:
    """HostError, with the commands that mend it, where the engine lacks images of the lab."""
    wanted = dict.fromkeys(image_of(node) for node in plan.nodes if node.container.existing is None)
    missing = [image for image in wanted if not is_there(client, image)]
    if missing:
        some = "images are" if len(missing) > 1 else "image is"
        raise HostError(f"{some} missing that the lab's nodes run: {', '.join(missing)}", mend(missing))


def mend(missing: Sequence[str]) -> str:
    """The commands that bring images to the engine: netlab's own are built, others are pulled."""
    releases: dict[str, list[str]] = {}
    others = []
    for image in missing:
        own = _OWN.fullmatch(image)
        if own:
            releases.setdefault(own["release"], []).append(own["name"])
        else:
            others.append(f"docker pull {image}")
    builds = (
        f"scripts/build-images {'' if release == RELEASE else f'--debian {release} '}{' '.join(names)}"
        for release, names in releases.items()
    )
    return "; ".join((*builds, *others))


def is_there(client: docker.APIClient, image: str) -> bool:
    """Whether the engine has the image."""
    with engine.refusals(f"image {image}"):
        try:
            client.inspect_image(image)
        except ImageNotFound:
            return False
    return True
