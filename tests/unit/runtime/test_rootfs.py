from pathlib import Path

import pytest

from netlab.runtime.netns import rootfs
from netlab.runtime.netns.skeleton import PRIVATE_FOLDERS


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/etc/hosts", "/etc/hosts"),
        ("/var/run/frr/x", "/run/frr/x"),
        ("/bin/sh", "/usr/bin/sh"),
        ("/etc/resolv.conf", "/run/resolve/stub.conf"),
        ("/../../etc//./hosts", "/etc/hosts"),
        ("/not/there/yet", "/not/there/yet"),
    ],
)
def test_links_are_followed_within_the_nodes_root(tmp_path: Path, path: str, leads_to: str) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "etc" / "resolv.conf").symlink_to("../run/resolve/stub.conf")
    assert rootfs.resolved(str(tmp_path), path) == leads_to


def test_a_link_that_leads_out_stays_in(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("../../../../etc")
    assert rootfs.resolved(str(tmp_path), "/out/passwd") == "/etc/passwd"


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        rootfs.resolved(str(tmp_path), "/a")


def test_a_bind_source_that_became_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "swapped").symlink_to("/etc")
    (tmp_path / "data").rmdir()
    (tmp_path / "data").symlink_to("swapped")
    with pytest.raises(OSError, match="a link stands there now"):
        rootfs._bind_host_path(str(tmp_path / "data"), str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


def test_a_bind_source_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as gone:
        rootfs._bind_host_path(str(tmp_path / "none"), str(tmp_path / "target"))
    assert gone.value.filename == str(tmp_path / "none")


def test_a_target_in_a_writable_folder_needs_no_overlay(tmp_path: Path) -> None:
    own, root = tmp_path / "own", tmp_path / "root"
    (root / "opt").mkdir(parents=True)
    own.mkdir()
    built = rootfs._Built(str(own), str(root), PRIVATE_FOLDERS)
    rootfs._ensure_target(built, "/opt/a/file", False)
    rootfs._ensure_target(built, "/opt/b/folder", True)
    assert (root / "opt/a/file").is_file()
    assert (root / "opt/b/folder").is_dir()
    assert list(own.iterdir()) == []


def test_what_is_below_a_private_folder_is_hidden() -> None:
    assert rootfs._is_hidden("/tmp/venv", PRIVATE_FOLDERS)
    assert rootfs._is_hidden("/var/log", PRIVATE_FOLDERS)
    assert not rootfs._is_hidden("/tmpfiles", PRIVATE_FOLDERS)
    assert not rootfs._is_hidden("/var/library", PRIVATE_FOLDERS)
