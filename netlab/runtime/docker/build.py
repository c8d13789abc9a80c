"""The builder's side: a lab of containers under construction, that is gone unless it is committed.

The same class repairs a lab: containers that run as they were recorded are left alone, the others are started, or made
again, and come to the same hands as new ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from netlab.kernel import processes
from netlab.model.errors import HostError, InputError, LabError, NetlabError, Problem
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import LabPlan, NodePlan
from netlab.runtime import kept, starting
from netlab.runtime.base import Invocation
from netlab.runtime.docker import clusters, commands, containers, control, engine, guard, images
from netlab.runtime.docker.agents import Agents
from netlab.runtime.docker.control import Door, Init
from netlab.statefolder import lab_folder

if TYPE_CHECKING:
    from netlab.agent.client import AgentClient

T = TypeVar("T")
_GUARD = Path(__file__).with_name("guard.py")
_START_TIMEOUT = 60.0
_SYSCTL = re.compile(r"write /proc/sys/(?P<path>[\w/.-]+): (?P<why>[^:]+)")
"""How runc says that the kernel refused a setting."""


class _Stopped(Exception):
    """Another machine failed, or the user interrupted: what this thread does is of no use any more."""


class Build:
    """A lab that is being built, or repaired where `lab` is given. Leaving the block without `commit` leaves nothing of
    a new lab, and a lab under repair as far as it came."""

    def __init__(self, plan: LabPlan, directory: Path, lab: LabRecord | None = None) -> None:
        _refuse(plan)
        self._plan = plan
        self._directory = directory
        self._lab = lab
        self._client = engine.connect(lab.engine if lab else None)
        images.check(self._client, plan)
        self._claim: lab_folder.Claim | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._agent: AgentClient | None = None
        self._nodes: dict[str, LabMachine] = {}
        self._fresh: frozenset[str] = frozenset()
        self._inits: dict[str, Init] = {}
        self._committed = False
        self._stopping = threading.Event()
        self._identity = uuid.uuid4().hex
        """Tells this lab's containers from those of a later one of its name."""

    @property
    def agent(self) -> AgentClient:
        """The lab's agent."""
        if self._agent is None:
            raise LabError("the lab has no agent before it is launched")
        return self._agent

    @property
    def has_nodes(self) -> bool:
        """Whether the machines exist."""
        return bool(self._nodes)

    @property
    def committed(self) -> bool:
        """Whether the lab lives on without this block."""
        return self._committed

    @property
    def fresh(self) -> frozenset[str]:
        """The machines that this build started: all of a new lab."""
        return self._fresh

    def __enter__(self) -> Build:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # What failed in a machine whose container has ended failed for that: its last words tell more.
        death = self._death() if isinstance(error, LabError) and not self._committed else None
        if self._agent:
            self._agent.close()
        for init in self._inits.values():
            init.close()
        self._end_guard(complete=self._committed)
        self._release_lock()
        self._client.close()
        if death is not None:
            raise death from None

    def _release_lock(self) -> None:
        """From now on others may remove the lab."""
        if self._claim:
            for descriptor in self._claim:
                os.close(descriptor)
        self._claim = None

    def launch(self) -> None:
        """Take the state folder and start the agent. LabError where the lab exists, or a name is taken."""
        if self._lab is not None:
            self._claim = _retake(self._directory)
        else:
            reused = any(cluster.reused for cluster in self._plan.clusters)
            self._claim = _take_over(self._plan, self._directory) if reused else _take(self._plan, self._directory)
            self._guard = self._start_guard()
            self._refuse_taken_names()
            self._claim_clusters()
        self._agent = Agents(self.engine_url, self._plan.name, self._directory, self._identity).start(wiring=True)

    def _claim_clusters(self) -> None:
        """Name the lab's own clusters in its folder, where whoever removes the lab finds them."""
        own = [cluster for cluster in self._plan.clusters if not cluster.existing]
        if own:
            new = tuple(cluster.kind_name for cluster in own if not cluster.reused)
            clusters.refuse_taken(self._client, new, self._plan.name)
            clusters.record(self._directory, tuple(cluster.kind_name for cluster in own))
            for cluster in own:
                if not cluster.reused:
                    clusters.make_network(self._client, cluster.kind_name, ipv6=cluster.ipv6)

    def meet(self) -> frozenset[str]:
        """Tell the agent where those machines are that are there already and somebody else's; their names."""
        others = {node.name: node.container.existing for node in self._plan.nodes if node.container.existing}
        pids = {name: containers.pid_of(self._client, container) for name, container in others.items()}
        there = {name: pid for name, pid in pids.items() if pid}
        if there:
            self.agent.hello(there)
        return frozenset(there)

    def make_nodes(self) -> None:
        """Start every machine's container, some at a time."""
        there = {found.node: found for found in containers.of_lab(self._client, self._plan.name, self._directory)}
        nodes = self._at_once(lambda node: self._make(node, there.get(node.name)), self._plan.nodes)
        self._nodes = {node.name: node for node in nodes}
        recorded = {node.name: node for node in self._lab.nodes} if self._lab else {}
        self._fresh = frozenset(node.name for node in nodes if recorded.get(node.name) != node)
        self.agent.hello({node.name: node.pid for node in nodes})

    def _make(self, node: NodePlan, there: containers.Container | None) -> LabMachine:
        if node.container.existing is not None:
            return self._existing(node.name, node.container.existing)
        if there is not None and self._lab is not None and there.running:
            now = self._look(node.name, there.id)
            if now == self._lab.node(node.name):
                return now
        managed = containers.is_managed(node)
        door = Door(self._directory, node) if managed else None
        try:
            made = (
                there.id
                if there
                else containers.create(self._client, self._plan, node, self._directory, self._identity)
            )
            if there is None:
                self._put_files(node, made)
            self._start(node, made)
            found = self._look(node.name, made)
            if not found.pid and not managed:
                said = containers.last_words(self._client, made)
                image = images.image_of(node)
                message = f"{node.name}: its container of image {image} ended at once{f': {said}' if said else ''}"
                raise LabError(f"{message} (what it runs must stay: see entrypoint and cmd)")
            if door is not None:
                deadline = time.monotonic() + _START_TIMEOUT
                self._inits[node.name] = door.answer(
                    deadline, lambda: self._must_go_on(node, made), keep_files=there is not None
                )
        finally:
            if door is not None:
                door.close()
        return found

    def _start(self, node: NodePlan, container: str) -> None:
        try:
            with engine.refusals(f"{node.name}: cannot start its container of image {images.image_of(node)}"):
                self._client.start(container)
        except LabError as error:
            refused = _SYSCTL.search(str(error))
            if not refused:
                raise
            key = refused["path"].replace("/", ".")
            value = next((sysctl.value for sysctl in node.sysctls if sysctl.key == key), "?")
            raise LabError(f"{node.name}: sysctl {key}={value}: {refused['why'].capitalize()}") from None

    def _put_files(self, node: NodePlan, container: str) -> None:
        """The machine's files, where no init of netlab's writes them."""
        if containers.is_managed(node):
            return
        archive = containers.archive(node.files)
        if archive is not None:
            with engine.refusals(f"{node.name}: cannot write its files"):
                self._client.put_archive(container, "/", archive)

    def _existing(self, name: str, container: str) -> LabMachine:
        found = self._look(name, container)
        if not found.pid:
            raise LabError(f"{name}: there is no running container {container}, which the topology takes for granted")
        return found

    def _look(self, name: str, container: str) -> LabMachine:
        pid = containers.pid_of(self._client, container)
        return LabMachine(name, pid, processes.start_time(pid) or 0, pid, container)

    def _must_go_on(self, node: NodePlan, container: str) -> None:
        """Raise where a machine's init need not be waited for any more."""
        if self._stopping.is_set():
            raise _Stopped
        if not containers.pid_of(self._client, container):
            image = images.image_of(node)
            said = containers.last_words(self._client, container)
            message = f"{node.name}: netlab's init ended in its container of image {image}{f': {said}' if said else ''}"
            raise HostError(message, "the image must have python3 (3.9 or later)")

    def start_processes(self, timeout: float) -> None:
        """Start the machines' processes and wait until they are ready; side by side as far as `start_after` allows."""
        for wave in starting.waves(self._plan):
            fresh = [node for node in wave if node.name in self._fresh]
            inits = [self._inits[node.name] for node in fresh if node.name in self._inits]
            for init in inits:
                init.send(starting.request(init.node, timeout))
            others = [node for node in fresh if node.name not in self._inits and node.exec]
            self._at_once(lambda node: self._run_commands(node, timeout), others)
            for init in inits:
                answer = init.receive()
                if "failed" in answer:
                    raise starting.failure(init.node, answer)

    def _run_commands(self, node: NodePlan, timeout: float) -> None:
        """The user's commands in a machine without netlab's init."""
        for argv in node.exec:
            done = commands.run(self._client, self._nodes[node.name], Invocation(argv, dict(node.env), timeout=timeout))
            with control.open_log(self._directory, node.name, "exec") as log:
                log.write(done.output + done.errors)
            if done.code != 0:
                how = "did not end in time" if done.code is None else f"ended with exit code {done.code}"
                said = " / ".join((done.errors or done.output).decode("utf-8", "replace").strip().splitlines()[-4:])
                raise LabError(f"{node.name}: {' '.join(argv)} {how}{f': {said}' if said else ''}")

    def record(self) -> tuple[LabMachine, tuple[LabMachine, ...]]:
        """The lab, as an entry without a process, and its machines. LabError where one of them is dead already."""
        if (death := self._death()) is not None:
            raise death
        nodes = tuple(self._nodes.values())
        init = (
            self._lab.init
            if self._lab
            else LabMachine("", os.getpid(), processes.start_time(os.getpid()) or 0, 0, self._identity)
        )
        return init, nodes

    def _death(self) -> LabError | None:
        """What is to be said of a machine whose container has ended; None where all run. Of those that somebody else
        makes, whoever waits for them says more."""
        for node in self._nodes.values():
            if self._plan.node(node.name).container.existing is None and not processes.is_running(
                node.pid, node.started
            ):
                try:
                    said = containers.last_words(self._client, node.container)
                except NetlabError:  # the engine itself is gone
                    return None
                image = images.image_of(self._plan.node(node.name))
                message = f"{node.name}: its container of image {image} ended while the lab was being built"
                return LabError(f"{message}{f': {said}' if said else ''}")
        return None

    @property
    def engine_url(self) -> str:
        """Where the engine listens."""
        return self._lab.engine if self._lab else engine.url()

    def hold(self) -> None:
        """The lab is complete, and lives until this block or the process ends: the guard sees to that."""
        self._release_lock()
        if self._guard and self._guard.stdin:
            self._guard.stdin.write(guard.HOLD)
            self._guard.stdin.flush()

    def commit(self) -> None:
        """From here on the lab lives without its builder."""
        for init in self._inits.values():
            init.release()
        self._committed = True
        # Whoever waits for its convergence may be interrupted, and removes it.
        self._end_guard(complete=True)
        self._release_lock()

    def _at_once(self, work: Callable[[NodePlan], T], nodes: Iterable[NodePlan]) -> list[T]:
        """Do the work for every machine, some at a time, and raise what failed first once all have stopped."""
        with ThreadPoolExecutor(containers.AT_A_TIME) as pool:
            futures: list[Future[T]] = [pool.submit(work, node) for node in nodes]
            try:
                wait_for(futures, return_when="FIRST_EXCEPTION")
            finally:
                if not all(future.done() for future in futures):
                    self._stopping.set()
                    pool.shutdown(wait=True, cancel_futures=True)
        failures = [error for future in futures if not future.cancelled() and (error := future.exception())]
        for error in failures:
            if not isinstance(error, _Stopped):
                raise error
        return [future.result() for future in futures]

    def _refuse_taken_names(self) -> None:
        """LabError where a container that is not this lab's has one of its names."""
        wanted = {self._plan.container_name(n.name) for n in self._plan.nodes if n.container.existing is None}
        with engine.refusals("cannot list the containers"):
            rows = self._client.containers(all=True)
        for row in rows:
            for name in (name.lstrip("/") for name in row["Names"] or ()):
                if name not in wanted:
                    continue
                own = (row["Labels"] or {}).get("netlab.lab") == self._plan.name
                if own and (row["Labels"] or {}).get("netlab.directory") == str(self._directory):
                    mend = f"'netlab destroy --lab {self._plan.name}' removes them"
                    raise LabError(f"containers of a lab {self._plan.name} are left whose state is gone: {mend}")
                whose = (
                    f"lab {row['Labels']['netlab.lab']}'s of another user or state folder" if own else "not this lab's"
                )
                mend = "give the lab another name or prefix, or remove that container"
                raise LabError(f"there is a container {name} already, which is {whose}: {mend}")

    def _start_guard(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-I", "-S", str(_GUARD), self.engine_url, self._plan.name, str(self._directory)]
        argv.append(self._identity)
        assert self._claim is not None
        folder, lock = self._claim
        argv += [str(folder), str(lock)]
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(folder, lock),
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(f"cannot start {argv[0]}: {error.strerror}") from None

    def _end_guard(self, *, complete: bool) -> None:
        if self._guard is None or self._guard.stdin is None:
            return
        with suppress(BrokenPipeError):  # somebody killed it
            if complete:
                self._guard.stdin.write(guard.COMPLETE)
            self._guard.stdin.close()
        self._guard.wait()
        self._guard = None


def _refuse(plan: LabPlan) -> None:
    """What this runtime does not run."""
    for node in plan.nodes:
        if node.rootfs is not None:
            message = f"{node.name}: rootfs is for the netns runtime; a container has an image"
            raise InputError(Problem(message, hint="write image: in its place"))


def _take(plan: LabPlan, directory: Path) -> lab_folder.Claim:
    try:
        claimed = lab_folder.take(str(directory))
    except lab_folder.Exists:
        if (left := kept.read(directory)) is not None and left.clusters and not (directory / kept.RECORD).exists():
            raise LabError(f"of lab {plan.name} its cluster alone is there: {kept.mend(left)}") from None
        raise LabError(
            f"lab {plan.name} exists already: 'netlab destroy --lab {plan.name}' removes it, "
            "'netlab deploy --reconfigure' replaces it"
        ) from None
    except lab_folder.Refused as refusal:
        raise HostError(str(refusal), refusal.remedy) from None
    return claimed


def _take_over(plan: LabPlan, directory: Path) -> lab_folder.Claim:
    """The folder of the lab whose clusters are reused: without their record the guard would take them for new ones."""
    if not kept.is_there(directory):
        raise LabError(f"lab {plan.name} was destroyed meanwhile, with its cluster")
    return _retake(directory)


def _retake(directory: Path) -> lab_folder.Claim:
    claimed = lab_folder.retake(str(directory))
    if claimed is None:
        raise LabError(f"{directory.name} is being built or repaired by another netlab: wait for it")
    return claimed
