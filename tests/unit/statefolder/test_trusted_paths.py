"""Whose folders a path may lead through."""

import os
from pathlib import Path

import pytest

from netlab.statefolder import trusted_paths


def opened(path: Path, *, make: bool = False) -> str:
    """Where a path led."""
    descriptor = trusted_paths.open_folder(str(path), make=make)
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    finally:
        os.close(descriptor)


def test_a_folder_of_ones_own_is_opened(tmp_path: Path) -> None:
    assert opened(tmp_path) == str(tmp_path)


def test_what_is_missing_is_made_for_its_user_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        opened(tmp_path / "a" / "b")
    assert missing.value.filename == str(tmp_path / "a")
    assert opened(tmp_path / "a" / "b", make=True) == str(tmp_path / "a" / "b")
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}


@pytest.mark.parametrize("text", ["{}/real", "real", "../{0.name}/./real/sub/..", "//{}//real/"])
def test_links_of_ones_own_are_followed(tmp_path: Path, text: str) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(text.format(tmp_path))
    assert opened(tmp_path / "link") == str(tmp_path / "real")


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        opened(tmp_path / "a")


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as refused:
        opened(tmp_path / "file" / "below", make=True)
    assert refused.value.filename == str(tmp_path / "file")


@pytest.mark.parametrize("where", [".", "a", "a/b"])
def test_a_folder_in_which_all_may_write_is_refused_wherever_it_is_on_the_path(tmp_path: Path, where: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / where).chmod(0o777)
    with pytest.raises(trusted_paths.Untrusted, match=f"others may write in {(tmp_path / where).resolve()}$"):
        opened(tmp_path / "a" / "b")


def test_a_sticky_folder_keeps_what_is_ones_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    tmp_path.chmod(0o1777)
    assert opened(tmp_path / "a") == str(tmp_path / "a")


def test_the_own_group_of_a_user_is_the_user_and_another_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path, -1, 4242)
    tmp_path.chmod(0o775)
    group = tmp_path.stat().st_gid
    monkeypatch.setattr(trusted_paths.os, "getegid", lambda: group)
    assert opened(tmp_path / "a") == str(tmp_path / "a")
    monkeypatch.setattr(trusted_paths.os, "getegid", lambda: group + 1)
    with pytest.raises(trusted_paths.Untrusted, match="others may write in"):
        opened(tmp_path / "a")


def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(trusted_paths.os, "geteuid", lambda: owner + 1)
    with pytest.raises(trusted_paths.Untrusted, match="belongs to another user"):
        opened(tmp_path / "a")


def test_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, tmp_path / "none", tmp_path / "loop"):
        try:
            opened(path)
        except OSError:
            pass
    tmp_path.chmod(0o777)
    with pytest.raises(trusted_paths.Untrusted):
        opened(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
