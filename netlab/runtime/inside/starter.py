"""Starts a machine's processes in the order that their needs allow. Runs inside the machine, by its init.

Under the netns runtime the init is forked from the host's Python, in a container it is the image's own: standard
library only, Python 3.9 and later. Once a node has its root, the Python that runs this may be out of sight
(`rootfs`), so whatever is needed from then on is imported here, what the standard library itself imports late included.
"""

from __future__ import annotations

import codecs
import os
import re
import resource
import signal
import time
import warnings  # noqa: F401  os.execvpe imports it late
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    from netlab.runtime.inside.messages import Answer, Command, Process, StartRequest

# The soft limit of open files that netlab was started with; none outside a lab's init.
soft_file_limit = 0
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_POLL_SECONDS = 0.002
_POLL_SHARE = 0.1
_LONGEST_POLL_SECONDS = 0.05
_OUTPUT_SHOWN = 2000
_SO_ACCEPTCON = 0x10000  # linux/net.h
_TCP_LISTEN = "0A"  # tcp_states.h, as /proc/net/tcp prints it
for _encoding in ("ascii", "utf-8"):
    codecs.lookup(_encoding)  # imports it


def base_environment(name: str, extra: dict[str, str]) -> dict[str, str]:
    """The environment of a node's processes: nothing of the host's but the language settings."""
    return {"PATH": SEARCH_PATH, "HOME": "/root", "HOSTNAME": name, "LANG": "C.UTF-8", "TERM": "xterm", **extra}


