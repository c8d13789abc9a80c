import errno
import os

import bpf
import pytest

from netlab.runtime.inside import syscalls

X86, ARM, I386 = 0xC000003E, 0xC00000B7, 0x40000003
REFUSED = 0x00050000 | errno.EPERM
ALLOWED = 0x7FFF0000


def answer(machine: str, architecture: int, number: int) -> int:
    data = number.to_bytes(4, bpf.NATIVE) + architecture.to_bytes(4, bpf.NATIVE) + bytes(56)
    return bpf.run(syscalls.mount_filter(machine), data, order=bpf.NATIVE)


@pytest.mark.parametrize(
    ("machine", "architecture", "calls"),
    [
        ("x86_64", X86, {"mount": 165, "umount2": 166, "pivot_root": 155}),
        ("aarch64", ARM, {"mount": 40, "umount2": 39, "pivot_root": 41}),
    ],
)
def test_every_call_that_changes_mounts_is_refused(machine: str, architecture: int, calls: dict[str, int]) -> None:
    everywhere = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433}
    for name, number in {**calls, **everywhere, "mount_setattr": 442, "open_tree_attr": 467}.items():
        assert answer(machine, architecture, number) == REFUSED, name


def test_every_other_call_is_allowed() -> None:
    mounts = {165, 166, 155, 428, 429, 430, 431, 432, 433, 442, 467}
    assert all(answer("x86_64", X86, number) == ALLOWED for number in range(500) if number not in mounts)


def test_calls_by_another_table_are_refused() -> None:
    assert answer("x86_64", I386, 20) == REFUSED
    assert answer("x86_64", X86, 0x40000000 | 39) == REFUSED


def test_filters_exist_for_every_machine_that_netlab_knows() -> None:
    for machine in ("x86_64", "aarch64", "riscv64", "ppc64le", "s390x"):
        assert len(syscalls.mount_filter(machine)) % 8 == 0


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
