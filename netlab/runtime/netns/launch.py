"""Launch a lab's init: the state folder and its lock, the user namespace, the PID namespace.

Run as `python3 -I -S launch.py REQUEST` with the builder's socket as standard input. REQUEST is a JSON object:
directory (the lab's state folder, to be made here), and uid_map and gid_map (lists of [inside, outside, count];
null for root, whose lab maps every id to itself).
The first answer is {"init": pid} or {"error": ..., "remedy": ...} or {"running": true}.

Root's lab lives in a user namespace too: there CAP_SYS_ADMIN and its like reach the lab's own namespaces and
nothing of the host.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import socket
import stat
import sys
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from netlab.runtime import trusted
from netlab.runtime.inside import starter
from netlab.runtime.inside import syscalls as sc
from netlab.runtime.netns import labinit

_TRIES = 100
_ELSEWHERE = "set XDG_STATE_HOME to a folder of yours"


class _Refused(Exception):
    """The answer that the builder gets instead of a lab."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer


def main() -> None:
    """Make the lab's init and leave; the init goes on."""
    request = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    os.umask(0o077)
    # The lab's init holds a descriptor per machine, and 1024 is a common soft limit. A machine's processes get it back.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    starter.soft_file_limit = soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        sc.leave_session_keyring()
    except OSError as error:
        _answer(control, {"error": sc.describe(error), "remedy": "raise kernel.keys.maxkeys"})
        return
    try:
        directory_fd = _claim(request["directory"])
    except _Refused as refusal:
        _answer(control, refusal.answer)
        return
    try:
        _fork_into_namespaces(request, control, directory_fd)
    except _Refused as refusal:
        labinit.remove_state(request["directory"], directory_fd)
        _answer(control, refusal.answer)
    except OSError as error:  # no further process or descriptor
        labinit.remove_state(request["directory"], directory_fd)
        _answer(control, {"error": sc.describe(error), "remedy": labinit.remedy(error)})


def _answer(control: socket.socket, message: dict[str, Any]) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the builder is gone; so is whatever was made


def _claim(directory: str) -> int:
    """Make the lab's state folder, take its lock for good, and return a descriptor of the folder."""
    parent, name = os.path.split(directory)
    for _ in range(_TRIES):
        try:
            labs = trusted.open_folder(parent, make=True)
        except trusted.Untrusted as error:
            raise _Refused(error=str(error), remedy=_ELSEWHERE) from None
        except FileNotFoundError:
            continue  # another lab's end removed the empty folder
        except OSError as error:
            raise _Refused(error=f"cannot make {error.filename}: {error.strerror}", remedy=_ELSEWHERE) from None
        try:
            folder = _make(labs, name, directory)
        except _Refused:
            _remove_if_empty(labs)
            raise
        finally:
            os.close(labs)
        if folder is None:
            continue
        try:
            if _fill(folder):
                return folder
        except OSError as error:
            labinit.remove_state(directory, folder)
            raise _Refused(error=f"cannot write in {directory}: {error.strerror}", remedy=_ELSEWHERE) from None
        os.close(folder)
    raise _Refused(error=f"cannot make {directory}: its parent is removed again and again")


def _remove_if_empty(labs: int) -> None:
    """The folder of all labs, which may have been made for nothing."""
    name = os.path.basename(os.readlink(f"/proc/self/fd/{labs}"))
    above = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=labs)
    try:
        if os.path.samestat(os.fstat(labs), os.stat(name, dir_fd=above, follow_symlinks=False)):
            os.rmdir(name, dir_fd=above)
    except OSError:
        pass  # labs live there, or it is gone already
    finally:
        os.close(above)


