"""A lab's clusters while it is deployed, repaired and destroyed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import docker

from netlab.agent.client import AgentClient
from netlab.agent.messages import NodeWiring, WireRequest
from netlab.cluster import facts, install, node_image, pod_network, settled, tools
from netlab.cluster.client import Client, connect
from netlab.cluster.creation import Creation
from netlab.cluster.documents import APPLICATION
from netlab.cluster.install import Progress
from netlab.cluster.paths import kubeconfig
from netlab.cluster.pod_network import Run
from netlab.model.cluster import ClusterNodePlan, ClusterPlan
from netlab.model.errors import HostError, LabError
from netlab.model.evidence import ServiceFacts
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import LabPlan, ServicePlan
from netlab.runtime.base import Invocation
from netlab.runtime.docker import commands, containers, engine, images

_COMMAND_TIMEOUT = 60.0
_LOAD_TIMEOUT = _PULL_TIMEOUT = 300.0
_PAUSE = 0.3
_FACTS_TIMEOUT = 5.0
_AUTHORITY = "/etc/kubernetes/pki/ca.crt"
"""kubeadm's certificate authority, on every node."""


class Clusters:
    """The clusters of a lab that is being deployed. They come up while the routers do; leaving the block ends the kind
    commands that still run."""

    def __init__(self, plan: LabPlan, directory: Path, url: str, say: Progress) -> None:
        self._plan = plan
        self._directory = directory
        self._url = url
        self._say = say
        self._stack = ExitStack()
        self._creations: list[Creation] = []

    def __enter__(self) -> Clusters:
        with self._stack as stack:
            self._client = stack.enter_context(engine.connected(self._url))
            tools.kind()  # the first thing to lack
            self._prepared = [install.prepare(cluster) for cluster in self._plan.clusters]
            for cluster in self._plan.clusters:
                is_there = cluster.existing or cluster.reused
                if not is_there:
                    node_image.fetch(self._client, cluster, self._say)
                self._say(f"{'attaching to' if is_there else 'creating'} Kubernetes cluster {cluster.name} (kind)")
                creation = Creation(self._client, self._url, cluster, self._directory)
                self._creations.append(stack.enter_context(creation))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def wait_for_nodes(self) -> None:
        """Wait until every node of every cluster has a network namespace. LabError where kind failed."""
        for creation in self._creations:
            creation.wait_for_nodes()

    def finish(self, agent: AgentClient, timeout: float) -> None:
        """Wait until the clusters' own network works, give them MetalLB and the services, and wait for these, for
        `timeout` seconds each, or five minutes: nodes may pull images. LabError says what is missing."""
        timeout = max(timeout, _PULL_TIMEOUT)
        for creation, prepared in zip(self._creations, self._prepared, strict=True):
            cluster = creation.cluster
            if not (cluster.existing or cluster.reused):
                self._say(f"waiting for Kubernetes cluster {cluster.name}")
            creation.finish()
            settle_sysctls(self._plan, agent, frozenset(node.machine for node in cluster.nodes))
            if creation.around.own_pod_network and not cluster.existing:
                pod_network.make(runner(self._client), cluster)
            self._load_images(creation)
            with connected(creation.kubeconfig, timeout) as client:
                install.install(client, cluster, self._plan.name, prepared, progress=self._say, timeout=timeout)
            settled.wait_for_proxies(runner(self._client), cluster, time.monotonic() + timeout)

    def _load_images(self, creation: Creation) -> None:
        """Give the nodes the images that they cannot pull: the user's, and the application's where it is not there."""
        cluster = creation.cluster
        wanted = list(cluster.images)
        if cluster.workloads and not creation.around.own_pod_network:
            wanted.append(APPLICATION)
        if not wanted:
            return
        missing = [image for image in wanted if not images.is_there(self._client, image)]
        if missing:
            raise HostError(f"{cluster.name}: the engine has no image {', '.join(missing)}", images.mend(missing))
        self._say(f"loading {', '.join(wanted)} into the nodes of {cluster.name}")
        creation.load(tuple(wanted), _LOAD_TIMEOUT)


@contextmanager
def connected(credentials: Path, timeout: float) -> Iterator[Client]:
    """A client of the cluster's API, which must answer within `timeout` seconds. LabError where it does not."""
    client = connect(credentials, time.monotonic() + timeout)
    try:
        yield client
    finally:
        client.close()


