"""Run a program of a machine that does not exist yet, on a text: in a container of its image, which goes at once."""

from __future__ import annotations

import shutil
import subprocess

from netlab.model.errors import HostError
from netlab.model.plan import NodePlan
from netlab.runtime.docker import engine, images

_TIMEOUT = 60.0
_NOT_RUN = (125, 126, 127)  # docker-run(1): the engine's error, not executable, not found


def run(node: NodePlan, argv: tuple[str, ...], text: str) -> str:
    """The output of `argv FILE`, where FILE holds `text`. HostError where it cannot be run here."""
    image = images.image_of(node)
    with engine.connected() as client:
        there = images.is_there(client, image)
    if not there:
        raise HostError(f"image {image} is missing", images.mend([image]))
    program = shutil.which("docker")
    if program is None:
        raise HostError("there is no docker command", "sudo apt-get install docker-cli")
    command = [program, "-H", engine.url(), "run", "--rm", "-i", "--network", "none", "--entrypoint", argv[0], image]
    try:
        done = subprocess.run(
            [*command, *argv[1:], "/dev/stdin"], input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise HostError(f"{argv[0]} did not end within {_TIMEOUT:.0f} s in a container of {image}") from None
    if done.returncode in _NOT_RUN:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise HostError(f"{argv[0]} cannot be run in a container of {image}: {said}")
    return (done.stdout + done.stderr).decode("utf-8", "replace")
