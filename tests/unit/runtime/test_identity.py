from pathlib import Path

import pytest

from netlab.runtime.netns import identity


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(identity.os, "getegid", lambda: 1001)
    monkeypatch.setattr(
        identity, "_subordinate", lambda file, uid: (200000, 65536) if "uid" in file else (300000, 65536)
    )


def test_root_keeps_all_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.os, "geteuid", lambda: 0)
    assert identity.id_maps() == identity.IdMaps(None, None)


@pytest.mark.usefixtures("user")
def test_a_user_is_root_in_the_lab_and_has_the_subordinate_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_gives_privileges", lambda program: True)
    maps = identity.id_maps()
    assert maps.uid == [[0, 1000, 1], [1, 200000, 65536]]
    assert maps.gid == [[0, 1001, 1], [1, 300000, 65536]]
    assert not maps.single


@pytest.mark.usefixtures("user")
def test_without_the_set_uid_helpers_a_user_has_a_single_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.shutil, "which", lambda program: None)
    maps = identity.id_maps()
    assert (maps.uid, maps.gid) == ([[0, 1000, 1]], [[0, 1001, 1]])
    assert maps.single


@pytest.mark.usefixtures("user")
def test_a_helper_without_privileges_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "newuidmap").touch(0o755)
    monkeypatch.setattr(identity.shutil, "which", lambda program: str(tmp_path / "newuidmap"))
    assert identity.id_maps().single


def test_a_set_uid_helper_gives_privileges_unless_they_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity._gives_privileges("su")
    monkeypatch.setattr(identity.Path, "read_text", lambda self, **options: "NoNewPrivs:\t1\n")
    assert not identity._gives_privileges("su")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ghost:1:2\n4242:100000:65536\n", (100000, 65536)),
        ("4242:x:65536\n4242:100000:65536\n", (100000, 65536)),
        ("4242:100000\n", None),
        ("", None),
    ],
)
def test_subordinate_ranges(tmp_path: Path, text: str, found: tuple[int, int] | None) -> None:
    (tmp_path / "subuid").write_text(text)
    assert identity._subordinate(str(tmp_path / "subuid"), 4242) == found


def test_no_file_no_range(tmp_path: Path) -> None:
    assert identity._subordinate(str(tmp_path / "none"), 4242) is None


def test_a_free_range_begins_after_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "alice:100000:65536\nbob:300000:1000\nbroken\n"
    monkeypatch.setattr(identity.Path, "read_text", lambda self, **options: text)
    assert identity.next_free_range() == (301000, 366535)