def _make(labs: int, name: str, directory: str) -> int | None:
    """The lab's new folder; None where the folder of all labs is gone meanwhile."""
    try:
        os.mkdir(name, 0o700, dir_fd=labs)
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=labs)
    except FileExistsError:
        found = os.stat(name, dir_fd=labs, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            raise _Refused(running=True) from None
        error = f"{directory} is not a folder of this user"
        raise _Refused(error=error, remedy=f"look at it, then remove {directory}") from None
    except FileNotFoundError:
        return None  # another lab's end removed the empty parent
    except OSError as error:
        raise _Refused(error=f"cannot make {directory}: {error.strerror}", remedy=_ELSEWHERE) from None


def _fill(folder: int) -> bool:
    """Take the lock and make what the init needs. False where a `destroy` took the new folder for a dead lab's."""
    lock = os.open("lock", os.O_CREAT | os.O_RDWR, 0o600, dir_fd=folder)
    fcntl.flock(lock, fcntl.LOCK_EX)  # held by others for no longer than a look
    try:
        if not os.path.samestat(os.fstat(lock), os.stat("lock", dir_fd=folder)):
            return False
        os.mkdir("mount", 0o700, dir_fd=folder)
    except FileNotFoundError:
        return False
    # The builder's standard error may be a pipe, whose reader would wait for the lab's end.
    log = os.open("init.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600, dir_fd=folder)
    os.dup2(log, 2)
    os.close(log)
    return True


def _fork_into_namespaces(request: dict[str, Any], control: socket.socket, directory_fd: int) -> None:
    to_child_r, to_child_w = os.pipe()
    to_parent_r, to_parent_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(to_child_w)
        os.close(to_parent_r)
        _child(request, control, directory_fd, to_child_r, to_parent_w)
    os.close(to_parent_w)
    os.close(to_child_r)
    answer = os.read(to_parent_r, 4096)
    if answer:
        os.waitpid(child, 0)
        raise _Refused(**json.loads(answer))
    try:
        _write_maps(child, request)
    except _Refused:
        os.close(to_child_w)
        os.waitpid(child, 0)
        raise
    os.write(to_child_w, b"1")
    os.close(to_child_w)


def _child(request: dict[str, Any], control: socket.socket, directory_fd: int, go: int, tell: int) -> None:
    """Become the lab's first process in a user namespace, then fork the lab's init into its PID namespace."""
    os.setsid()  # Ctrl-C is the builder's business
    try:
        sc.unshare(sc.CLONE_NEWUSER)
    except OSError as error:
        remedy = (
            "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, "
            "kernel.apparmor_restrict_unprivileged_userns), or run netlab with sudo"
        )
        os.write(tell, json.dumps({"error": f"no user namespace: {error.strerror}", "remedy": remedy}).encode())
        os._exit(1)
    os.close(tell)
    if os.read(go, 1) != b"1":
        os._exit(1)
    os.close(go)
    try:
        os.setgroups([])
    except OSError:
        pass  # refused where one's own gid alone is mapped (user_namespaces(7))
    try:
        sc.unshare(sc.CLONE_NEWPID | sc.CLONE_NEWNS | sc.CLONE_NEWNET | sc.CLONE_NEWIPC | sc.CLONE_NEWUTS)
        init = os.fork()
    except OSError as error:
        labinit.remove_state(request["directory"], directory_fd)
        _answer(control, {"error": sc.describe(error), "remedy": labinit.remedy(error)})
        os._exit(1)
    if init == 0:
        labinit.run(control, request["directory"], directory_fd)
    _answer(control, {"init": init})
    os._exit(0)


def _write_maps(pid: int, request: dict[str, Any]) -> None:
    """Map the ids of the child's user namespace: root by itself, a user with the set-uid helpers or a single id."""
    for which in ("uid", "gid"):
        ranges = request[f"{which}_map"]
        if ranges is None:
            with open(f"/proc/self/{which}_map", encoding="ascii") as file:
                own = [line.split() for line in file]
            _write(f"/proc/{pid}/{which}_map", "\n".join(f"{inside} {inside} {count}" for inside, _, count in own))
        elif len(ranges) > 1:
            argv = [f"new{which}map", str(pid), *(str(number) for row in ranges for number in row)]
            import subprocess  # 10 ms that root's labs do not need

            done = subprocess.run(argv, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                mend = "check this user's lines in /etc/subuid and /etc/subgid"
                raise _Refused(error=f"{argv[0]} failed: {done.stderr.strip()}", remedy=mend)
        else:
            if which == "gid":
                _write(f"/proc/{pid}/setgroups", "deny")
            _write(f"/proc/{pid}/{which}_map", " ".join(str(number) for number in ranges[0]))


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        mend = "allow unprivileged user namespaces, or run netlab with sudo ('netlab doctor' says more)"
        raise _Refused(error=f"cannot write {path}: {error.strerror}", remedy=mend) from None


if __name__ == "__main__":
    main()
