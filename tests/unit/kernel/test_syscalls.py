import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import netlab
from netlab.kernel import syscalls
from netlab.runtime.inside import rights, seccomp


def test_an_error_names_the_file_where_it_has_one() -> None:
    assert syscalls.describe(OSError(errno.EROFS, "Read-only file system", "/etc/frr")) == (
        "/etc/frr: Read-only file system"
    )
    assert syscalls.describe(OSError(errno.EPERM, "mount proc on /proc: Operation not permitted")) == (
        "mount proc on /proc: Operation not permitted"
    )


def test_a_refused_system_call_names_the_call_and_the_path() -> None:
    with pytest.raises(OSError, match="mount_setattr /nowhere-at-all: ") as refused:
        syscalls.mount_setattr("/nowhere-at-all", set_flags=syscalls.MOUNT_ATTR_RDONLY)
    assert refused.value.errno == (errno.ENOENT if os.geteuid() == 0 else errno.EPERM)


def test_a_processor_that_no_table_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "_MACHINE", "loongarch64")
    for call in (
        syscalls.pivot_root_here,
        syscalls.leave_session_keyring,
        seccomp.refuse_administration,
        rights.prepare,
    ):
        with pytest.raises(OSError, match="on the processor architecture loongarch64 are unknown"):
            call()


def test_every_table_knows_the_same_processors() -> None:
    assert set(syscalls.ARCHITECTURES) == set(syscalls._SYS_KEYCTL) == set(seccomp._MACHINES)


IN_ANOTHER_ROOT = """
import sys
sys.path.insert(0, sys.argv[1])
from netlab.kernel import syscalls
sys.meta_path.clear()
assert "encodings.ascii" not in sys.modules
print(syscalls.last_capability())
"""


def test_the_last_capability_is_read_where_nothing_more_can_be_imported() -> None:
    """A process that has entered a node of another root sees none of the host's Python: a codec is imported too."""
    argv = [sys.executable, "-I", "-S", "-c", IN_ANOTHER_ROOT, str(Path(netlab.__file__).parents[1])]
    done = subprocess.run(argv, env={"LC_ALL": "C.UTF-8"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{syscalls.last_capability()}\n"), done
