"""What a runtime is to the packages above it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # `netlab exec` needs none of them, and they take as long to import as it may take in all
    from collections.abc import Iterator
    from pathlib import Path

    from netlab.agent.client import AgentClient
    from netlab.agent.pcap.session import CaptureSession
    from netlab.model.host import HostFinding
    from netlab.model.lab import LabMachine, LabRecord
    from netlab.model.plan import LabPlan, NodePlan
    from netlab.model.runtime import Traits


@dataclass(frozen=True)
class Invocation:
    """A command whose output is wanted. `data` is its standard input; after `timeout` seconds it is killed."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    data: bytes = b""
    timeout: float | None = None


@dataclass(frozen=True)
class Finished:
    """How a command ended that was run for its output. `code` is as a shell has it; None where its time ran out and it
    was killed."""

    code: int | None
    output: bytes
    errors: bytes


class Build(Protocol):
    """A lab under construction, a context manager. Leaving it without `commit` leaves nothing of the lab."""

    @property
    def agent(self) -> AgentClient:
        """The lab's agent, from `launch` to the end of the block. It knows the machines once they are made."""

    @property
    def has_nodes(self) -> bool:
        """Whether the machines exist."""

    @property
    def committed(self) -> bool:
        """Whether the lab lives on without this block."""

    def __enter__(self) -> Build: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def launch(self) -> None:
        """Begin. LabError where a lab of that name exists already, HostError where the host refuses."""

    def meet(self) -> frozenset[str]:
        """Tell the agent where those machines are that are there already and somebody else's; their names."""

    def make_nodes(self) -> None:
        """Give every machine its namespaces and files."""

    @property
    def fresh(self) -> frozenset[str]:
        """The machines that this build has made or started: all of a new lab, of a repaired one those that had died."""

    @property
    def engine_url(self) -> str:
        """Where the container engine listens; empty where there is none."""

    def start_processes(self, timeout: float) -> None:
        """Start the machines' processes and wait until they are ready: `timeout` seconds for each round of them."""

    def record(self) -> tuple[LabMachine, tuple[LabMachine, ...]]:
        """The lab's init and its machines, as the state folder keeps them."""

    def hold(self) -> None:
        """Let the lab live until the block or the process ends, however it ends. `commit` may still follow."""

    def commit(self) -> None:
        """From here on the lab lives without its builder."""


class Runtime(Protocol):
    """Who runs a lab's machines."""

    @property
    def traits(self) -> Traits:
        """What it is."""

    def build(self, plan: LabPlan, directory: Path, lab: LabRecord | None = None) -> Build:
        """Start building a lab whose state folder will be `directory`; with `lab`, repairing the one that is there.

        LabError where this runtime repairs none.
        """

    def try_out(self, node: NodePlan, argv: tuple[str, ...], text: str) -> str:
        """The output of `argv FILE` by the machine's own program, before the machine exists, where FILE holds `text`.

        HostError where it cannot be run here.
        """

    def agent(self, lab: LabRecord) -> AgentClient:
        """An agent for a running lab."""

    def execute(self, lab: LabRecord, node: LabMachine, argv: tuple[str, ...], environment: dict[str, str]) -> int:
        """Run a command in a machine with this process's standard streams; its exit code."""

    def run(self, lab: LabRecord, node: LabMachine, invocation: Invocation) -> Finished:
        """Run a command in a machine and keep its output. From any thread."""

    def capturer(self, lab: LabRecord, output: int) -> CaptureSession:
        """A capturer for a running lab, that writes packets to the descriptor `output`."""

    def printed(self, lab: LabRecord, node: LabMachine, tail: int | None) -> Iterator[str]:
        """What a machine printed beside the logs of its processes: the last `tail` lines."""

    def restarted(self, lab: LabRecord) -> frozenset[str]:
        """The names of the lab's machines that somebody else has started again: they have lost their links."""

    def is_alive(self, lab: LabRecord) -> bool:
        """Whether the lab, one of this boot, runs."""

    def restart(self, lab: LabRecord, node: LabMachine, timeout: float) -> None:
        """End a machine, within `timeout` seconds, and start it again without its links. LabError where that cannot be.

        Repairing the lab puts back what it lost.
        """

    def running(self, lab: LabRecord) -> frozenset[str]:
        """The names of the lab's machines that run."""

    def needs(self) -> tuple[HostFinding, ...]:
        """What it needs of this host, met or not. Changes nothing."""

    def destroy(self, lab: LabRecord) -> None:
        """End every process of the lab; its namespaces and links go with them."""

    def sweep(self, lab: str, directory: Path) -> bool:
        """Remove what there is of a lab without a record: half built, or its record was lost. Whether there was any."""
