"""Run a program of a machine that does not exist yet: of the host, or of a root file system, on a text.

For a root file system this file runs itself as `python3 -I -S config_check.py ROOT ARGV...` with the text as standard
input: in namespaces of its own it builds a root of ROOT's entries, puts the text beside them and starts the program
there.
Nothing of that is seen outside, and no privileges are needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from netlab.kernel import syscalls as sc
from netlab.runtime.netns import skeleton

_TIMEOUT = 20.0  # seconds: the check of a small file takes 0.1
_FILE = "/netlab.conf"
_FAILED = 125
"""The exit code that says that the program was not started; standard error says why."""


def run(root: str | None, argv: tuple[str, ...], text: str, package: str | None = None) -> str:
    """The output of `argv FILE`, where FILE holds `text`. HostError where it cannot be run here; `package` has it."""
    from netlab.model.errors import HostError
    from netlab.runtime.netns import own_rootfs

    if root is not None:
        own_rootfs.check("the check of a startup-config", root, argv[:1])
        command = (sys.executable, "-I", "-S", os.path.abspath(__file__), root, *argv, _FILE)
    elif shutil.which(argv[0]) is None:
        raise HostError(f"this host has no {argv[0]}", package and f"sudo apt-get install {package}")
    else:
        command = (*argv, "/dev/stdin")
    try:
        # Bytes: a program may quote a line up to the middle of a character.
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise HostError(f"{argv[0]} did not end within {_TIMEOUT:.0f} s") from None
    if root is not None and done.returncode == _FAILED:
        raise HostError(f"{argv[0]} of {root} cannot be run: {done.stderr.decode(errors='replace').strip()}")
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def main(root: str, argv: list[str]) -> None:
    """Become the program in a root of its own."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        sc.unshare(sc.CLONE_NEWUSER | sc.CLONE_NEWNS)
        for name, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
                file.write(line)
        sc.make_private("/")
        folder = os.open(root, os.O_PATH)  # it stays within reach where what comes next hides it
        sc.mount("tmpfs", "/tmp", "tmpfs", sc.MS_NOSUID | sc.MS_NODEV)
        source = f"/proc/self/fd/{folder}"
        for entry in os.listdir(source):
            if entry not in skeleton.TOP_PRIVATE:
                skeleton.do(skeleton.entry_steps(f"{source}/{entry}", f"/tmp/{entry}"))
        with open(f"/tmp{_FILE}", "wb") as text:
            shutil.copyfileobj(sys.stdin.buffer, text)
        os.chroot("/tmp")
        os.chdir("/")
        os.execve(argv[0], argv, {"PATH": os.defpath, "LANG": "C.UTF-8"})
    except OSError as error:
        os.write(2, sc.describe(error).encode())
        os._exit(_FAILED)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
