"""kind's cluster in the making: the kind command works in the background while the routers start."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import docker

from netlab.cluster import credentials, kindconfig, node_image, tools
from netlab.cluster.paths import kubeconfig
from netlab.model.cluster import ClusterPlan
from netlab.model.errors import HostError, LabError
from netlab.runtime.docker import clusters, containers, control

TIMEOUT = 600.0
"""Seconds for kind: pulling a node image of a gigabyte is part of it."""
_POLL = 0.1
_LOG = "kind"
_LAST_LINES = 3


class Creation:
    """A cluster that is being made, or one that is there already. Leaving the block ends a kind command that runs."""

    def __init__(self, client: docker.APIClient, url: str, cluster: ClusterPlan, directory: Path) -> None:
        """Begin. HostError where kind cannot be run here."""
        self._client = client
        self._cluster = cluster
        self._directory = directory
        self._url = url
        self._kind = tools.kind()
        self._process: subprocess.Popen[bytes] | None = None
        if cluster.existing or cluster.reused:
            self._take_over()
            self.image = node_image.of(client, cluster)
        else:
            self.image = node_image.choose(client, cluster)
        self.around = node_image.surroundings(client, self.image)
        if not (cluster.existing or cluster.reused):
            self._start()

    @property
    def cluster(self) -> ClusterPlan:
        """Its plan."""
        return self._cluster

    @property
    def kubeconfig(self) -> Path:
        """Its credentials, once it is finished."""
        return kubeconfig(self._directory, self._cluster.name)

    def __enter__(self) -> Creation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        clusters.note_creation(self._directory, None)
        self._process = None

    def _start(self) -> None:
        argv = [self._kind, "create", "cluster", "--name", self._cluster.kind_name, "--image", self.image]
        argv += ["--kubeconfig", str(self.kubeconfig), "--wait", "0s", "--config", "-"]
        machine = self._cluster.control_plane.machine
        with control.open_log(self._directory, machine, _LOG) as log:
            try:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=credentials.environment(self._url, self._cluster),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is netlab's, and whoever ends it ends what it runs
                )
            except OSError as error:
                raise HostError(f"cannot run {self._kind}: {error.strerror}") from None
        clusters.note_creation(self._directory, self._process.pid)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already, and its log says why
            self._process.stdin.write(kindconfig.configuration(self._cluster, self.around).encode())
            self._process.stdin.close()

    def _take_over(self) -> None:
        """The credentials of a cluster that runs already."""
        name = self._cluster.kind_name
        if not containers.of_clusters(self._client, (name,)):
            mend = "'kind get clusters' lists what there is; 'kind create cluster' makes one"
            raise LabError(f"{self._cluster.name}: there is no kind cluster {name}, which the topology names: {mend}")
        credentials.take(self._kind, self._url, self._cluster, self.kubeconfig)

    def load(self, images: tuple[str, ...], timeout: float) -> None:
        """Give the engine's images to every node, within `timeout` seconds."""
        argv = [self._kind, "load", "docker-image", "--name", self._cluster.kind_name, *images]
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                env=credentials.environment(self._url, self._cluster),
                cwd="/",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"{self._cluster.name}: kind loaded {', '.join(images)} not within {timeout:.0f} s"
            raise LabError(message) from None
        if done.returncode != 0:
            said = " / ".join(done.stderr.decode("utf-8", "replace").strip().splitlines()[-_LAST_LINES:])
            raise LabError(f"{self._cluster.name}: kind cannot load {', '.join(images)}: {said}")

    def wait_for_nodes(self) -> None:
        """Wait until every node's container runs: their links can be made from then on. LabError where kind fails."""
        wanted = {node.container: node.machine for node in self._cluster.nodes}
        deadline = time.monotonic() + TIMEOUT
        while True:
            ended = self._process is None or self._process.poll() is not None
            found = containers.of_clusters(self._client, (self._cluster.kind_name,))
            missing = sorted(wanted.keys() - {container.name for container in found if container.running})
            if not missing:
                return
            if ended:
                self._must_have_succeeded()
                machine = wanted[missing[0]]
                raise LabError(f"{machine}: the kind cluster {self._cluster.kind_name} runs no node {missing[0]}")
            if time.monotonic() > deadline:
                raise self._failure(f"made no node within {TIMEOUT:.0f} s")
            time.sleep(_POLL)

    def finish(self) -> None:
        """Wait for kind's end: the API answers, and every node has joined. LabError where kind failed."""
        if self._process is None:
            return
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise self._failure(f"was not ready within {TIMEOUT:.0f} s") from None
        clusters.note_creation(self._directory, None)
        self._must_have_succeeded()

    def _must_have_succeeded(self) -> None:
        if self._process is not None and self._process.returncode != 0:
            raise self._failure(f"failed with exit code {self._process.returncode}")

    def _failure(self, what: str) -> LabError:
        machine = self._cluster.control_plane.machine
        with control.open_log(self._directory, machine, _LOG) as log:
            log.seek(0)
            lines = log.read().decode("utf-8", "replace").splitlines()
        errors = [line.strip() for line in lines if "ERROR" in line] or [line.strip() for line in lines if line.strip()]
        said = " / ".join(errors[-_LAST_LINES:])
        mend = ""
        if "pull" in said and self.image == node_image.PUBLISHED:
            mend = f" (where no registry answers, 'scripts/build-images --kind' builds {node_image.BUILT})"
        return LabError(f"{self._cluster.name}: kind {what}{f': {said}' if said else ''}{mend}")
