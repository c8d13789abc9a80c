"""What the docker runtime needs of this host, and what mends each lack."""

from __future__ import annotations

import shutil

import docker

from netlab.daemons import DAEMONS
from netlab.model.errors import HostError
from netlab.model.host import HostFinding
from netlab.registry.images import IMAGES
from netlab.runtime.docker import engine, images
from netlab.runtime.docker.agents import may_enter

_ENGINE = "a Docker engine (20.10 or later)"


def examine() -> tuple[HostFinding, ...]:
    """Look at everything; changes nothing."""
    where = engine.url()
    try:
        client = engine.connect(where)
    except HostError as error:
        return (HostFinding(_ENGINE, False, True, str(error), error.remedy or ""), _command())
    version = client.version()
    found = f"{version['Version']} at {where}, API {client.api_version}"
    return (
        HostFinding(_ENGINE, True, True, found),
        _command(),
        _agent(client),
        *(_image(client, n) for n in _own_images()),
    )


def _own_images() -> tuple[str, ...]:
    """Those that nodes may run which name no image, and those that other packages bring."""
    of_daemons = (DAEMONS.load(name).image for name in DAEMONS.usable())
    return tuple(dict.fromkeys(("base", "client", "web", *of_daemons, *IMAGES.usable())))


def _command() -> HostFinding:
    found = shutil.which("docker")
    mend = "" if found else "sudo apt-get install docker-cli"
    return HostFinding("the docker command, for exec and shell", found is not None, True, found or "not found", mend)


def _agent(client: docker.APIClient) -> HostFinding:
    need = "root for netlab's agent"
    if may_enter():
        return HostFinding(need, True, True, "this is root: the agent runs on the host")
    ok = images.is_there(client, images.BASE)
    how = "not root: the agent runs in a helper container"
    return HostFinding(
        need,
        ok,
        True,
        how if ok else f"{how}, whose image {images.BASE} is missing",
        "" if ok else images.mend([images.BASE]),
    )


def _image(client: docker.APIClient, name: str) -> HostFinding:
    image = f"netlab/{name}:{images.RELEASE}"
    ok = images.is_there(client, image)
    return HostFinding(f"image {image}", ok, False, "built" if ok else "missing", "" if ok else images.mend([image]))
