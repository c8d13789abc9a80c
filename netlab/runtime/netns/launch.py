"""Launch a lab's init: the state folder and its lock, the user namespace, the PID namespace.

Run as `python3 -I -S launch.py REQUEST` with the builder's socket as standard input. REQUEST is a JSON object:
directory (the lab's state folder, to be made here), and uid_map and gid_map (lists of [inside, outside, count];
null for root, whose lab maps every id to itself).
The first answer is {"init": pid} or {"error": ..., "remedy": ...} or {"running": true}.

Root's lab lives in a user namespace too: there CAP_SYS_ADMIN and its like reach the lab's own namespaces and
nothing of the host.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from netlab.kernel import syscalls as sc
from netlab.runtime.inside import starter
from netlab.runtime.netns import labinit, making
from netlab.statefolder import lab_folder

if TYPE_CHECKING:
    from netlab.runtime.netns.messages import LabAnswer, LaunchRequest


def main() -> None:
    """Make the lab's init and leave; the init goes on."""
    request: LaunchRequest = json.loads(sys.argv[1])
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
    except lab_folder.Exists:
        _answer(control, {"running": True})
        return
    except lab_folder.Refused as refusal:
        _answer(control, {"error": str(refusal), "remedy": refusal.remedy})
        return
    try:
        _fork_into_namespaces(request, control, directory_fd)
    except lab_folder.Refused as refusal:
        lab_folder.remove_state(request["directory"], directory_fd)
        _answer(control, {"error": str(refusal), "remedy": refusal.remedy})
    except OSError as error:  # no further process or descriptor
        lab_folder.remove_state(request["directory"], directory_fd)
        _answer(control, {"error": sc.describe(error), "remedy": making.remedy(error)})


def _answer(control: socket.socket, message: LabAnswer) -> None:
    try:
        control.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # the builder is gone; so is whatever was made


def _claim(directory: str) -> int:
    """Make the lab's state folder with what the init needs, its lock taken for good; a descriptor of the folder."""
    folder, _ = lab_folder.take(directory)
    try:
        os.mkdir("mount", 0o700, dir_fd=folder)
        # The builder's standard error may be a pipe, whose reader would wait for the lab's end.
        log = os.open("init.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600, dir_fd=folder)
    except OSError as error:
        lab_folder.remove_state(directory, folder)
        raise lab_folder.Refused(f"cannot write in {directory}: {error.strerror}", lab_folder.ELSEWHERE) from None
    os.dup2(log, 2)
    os.close(log)
    return folder


def _fork_into_namespaces(request: LaunchRequest, control: socket.socket, directory_fd: int) -> None:
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
        told = json.loads(answer)
        raise lab_folder.Refused(told["error"], told["remedy"])
    try:
        _write_maps(child, request)
    except lab_folder.Refused:
        os.close(to_child_w)
        os.waitpid(child, 0)
        raise
    os.write(to_child_w, b"1")
    os.close(to_child_w)


def _child(request: LaunchRequest, control: socket.socket, directory_fd: int, go: int, tell: int) -> None:
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
        lab_folder.remove_state(request["directory"], directory_fd)
        _answer(control, {"error": sc.describe(error), "remedy": making.remedy(error)})
        os._exit(1)
    if init == 0:
        labinit.run(control, request["directory"], directory_fd)
    _answer(control, {"init": init})
    os._exit(0)


def _write_maps(pid: int, request: LaunchRequest) -> None:
    """Map the ids of the child's user namespace: root by itself, a user with the set-uid helpers or a single id."""
    for which, ranges in (("uid", request["uid_map"]), ("gid", request["gid_map"])):
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
                raise lab_folder.Refused(f"{argv[0]} failed: {done.stderr.strip()}", mend)
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
        raise lab_folder.Refused(f"cannot write {path}: {error.strerror}", mend) from None


if __name__ == "__main__":
    main()
