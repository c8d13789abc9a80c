"""The Docker engine: where it listens, and what goes wrong in talking to it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import requests
from docker.errors import APIError, DockerException

from netlab.model.errors import HostError, LabError

API_VERSION = (1, 41)
"""Of Docker 20.10, the oldest that netlab is tested with."""
_DEFAULT = "unix:///var/run/docker.sock"
_TIMEOUT = 120  # seconds, of a single request: a busy engine is slow to create
_POOL = 16
_START = "start it ('sudo systemctl start docker'), or install one ('sudo apt-get install docker.io')"


def url() -> str:
    """Where the engine of this user listens: DOCKER_HOST, else what the docker command's current context says."""
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return host
    try:
        return docker.ContextAPI.get_current_context().Host or _DEFAULT
    except (DockerException, AttributeError, ValueError, OSError):  # no configuration, or a damaged one
        return _DEFAULT


def connect(where: str | None = None) -> docker.APIClient:
    """A client of the engine at `where`. HostError where none answers there, or none that netlab can use."""
    where = where or url()
    if not where.startswith("unix://"):
        mend = "unset DOCKER_HOST, or run netlab on that machine"
        raise HostError(f"the Docker engine at {where} is not on this machine, and netlab wires the nodes itself", mend)
    refuse_closed(where)
    try:
        client = docker.APIClient(base_url=where, version="auto", timeout=_TIMEOUT, num_pools=4, max_pool_size=_POOL)
    except DockerException as error:
        raise HostError(f"no Docker engine answers at {where}: {_reason(error)}", _START) from None
    if tuple(int(part) for part in client.api_version.split(".")) < API_VERSION:
        raise HostError(f"the Docker engine speaks API {client.api_version} only", "install Docker 20.10 or later")
    return client


def refuse_closed(where: str) -> None:
    """HostError where there is no socket, or this user may not use it, or nobody listens there any more."""
    path = where.removeprefix("unix://")
    if not Path(path).exists():
        raise HostError(f"there is no Docker engine: no socket {path}", _START)
    if not os.access(path, os.R_OK | os.W_OK):
        mend = "sudo usermod -aG docker $USER, then log in again; or run netlab with sudo"
        raise HostError(f"this user may not use the Docker engine ({path})", mend)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            raise HostError(f"no Docker engine answers at {where}: {error.strerror}", _START) from None


@contextmanager
def connected(where: str | None = None) -> Iterator[docker.APIClient]:
    """The same for the length of a block."""
    client = connect(where)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """LabError for what the engine refuses meanwhile, HostError where it does not answer any more."""
    try:
        yield
    except APIError as error:
        raise LabError(f"{what}: {explanation(error)}") from None
    except (DockerException, requests.exceptions.RequestException) as error:
        mend = "see the engine's log ('journalctl -u docker')"
        raise HostError(f"{what}: the Docker engine does not answer: {_reason(error)}", mend) from None


def explanation(error: APIError) -> str:
    """What the engine says, on one line."""
    return " ".join((error.explanation or str(error)).split())


def _reason(error: Exception) -> str:
    """The innermost cause, which the libraries wrap several times."""
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return getattr(cause, "strerror", None) or " ".join(str(cause).split())