def service_facts(
    directory: Path | str, cluster: ClusterPlan, services: tuple[ServicePlan, ...]
) -> tuple[ServiceFacts, ...]:
    """What Kubernetes and MetalLB say of services of a lab's cluster now, in their order. LabError."""
    with connected(kubeconfig(directory, cluster.name), _FACTS_TIMEOUT) as client:
        found = {(one.service, one.vip): one for one in facts.read(client, cluster)}
    missing = [service for service in services if (service.name, service.vip) not in found]
    if missing:
        raise LabError(f"{cluster.name}: Kubernetes has no service {missing[0].name} that asks for {missing[0].vip}")
    chosen = (found[service.name, service.vip] for service in services)
    return tuple(ServiceFacts(one.evidence, one.pods) for one in chosen)


def settle_sysctls(plan: LabPlan, agent: AgentClient, machines: frozenset[str]) -> None:
    """Set the nodes' sysctls once more: their systemd and Kubernetes set some of them while they start."""
    nodes = tuple(NodeWiring(n.name, (), (), (), n.sysctls) for n in plan.nodes if n.name in machines)
    agent.wire(WireRequest(nodes, ()))


def runner(client: docker.APIClient) -> Run:
    """How commands are run in a node's container. They raise LabError with the last lines that they printed."""

    def run(container: str, argv: tuple[str, ...], data: bytes = b"") -> str:
        node = LabMachine(container, 0, 0, 0, container)
        done = commands.run(client, node, Invocation(argv, {}, data, timeout=_COMMAND_TIMEOUT))
        if done.code != 0:
            how = "did not end in time" if done.code is None else f"ended with exit code {done.code}"
            said = " / ".join((done.errors or done.output).decode("utf-8", "replace").strip().splitlines()[-3:])
            raise LabError(f"{container}: {' '.join(argv[:2])} {how}{f': {said}' if said else ''}")
        return done.output.decode("utf-8", "replace")

    return run


def repair(
    lab: LabRecord, plan: LabPlan, agent: AgentClient, fresh: tuple[str, ...], *, say: Progress, timeout: float
) -> None:
    """Give the nodes that were restarted, `fresh`, the rest of what they lost: sysctls, the pods' network, and speakers
    that can reach the API; and wait until their pods are new ones. `timeout` in seconds."""
    with engine.connected(lab.engine) as client:
        for cluster in plan.clusters:
            nodes = tuple(node for node in cluster.nodes if node.machine in fresh)
            if not nodes:
                continue
            machines = frozenset(node.machine for node in nodes)
            run, names = runner(client), ", ".join(sorted(machines))
            settle_sysctls(plan, agent, machines)
            if not cluster.existing and node_image.surroundings(client, node_image.of(client, cluster)).own_pod_network:
                say(f"pod network of {names}")
                pod_network.make(run, cluster)
            deadline = time.monotonic() + timeout
            with connected(kubeconfig(lab.directory, cluster.name), timeout) as api:
                _wait_for_api_address(api, run, nodes, deadline)
                if cluster.metallb and cluster.metallb.install:
                    say(f"MetalLB's speakers on {names}")
                    install.renew_speakers(api, frozenset(node.container for node in nodes))
                say(f"waiting for the pods on {names}")
                started = {node.container: containers.started(client, node.container) for node in nodes}
                settled.wait_for_pods(api, cluster, lab.name, started, deadline)
                install.wait(api, cluster, lab.name, deadline)
            settled.wait_for_proxies(run, cluster, deadline)
            settled.forget_half_open(run, cluster)


def _wait_for_api_address(api: Client, run: Run, nodes: tuple[ClusterNodePlan, ...], deadline: float) -> None:
    """Wait until restarted nodes reach the API as pods do, by their kube-proxy: a speaker that starts before waits half
    a minute. Without kube-proxy's rules the address may be anybody's, so the certificate counts."""
    address = install.api_address(api)
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"
    reach = ("curl", "--silent", "--max-time", "1", "--cacert", _AUTHORITY, "--output", "/dev/null", url)
    for node in nodes:
        while time.monotonic() < deadline:
            try:
                run(node.container, reach)
                break
            except LabError:
                time.sleep(_PAUSE)