class Starter:
    """Starts a node's processes in the order that their needs allow, then runs the user's commands in turn.

    `open_log` gives a descriptor of a process's log, by the process's name: to read, and to append to.
    """

    def __init__(self, name: str, request: StartRequest, open_log: Callable[[str], int]) -> None:
        self._name = name
        self._environment = base_environment(name, request["env"])
        self._waiting = request["processes"]
        self._commands = request["exec"]
        self._deadline = time.monotonic() + request["timeout"]
        self._open_log = open_log
        self._running: dict[int, Process] = {}
        self._ready: set[str] = set()
        self._not_executed: set[str] = set()
        self._failure: Answer | None = None
        self._last_news = time.monotonic()

    def run(self) -> Answer:
        """Start everything; what to report: {"started": node} or {"failed": node, "process", "message", "output"}."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            return self._run()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _run(self) -> Answer:
        while self._failure is None and (self._waiting or self._pending()):
            self._start_possible()
            self._reap()
            self._find_ready()
            late = [process["name"] for process in (*self._pending(), *self._waiting)]
            if late and self._failure is None and time.monotonic() > self._deadline:
                self._fail(late[0], "was not ready in time")
            if self._waiting or self._pending():
                self._pause()
        for command in self._commands:
            if self._failure is None:
                self._run_command(command)
        return self._failure or {"started": self._name}

    def _pause(self) -> None:
        """Until a process ends, or it is time to look again: the later, the longer nothing has become ready, for many
        machines may wait side by side, and looking takes what their daemons need."""
        waited = time.monotonic() - self._last_news
        signal.sigtimedwait({signal.SIGCHLD}, min(max(_POLL_SECONDS, _POLL_SHARE * waited), _LONGEST_POLL_SECONDS))

    def _pending(self) -> list[Process]:
        return [process for process in self._running.values() if process["name"] not in self._ready]

    def _start_possible(self) -> None:
        for process in list(self._waiting):
            if not self._ready.issuperset(process["after"]):
                continue
            self._waiting.remove(process)
            if process["if_present"] and not os.path.exists(process["argv"][0]):
                self._ready.add(process["name"])
            else:
                self._running[self._spawn(process)] = process

    def _spawn(self, process: Command) -> int:
        log = self._open_log(process["name"])
        outcome, tell = os.pipe()  # closed by the exec itself; a byte comes where there is none
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                null = os.open("/dev/null", os.O_RDONLY)
                for source, target in ((null, 0), (log, 1), (log, 2)):
                    os.dup2(source, target)
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                if soft_file_limit:
                    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
                    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft_file_limit, hard), hard))
                os.umask(0o022)
                os.execvpe(process["argv"][0], process["argv"], self._environment)
            except OSError as error:
                os.write(2, f"{process['argv'][0]}: {error.strerror}\n".encode())
                os.write(tell, b"1")
            finally:
                os._exit(127)
        os.close(log)
        os.close(tell)
        if os.read(outcome, 1):
            self._not_executed.add(process["name"])
        os.close(outcome)
        return pid

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            process = self._running.pop(pid, None)
            if process is None:
                continue
            code = os.waitstatus_to_exitcode(status)
            if process["oneshot"] and self._says(process, "retry_output"):
                descriptor = self._open_log(process["name"])
                os.ftruncate(descriptor, 0)
                os.close(descriptor)
                self._running[self._spawn(process)] = process
            elif process["oneshot"] and code == 0 and not self._says(process, "refuse_output"):
                self._ready.add(process["name"])
            elif code == 0 and not process["oneshot"] and not process["sockets"] and process["port"] is None:
                self._ready.add(process["name"])  # nothing to wait for: a command may be done before it was looked at
            elif process["oneshot"] or process["name"] not in self._ready:
                how = f"exit code {code}" if code >= 0 else f"signal {-code}"
                self._fail(process["name"], f"ended with {how}")

    def _says(self, process: Process, key: Literal["refuse_output", "retry_output"]) -> bool:
        """Whether the process printed what the pattern under `key` looks for."""
        pattern = process.get(key)
        return bool(pattern and re.search(pattern, self._output(process["name"]), re.MULTILINE))

    def _find_ready(self) -> None:
        pending = [p for p in self._pending() if not p["oneshot"] and p["name"] not in self._not_executed]
        listening = _listening_sockets() if any(process["sockets"] for process in pending) else set()
        for process in pending:
            if listening.issuperset(process["sockets"]) and _listens(process["port"]):
                self._ready.add(process["name"])
                self._last_news = time.monotonic()

    def _run_command(self, argv: list[str]) -> None:
        pid = self._spawn({"name": "exec", "argv": argv})
        while True:
            # Any child: a command may end a daemon, and wait until nothing is left of it.
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == pid:
                break
            if time.monotonic() > self._deadline:
                self._fail(" ".join(argv), "did not end in time")
                return
            if not ended:
                self._pause()
        code = os.waitstatus_to_exitcode(status)
        if code != 0:
            self._fail(" ".join(argv), f"ended with exit code {code}", "exec")

    def _output(self, name: str) -> str:
        with open(self._open_log(name), "rb") as file:
            file.seek(0)
            return file.read().decode("utf-8", "replace")

    def _fail(self, process: str, message: str, log: str | None = None) -> None:
        output = self._output(log or process)[-_OUTPUT_SHOWN:]
        self._failure = {"failed": self._name, "process": process, "message": message, "output": output}


def _listening_sockets() -> set[str]:
    """The paths of the node's listening unix sockets (proc(5), /proc/net/unix: __SO_ACCEPTCON in the flags).

    Read, not tried: FRR 10.3's zebra loses its connected routes when somebody connects to it while it starts.
    """
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        rows = [line.split(maxsplit=7) for line in file][1:]
    paths = (row[7].rstrip("\n") for row in rows if len(row) == 8 and int(row[3], 16) & _SO_ACCEPTCON)
    # A daemon may have bound it below /var/run, a link to /run or the same folder mounted twice.
    return {os.path.realpath(path.removeprefix("/var") if path.startswith("/var/run/") else path) for path in paths}


def _listens(port: int | None) -> bool:
    if port is None:
        return True
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file][1:]
        except FileNotFoundError:
            continue
        if any(row[3] == _TCP_LISTEN and int(row[1].rpartition(":")[2], 16) == port for row in rows):
            return True
    return False
