"""What a runtime is to the packages above it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

RuntimeName = Literal["netns", "docker"]

if TYPE_CHECKING:  # `netlab exec` needs none of them, and they take as long to import as it may take in all
    from pathlib import Path

    from netlab.agent.client import AgentClient
    from netlab.agent.record.session import RecordSession
    from netlab.model.host import HostFinding
    from netlab.model.lab import Lab, LabNode
    from netlab.model.plan import LabPlan, NodePlan


@dataclass(frozen=True)
class Invocation:
    """A command whose output is wanted. `data` is its standard input; after `timeout` seconds it is killed."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    data: bytes = b""
    timeout: float | None = None


@dataclass(frozen=True)
class Finished:
    """How a captured command ended. `code` is as a shell has it; None where its time ran out and it was killed."""

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

    def make_nodes(self) -> None:
        """Give every machine its namespaces and files."""

    def start_processes(self, timeout: float) -> None:
        """Start the machines' processes and wait until they are ready: `timeout` seconds for each round of them."""

    def record(self) -> tuple[LabNode, tuple[LabNode, ...]]:
        """The lab's init and its machines, as the state folder keeps them."""

    def hold(self) -> None:
        """Let the lab live until the block or the process ends, however it ends. `commit` may still follow."""

    def commit(self) -> None:
        """From here on the lab lives without its builder."""


class Runtime(Protocol):
    """Who runs a lab's machines."""

    @property
    def name(self) -> RuntimeName:
        """As topology files and the state folder have it."""

    def build(self, plan: LabPlan, directory: Path) -> Build:
        """Start building a lab whose state folder will be `directory`."""

    def try_out(self, node: NodePlan, argv: tuple[str, ...], text: str) -> str:
        """The output of `argv FILE` by the machine's own program, before the machine exists, where FILE holds `text`.

        HostError where it cannot be run here.
        """

    def agent(self, lab: Lab) -> AgentClient:
        """An agent for a running lab."""

    def execute(self, node: LabNode, argv: tuple[str, ...], environment: dict[str, str]) -> int:
        """Run a command in a machine with this process's standard streams; its exit code."""

    def capture(self, node: LabNode, invocation: Invocation) -> Finished:
        """Run a command in a machine and keep its output. From any thread."""

    def recorder(self, lab: Lab, output: int) -> RecordSession:
        """A recorder for a running lab, that writes packets to the descriptor `output`."""

    def running(self, lab: Lab) -> frozenset[str]:
        """The names of the lab's machines that run."""

    def needs(self) -> tuple[HostFinding, ...]:
        """What it needs of this host, met or not. Changes nothing."""

    def destroy(self, lab: Lab) -> None:
        """End every process of the lab; its namespaces and links go with them."""
