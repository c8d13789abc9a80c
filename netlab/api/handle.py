"""A lab in the hands of a Python program."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Unpack

from netlab.api.keywords import CheckKeywords
from netlab.api.progress import LogProgress
from netlab.model.errors import CommandError, LabError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from netlab.model.lab import LabRecord
    from netlab.model.plan import LabPlan
    from netlab.model.results import Convergence, LabReport, Repair
    from netlab.model.verdict import Verdict


@dataclass(frozen=True)
class Result:
    """How a command in a node ended: its exit code as a shell has it (128 + N for signal N; 127: no such command, 126:
    cannot be executed, 125: the node could not be entered), and what it printed, decoded as UTF-8."""

    returncode: int
    stdout: str
    stderr: str


class Lab:
    """One lab: what is done with it after it was destroyed is a LabError, even if another lab has its name since.

    Leaving a `with` block destroys it; so does the end of the process, unless it was deployed detached.

    `convergence` says how waiting for it ended: `convergence.missing`, one line each, and `convergence.seconds`; None
    where nobody waited.
    """

    def __init__(
        self, record: LabRecord, convergence: Convergence | None = None, held: ExitStack | None = None
    ) -> None:
        """Made by `api.deploy`, `api.lab` and `api.labs`."""
        self._record = record
        self._held = held
        self.convergence = convergence
        self.verdicts: list[Verdict] = []
        """Of every `ecmp_check` of this object, in turn."""

    def __repr__(self) -> str:
        return f"<netlab lab {self.name}: {len(self.nodes)} nodes, {'running' if self.alive else 'dead'}>"

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.destroy()

    @property
    def name(self) -> str:
        """The lab's name, as `netlab --lab` takes it."""
        return self._record.name

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of its machines: a cluster is several."""
        return tuple(node.name for node in self._record.nodes)

    @property
    def directory(self) -> Path:
        """The lab's folder: its record, its plan, its logs."""
        return Path(self._record.directory)

    @property
    def topology_file(self) -> Path:
        """The file that it was deployed from."""
        return Path(self._record.topology_file)

    @property
    def alive(self) -> bool:
        """Whether it runs: this lab, not a later one of its name."""
        from netlab.lab import state

        try:
            return state.is_alive(state.current(self._record))
        except LabError:
            return False

    @cached_property
    def plan(self) -> LabPlan:
        """What was built: every machine with its addresses, files and processes, the services and what is emulated."""
        from netlab.lab import state

        return state.load_plan(state.current(self._record))

    def exec(
        self,
        node: str,
        *argv: str | PathLike[str],
        input: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        check: bool = False,
    ) -> Result:
        """Run a command in a node and wait for its end; what it leaves in the background lives on.

        input: what it reads from standard input. env: variables on top of the node's own; the host's are not passed.
        timeout: seconds, after which it is killed. check: raise CommandError where it does not end with 0.

        Raises InputError for an unknown node or a timeout that is none, LabError for a lab or node that does not run,
        CommandError.
        """
        from netlab.lab.commands import run
        from netlab.model import limits
        from netlab.runtime.base import Invocation

        limits.COMMAND.check("timeout", timeout)
        command = tuple(os.fspath(part) for part in argv)
        if not command:
            raise TypeError("exec takes a command: lab.exec(NODE, PROGRAM, ARGUMENT...)")
        if any("\0" in text for text in (*command, *(env or {}), *(env or {}).values())):
            raise ValueError("a null character in an argument or a variable")
        data = input.encode() if isinstance(input, str) else input
        done = run(self._record, node, Invocation(command, dict(env or {}), data, timeout))
        output, errors = done.output.decode(errors="replace"), done.errors.decode(errors="replace")
        shown = " ".join(command)
        if done.code is None:
            raise CommandError(f"{node}: `{shown}` did not end within {timeout:g} s")
        if check and done.code != 0:
            said = " / ".join(line.strip() for line in (errors or output).strip().splitlines()[-4:])
            raise CommandError(f"{node}: `{shown}` ended with exit code {done.code}{f': {said}' if said else ''}")
        return Result(done.code, output, errors)

    def vtysh(self, node: str, *commands: str, timeout: float | None = 30) -> str:
        """What a router's own command line answers, to one command after the other.

        Raises CommandError for a command that it refuses; otherwise as `exec`.
        """
        argv = tuple(part for command in commands for part in ("-c", command))
        return self.exec(node, "vtysh", *argv, timeout=timeout, check=True).stdout

    def vtysh_json(self, node: str, command: str, timeout: float | None = 30) -> Any:
        """The same for one `show` command that has JSON, as Python values; ` json` is added where it is missing.

        Raises CommandError where the answer is no JSON; otherwise as `vtysh`.
        """
        command = command if command.split()[-1:] == ["json"] else f"{command} json"
        answer = self.vtysh(node, command, timeout=timeout)
        try:
            return json.loads(answer)
        except ValueError:
            raise CommandError(f"{node}: `{command}` did not answer in JSON: {answer.strip()[:200]}") from None

    def inspect(self) -> LabReport:
        """What it looks like now: nodes, addresses, BGP sessions, VIPs. Of a dead lab, what it was.

        Raises LabError where its record is gone.
        """
        from netlab.lab import state
        from netlab.lab.inspect import look

        return look(state.current(self._record))

    def ecmp_check(self, **options: Unpack[CheckKeywords]) -> Verdict:
        """Measure over which next hops new connections really go: `api.ecmp_check` of this lab."""
        from netlab import api

        verdict = api.ecmp_check(self, **options)
        self.verdicts.append(verdict)
        return verdict

    def logs(self, node: str, process: str | None = None, *, tail: int | None = None) -> tuple[tuple[str, str], ...]:
        """(process, line) of everything that a node's processes printed; of each the last `tail` lines.

        Raises InputError for an unknown name."""
        from netlab.lab.logs import logs

        return tuple(logs(node, process, self._record, tail))

    def config(self, node: str, *, with_source: bool = False) -> str:
        """A router's generated configuration. Raises InputError for an unknown node, LabError for one
        without a routing daemon. `with_source` puts what each line was made from before it, as comments."""
        from netlab.lab.commands import configuration

        return configuration(node, None, self._record, with_source)

    def restart(self, node: str, *, wait: bool = True, timeout: float = 60.0) -> Repair:
        """Restart a node of the docker runtime, which comes back whole. Raises InputError for an unknown node, LabError
        where the lab's runtime cannot do that."""
        from netlab.lab.repair import restart

        return self._repaired(restart(node, self._record, LogProgress(), timeout=timeout, wait=wait))

    def repair(self, *, wait: bool = True, timeout: float = 60.0) -> Repair:
        """Put back what nodes lost that died or were restarted; a whole lab stays as it is. Raises LabError where the
        lab's runtime cannot do that."""
        from netlab.lab.repair import repair

        return self._repaired(repair(self._record, LogProgress(), timeout=timeout, wait=wait))

    def _repaired(self, done: Repair) -> Repair:
        self._record = done.lab
        return done

    def destroy(self) -> None:
        """Remove it: nothing of it is left. Once more does nothing.

        Of a lab that this program deployed with `reuse_cluster` and not detached, the cluster is left, which was there
        before: `netlab.api.destroy(lab=NAME)` removes it.
        """
        from netlab.lab.destroy import destroy

        held, self._held = self._held, None
        if held is not None:
            held.close()
        elif self._is_recorded():
            destroy(self.name, LogProgress())

    def _is_recorded(self) -> bool:
        """Whether the folder is still this very lab's, and not that of a later one of its name."""
        from netlab.lab import state

        try:
            state.current(self._record)
        except LabError:
            return False
        return True
