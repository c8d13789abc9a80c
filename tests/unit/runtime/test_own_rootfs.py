import shutil
from pathlib import Path

import pytest

from netlab.daemons.frr import DAEMON as FRR
from netlab.model.errors import HostError
from netlab.runtime.netns import own_rootfs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root file system with a script, a program and a shell that is a link."""
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr" / "bin" / "dash").write_text("text that no kernel starts")
    (tmp_path / "usr" / "bin" / "sh").symlink_to("/usr/bin/dash")
    (tmp_path / "usr" / "bin" / "script").write_text("#!/bin/sh -e\n")
    for name in ("dash", "script"):
        (tmp_path / "usr" / "bin" / name).chmod(0o755)
    return tmp_path


def test_programs_are_found_through_the_root_file_systems_own_links(root: Path) -> None:
    own_rootfs.check("rt-1", str(root), ("/bin/sh", "/bin/script"))


def test_a_program_that_is_not_there(root: Path) -> None:
    with pytest.raises(HostError) as refused:
        own_rootfs.check("rt-1", str(root), ("/bin/sh", "/usr/lib/frr/bgpd"))
    assert refused.value.lines() == (
        f"rt-1 needs /usr/lib/frr/bgpd, which its rootfs {root} does not have "
        "(to mend it: unpack a root file system that has it; scripts/unpack-frr makes one with FRR)",
    )


def test_a_link_out_of_the_root_file_system_does_not_count(root: Path) -> None:
    (root / "usr" / "bin" / "cat").symlink_to("/etc/passwd")  # the host has one
    with pytest.raises(HostError, match="needs /bin/cat"):
        own_rootfs.check("rt-1", str(root), ("/bin/cat",))


def test_a_program_that_cannot_be_executed(root: Path) -> None:
    (root / "usr" / "bin" / "dash").chmod(0o644)
    with pytest.raises(HostError, match="cannot run /bin/sh of its rootfs"):
        own_rootfs.check("rt-1", str(root), ("/bin/sh",))


def test_a_scripts_interpreter_and_a_programs_loader_must_be_there_too(root: Path) -> None:
    (root / "usr" / "bin" / "sh").unlink()
    with pytest.raises(HostError, match="needs /bin/script, and that needs /bin/sh, which"):
        own_rootfs.check("rt-1", str(root), ("/bin/script",))
    shutil.copy("/bin/true", root / "usr" / "bin" / "true")
    with pytest.raises(HostError, match=r"needs /bin/true, and that needs /lib[^ ]*/ld[^ ]*\.so"):
        own_rootfs.check("rt-1", str(root), ("/bin/true",))


@pytest.mark.parametrize("data", [b"", b"#!", b"#!\n", b"\x7fELF\x02\x01", b"\x7fELF\x02\x01" + b"\xff" * 90])
def test_a_damaged_program_has_no_interpreter(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "damaged").write_bytes(data)
    assert own_rootfs._interpreter(str(tmp_path / "damaged")) is None


def test_links_in_a_circle_are_named(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    with pytest.raises(HostError, match="/loop/sh: Too many levels of symbolic links"):
        own_rootfs.check("rt-1", str(root), ("/loop/sh",))


def test_a_root_file_system_without_accounts_gets_root(root: Path) -> None:
    made = own_rootfs.files(str(root))
    assert made["/etc/passwd"] == "root:x:0:0:root:/root:/bin/sh\n"
    assert made["/etc/group"].startswith("root:x:0:\n")
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text("root:x:0:0::/:/bin/zsh\nfrr:x:1:1::/:\n")
    assert own_rootfs.files(str(root))["/etc/passwd"] == "root:x:0:0::/:/bin/zsh\nfrr:x:1:1::/:\n"
    made = own_rootfs.files(str(root), ("/etc/passwd", "/etc/group"), FRR.accounts)
    assert made["/etc/passwd"] == "root:x:0:0::/:/bin/zsh\nfrr:x:0:0::/:\n"
    assert made["/etc/group"] == "root:x:0:\nfrr:x:0:\nfrrvty:x:0:\n"


def test_accounts_that_cannot_be_read_count_as_missing(root: Path) -> None:
    (root / "etc" / "group").mkdir(parents=True)
    assert own_rootfs.files(str(root))["/etc/group"].startswith("root:x:0:\n")


def test_pam_that_was_never_configured_lets_the_nodes_root_in(tmp_path: Path) -> None:
    """Debian's /etc/pam.d/other includes files that a package's configuration makes; without them no vtysh starts."""
    assert "/etc/pam.d/common-auth" not in own_rootfs.files(str(tmp_path))
    (tmp_path / "etc/pam.d").mkdir(parents=True)
    (tmp_path / "etc/pam.d/common-auth").write_text("auth required pam_unix.so\n")
    made = own_rootfs.files(str(tmp_path))
    assert "/etc/pam.d/common-auth" not in made
    assert made["/etc/pam.d/common-account"].endswith("\naccount sufficient pam_permit.so\n")
