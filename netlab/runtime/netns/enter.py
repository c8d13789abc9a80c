"""Run a command in the namespaces of a running lab or node.

The command becomes a grandchild of this process but lives inside the lab's PID namespace, so it dies with the lab;
no process outside ever holds a network namespace of the lab. The kernel refuses a user namespace to a process with
two threads (setns(2)), and forking one that has them is not safe: `start` enters by a bare interpreter of its own, so
that it works from any thread of any process, `spawn` by a fork, for the command line, which has one thread.

Run as `python3 -I -S enter.py DESCRIPTOR`, it is that interpreter: DESCRIPTOR holds a JSON object with `namespaces`
(kind to descriptor), `capabilities` (names) and `command` (the fields of Command).

What the command may do is what the node's own may: its init has limited itself, and is asked.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import rights

if TYPE_CHECKING:
    import subprocess

NOT_ENTERED = 125
_OF_THE_COMMAND = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_NAMESPACES = (
    ("net", sc.CLONE_NEWNET),
    ("uts", sc.CLONE_NEWUTS),
    ("ipc", sc.CLONE_NEWIPC),
    ("mnt", sc.CLONE_NEWNS),
)


@dataclass(frozen=True)
class Command:
    """A command to run in a lab.

    `files` maps its descriptors to this process's. `own_session` keeps a terminal's signals away from it, and ends it
    with the process between it and its caller; `all_capabilities` is for netlab's own agent alone.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[int, int] = field(default_factory=dict)
    folder: str = "/"
    own_session: bool = False
    all_capabilities: bool = False


def spawn(pid: int, command: Command) -> int:
    """Start `command` in the namespaces of process `pid`; the pid of a child that ends with its exit code.

    A command that cannot be started ends with 126 (not executable) or 127 (not found), one killed by signal N
    with 128 + N, as a shell has it; 125 means that the namespaces could not be entered. From now on Ctrl-C is the
    command's alone, and so is SIGTERM.
    """
    capabilities = rights.of_process(pid)
    namespaces = _open_namespaces(pid)
    signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_COMMAND)
    outer = os.fork()
    if outer == 0:
        _guard(command, lambda: _enter_and_wait(namespaces, capabilities, command))
    _leave_signals_to(outer)
    for descriptor in namespaces.values():
        os.close(descriptor)
    return outer


def start(pid: int, command: Command, **streams: Any) -> subprocess.Popen[bytes]:
    """The same for a process with any number of threads. `streams`: stdin, stdout and stderr as Popen takes them."""
    import subprocess  # 10 ms that `netlab exec` does not need

    capabilities = sorted(rights.of_process(pid))
    namespaces = _open_namespaces(pid)
    # Not an argument: everybody on the host can read those, and an environment may hold a secret.
    request = os.memfd_create("netlab-enter")
    try:
        with os.fdopen(os.dup(request), "w", encoding="utf-8") as file:
            json.dump({"namespaces": namespaces, "capabilities": capabilities, "command": asdict(command)}, file)
        os.lseek(request, 0, os.SEEK_SET)
        argv = [sys.executable, "-I", "-S", os.path.abspath(__file__), str(request)]
        passed = (request, *namespaces.values())
        # From its first moment: Ctrl-C would find the interpreter at its imports.
        return subprocess.Popen(argv, pass_fds=passed, start_new_session=command.own_session, **streams)
    finally:
        for descriptor in (request, *namespaces.values()):
            os.close(descriptor)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End what `start` started in a session of its own, with all that it started in turn in its process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not come so far
        process.kill()
    process.wait()


def _open_namespaces(pid: int) -> dict[str, int]:
    kinds = ("user", "pid", *(kind for kind, _ in _NAMESPACES))
    opened: dict[str, int] = {}
    try:
        for kind in kinds:
            opened[kind] = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
    except OSError:
        for descriptor in opened.values():
            os.close(descriptor)
        raise
    return opened


def _guard(command: Command, action: Callable[[], None]) -> None:
    """Run `action` in a forked child: whatever happens, it never returns into the caller's stack."""
    try:
        action()
    except OSError as error:
        if not command.all_capabilities:  # of netlab's own agent, the exit code tells its caller
            # ENOMEM is what fork(2) says where the PID namespace has lost its init.
            reason = "it is dead" if error.errno == errno.ENOMEM else error.strerror
            os.write(2, f"netlab: the node cannot be entered: {reason}\n".encode())
    except Exception as error:  # netlab's own fault, which would otherwise end without a word
        os.write(2, f"netlab: the node cannot be entered: {error!r}\n".encode())
    finally:
        os._exit(NOT_ENTERED)


def _enter_and_wait(namespaces: Mapping[str, int], capabilities: frozenset[str], command: Command) -> None:
    if command.own_session and os.getsid(0) != os.getpid():
        os.setsid()
    sc.setns(namespaces["user"], sc.CLONE_NEWUSER)
    sc.setns(namespaces["pid"], sc.CLONE_NEWPID)
    signal.pthread_sigmask(signal.SIG_BLOCK, _OF_THE_COMMAND)
    inner = os.fork()
    if inner == 0:
        _guard(command, lambda: _execute(namespaces, capabilities, command))
    _leave_signals_to(inner)
    # It must hold nothing open but its streams: the end of a pipe is seen only when its last holder is gone.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if command.own_session:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _leave_signals_to(child: int) -> None:
    """A terminal's Ctrl-C reaches the command itself, which decides; this process has only to pass on how it ended.

    They are blocked since before the fork: none of them finds this process as it was, with the command running already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_COMMAND)


def _execute(namespaces: Mapping[str, int], capabilities: frozenset[str], command: Command) -> None:
    for kind, flag in _NAMESPACES:
        sc.setns(namespaces[kind], flag)
    sc.leave_session_keyring()
    for target, source in command.files.items():
        os.dup2(source, target)
    if not command.all_capabilities:
        rights.confine(capabilities)
    if command.own_session:
        sc.die_with_parent()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # what the caller was started with is the host's
    try:
        os.chdir(command.folder)
    except OSError:
        os.chdir("/")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and that would be inherited
    for number in _OF_THE_COMMAND:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _OF_THE_COMMAND)
    program = command.argv[0]
    try:
        os.execvpe(program, list(command.argv), dict(command.environment))
    except (FileNotFoundError, NotADirectoryError):
        os.write(2, f"netlab: {program}: no such command in the node\n".encode())
        os._exit(127)
    except OSError as error:
        os.write(2, f"netlab: {program}: {error.strerror}\n".encode())
        os._exit(126)


def main() -> None:
    """Be the process between a caller and its command. Never returns."""
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as file:
        request = json.load(file)
    command, capabilities = Command(**request["command"]), frozenset(request["capabilities"])
    _guard(command, lambda: _enter_and_wait(request["namespaces"], capabilities, command))


if __name__ == "__main__":
    main()
