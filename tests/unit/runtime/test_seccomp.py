"""What the filter refuses. That nothing of it is needed by FRR, and that nodes have it, is shown in tests/lab."""

import errno

import bpf
import pytest

from netlab.runtime.inside import seccomp

X86, ARM, S390, I386 = 0xC000003E, 0xC00000B7, 0x80000016, 0x40000003
REFUSED, NO_SUCH_CALL = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
ALLOWED = 0x7FFF0000
NEW = {"mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000}
NEW |= {"pid": 0x20000000, "net": 0x40000000}
EVERYWHERE = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433}
EVERYWHERE |= {"mount_setattr": 442, "open_tree_attr": 467}
OF_X86 = {"mount": 165, "umount2": 166, "pivot_root": 155, "sethostname": 170, "setdomainname": 171}
OF_X86 |= {"open_by_handle_at": 304, "setns": 308}
OF_ARM = {"mount": 40, "umount2": 39, "pivot_root": 41, "sethostname": 161, "setdomainname": 162}
OF_ARM |= {"open_by_handle_at": 265, "setns": 268}


def answer(machine: str, architecture: int, number: int, *arguments: int) -> int:
    order = "big" if machine == "s390x" else "little"
    words = b"".join(argument.to_bytes(8, order) for argument in (*arguments, *[0] * 6)[:6])
    data = number.to_bytes(4, order) + architecture.to_bytes(4, order) + bytes(8) + words
    return bpf.run(seccomp.administration_filter(machine), data, order=order)


@pytest.mark.parametrize(("machine", "architecture", "calls"), [("x86_64", X86, OF_X86), ("aarch64", ARM, OF_ARM)])
def test_calls_that_need_the_capability_are_refused(machine: str, architecture: int, calls: dict[str, int]) -> None:
    for name, number in {**calls, **EVERYWHERE}.items():
        assert answer(machine, architecture, number) == REFUSED, name


def test_every_other_call_is_allowed() -> None:
    refused = {*OF_X86.values(), *EVERYWHERE.values(), 435}
    assert all(answer("x86_64", X86, number) == ALLOWED for number in range(500) if number not in refused)


@pytest.mark.parametrize(
    ("machine", "architecture", "clone", "unshare", "before_flags"),
    [("x86_64", X86, 56, 272, ()), ("aarch64", ARM, 220, 97, ()), ("s390x", S390, 120, 303, (0,))],
)
def test_no_namespace_is_made_and_processes_and_threads_are(
    machine: str, architecture: int, clone: int, unshare: int, before_flags: tuple[int, ...]
) -> None:
    sigchld, of_a_thread, files = 17, 0x3D0F00, 0x400
    for name, flag in NEW.items():
        assert answer(machine, architecture, clone, *before_flags, sigchld | flag) == REFUSED, name
        assert answer(machine, architecture, unshare, flag) == REFUSED, name
    assert answer(machine, architecture, unshare, 0x80) == REFUSED  # time; in clone these bits are a signal
    for flags in (sigchld, of_a_thread):
        assert answer(machine, architecture, clone, *before_flags, flags) == ALLOWED
    assert answer(machine, architecture, unshare, files) == ALLOWED


def test_clone3_is_said_not_to_exist_so_that_clone_is_taken() -> None:
    assert answer("x86_64", X86, 435) == NO_SUCH_CALL


def test_zebra_may_enter_a_network_namespace_that_it_was_given() -> None:
    assert answer("x86_64", X86, OF_X86["setns"], 5, NEW["net"]) == ALLOWED
    assert answer("x86_64", X86, OF_X86["setns"], 5, NEW["net"] | NEW["mnt"]) == REFUSED


def test_calls_by_another_table_are_refused() -> None:
    assert answer("x86_64", I386, 20) == REFUSED
    assert answer("x86_64", X86, 0x40000000 | 39) == REFUSED


def test_filters_exist_for_every_machine_that_netlab_knows() -> None:
    for machine in ("x86_64", "aarch64", "riscv64", "ppc64le", "s390x"):
        assert len(seccomp.administration_filter(machine)) % 8 == 0
