import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netlab.api.progress import LogProgress
from netlab.lab import selection, state
from netlab.lab.destroy import destroy
from netlab.model.errors import HostError, InputError, LabError
from netlab.model.lab import LabMachine, LabRecord
from netlab.model.plan import LabPlan
from netlab.statefolder import statefile

PLAN = LabPlan("pair", "/labs/pair.yaml", "netns", (), ())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("NETLAB_LAB", raising=False)
    return tmp_path / "netlab"


def record(name: str = "pair", file: str = "/labs/pair.yaml") -> LabRecord:
    """A lab on disk, dead as nobody holds its lock."""
    folder = state.directory(name)
    folder.mkdir(0o700, parents=True)
    (folder / "lock").touch(0o600)
    node = LabMachine("h1", 2**22 + 1, 7, 2)
    lab = LabRecord(
        name, "netns", os.geteuid(), state.boot_id(), "0", str(folder), file, "2026", replace(node, name=""), (node,)
    )
    state.save(lab, replace(PLAN, name=name))
    return lab


@pytest.fixture
def alive() -> Iterator[LabRecord]:
    lab = record()
    descriptor = os.open(Path(lab.directory, "lock"), os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield lab
    os.close(descriptor)


def test_a_lab_comes_back_as_it_was_saved(home: Path) -> None:
    lab = record()
    assert state.load("pair") == lab
    assert state.load_plan(lab) == PLAN
    assert {path.stat().st_mode & 0o077 for path in (home / "pair").iterdir()} == {0}


@pytest.mark.parametrize(
    ("value", "folder"), [("/var/x", "/var/x/netlab"), ("relative", "/home/u/.local/state/netlab"), ("", None)]
)
def test_where_labs_live(value: str, folder: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG specification: a relative path is to be ignored."""
    monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("HOME", "/home/u")
    assert str(state.root()) == (folder or "/home/u/.local/state/netlab")


def test_no_home_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")

    def nowhere() -> Path:
        raise RuntimeError

    monkeypatch.setattr(state.Path, "home", nowhere)
    with pytest.raises(HostError) as refused:
        state.root()
    assert "set XDG_STATE_HOME" in refused.value.lines()[0]


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\nb"])
def test_what_cannot_be_a_labs_name(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a lab"):
        state.directory(name)


def test_a_folder_that_others_can_look_into_is_refused(home: Path) -> None:
    record()
    (home / "pair").chmod(0o755)
    with pytest.raises(HostError, match="is not a private folder of this user"):
        state.load("pair")


def test_a_link_in_a_labs_place_is_refused(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (tmp_path / "elsewhere").mkdir(0o700)
    (home / "pair").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="is not a private folder of this user"):
        state.load("pair")
    assert state.names() == []


def test_another_users_lab_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record()
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(HostError, match="belongs to another user"):
        destroy("pair", LogProgress())
    monkeypatch.undo()
    assert (home / "pair" / "lab.json").exists()


@pytest.mark.parametrize("thing", ["link", "pipe", "folder", "second name"])
def test_a_record_that_netlab_did_not_write_is_damaged_and_is_not_waited_for(
    home: Path, tmp_path: Path, thing: str
) -> None:
    record()
    place, aside = home / "pair" / "lab.json", tmp_path / "aside"
    place.rename(aside)
    {
        "link": lambda: place.symlink_to(aside),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
        "second name": lambda: place.hardlink_to(aside),
    }[thing]()
    with pytest.raises(LabError, match="is damaged: not a file that netlab wrote"):
        state.load("pair")
    destroy("pair", LogProgress())
    assert not home.exists()
    assert aside.exists()


def test_a_folder_that_is_no_folder(home: Path) -> None:
    home.write_text("")
    with pytest.raises(HostError, match="cannot look into"):
        state.names()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "pair"}', "\xff"])
def test_a_damaged_record_is_said_and_a_dead_lab_can_still_be_destroyed(home: Path, text: str) -> None:
    record()
    (home / "pair" / "lab.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(LabError, match="is damaged"):
        state.load("pair")
    destroy("pair", LogProgress())
    assert not home.exists()


def test_a_living_lab_with_a_damaged_record_is_not_removed(alive: LabRecord) -> None:
    Path(alive.directory, "lab.json").write_text("[]")
    with pytest.raises(LabError, match="is damaged"):
        destroy("pair", LogProgress())
    assert Path(alive.directory).exists()


def test_a_dead_lab_is_destroyed(home: Path) -> None:
    record()
    destroy("pair", LogProgress())
    assert not home.exists()


def test_a_lab_of_an_earlier_boot_is_dead_and_its_pids_mean_nothing(home: Path) -> None:
    lab = record()
    ours = replace(lab, boot_id="another", init=LabMachine("", os.getpid(), 0, 1))
    (home / "pair" / "lab.json").unlink()
    (home / "pair" / "plan.json").unlink()
    state.save(ours, PLAN)
    assert not state.is_alive(state.load("pair"))
    destroy("pair", LogProgress())
    assert not home.exists()


def test_a_lab_that_another_netlab_builds_is_not_destroyed(alive: LabRecord) -> None:
    Path(alive.directory, "lab.json").unlink()
    with pytest.raises(LabError, match="is being built by another netlab"):
        destroy("pair", LogProgress())


def test_a_full_disk_is_no_traceback(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = record()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(statefile, "write", full)
    with pytest.raises(HostError, match=r"cannot write in .*: No space left on device"):
        state.save(lab, PLAN)


def test_choosing_a_lab(alive: LabRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state.choose(None) == alive
    record("other")
    with pytest.raises(LabError, match=r"there are several labs: say which with lab \(other, pair\)"):
        state.choose(None)
    monkeypatch.setenv("NETLAB_LAB", "pair")
    assert state.choose(None) == alive
    with pytest.raises(LabError, match="lab other is dead"):
        state.choose("other")
    assert state.choose("other", dead_too=True).name == "other"
    with pytest.raises(LabError, match=r"there is no lab ghost \(there is: other, pair\)"):
        state.choose("ghost")


def test_a_record_means_its_own_lab_whatever_has_its_name(alive: LabRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    repaired = replace(alive, nodes=(replace(alive.nodes[0], pid=2**22 + 2),))
    state.save(repaired, PLAN)
    monkeypatch.setenv("NETLAB_LAB", "another")
    monkeypatch.setenv("XDG_STATE_HOME", "/nowhere")
    assert state.choose(alive) == state.current(alive) == repaired
    state.save(replace(alive, init=replace(alive.init, started=8)), PLAN)
    with pytest.raises(LabError, match="lab pair was destroyed: the lab that has its name now is another one"):
        state.choose(alive)
    Path(alive.directory, "lab.json").unlink()
    with pytest.raises(LabError, match="lab pair is dead or destroyed"):
        state.choose(alive, dead_too=True)


def test_no_lab_to_choose() -> None:
    with pytest.raises(LabError, match="no lab is deployed"):
        state.choose(None)


def test_the_lab_of_a_file_is_known_without_reading_the_file(tmp_path: Path) -> None:
    file = tmp_path / "pair.yaml"
    record("pair", str(file))
    record("other")
    assert selection.to_destroy(file, None, False) == ["pair"]
    file.write_text("name: [broken")
    assert selection.to_destroy(file, None, False) == ["pair"]


def test_the_lab_of_a_file_that_was_deployed_from_elsewhere_is_known_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "copy.yaml"
    file.write_text("name: pair\ntopology: {nodes: {h1: {kind: linux}}}\n")
    record("pair")
    assert selection.to_destroy(file, None, False) == ["pair"]


def test_a_file_of_two_labs_means_the_one_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "pair.yaml"
    file.write_text("name: second\ntopology: {nodes: {h1: {kind: linux}}}\n")
    record("first", str(file))
    record("second", str(file))
    assert selection.to_destroy(file, None, False) == ["second"]


def test_what_is_said_goes_before_the_environments_lab(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("a")
    record("b")
    monkeypatch.setenv("NETLAB_LAB", "b")
    assert selection.to_destroy(None, None, False) == ["b"]
    assert selection.to_destroy(None, "a", False) == ["a"]
    assert selection.to_destroy(None, None, True) == ["a", "b"]
    with pytest.raises(InputError, match="one of file, lab and everything"):
        selection.to_destroy(None, "a", True)


def test_the_labs_to_destroy_and_to_inspect(home: Path) -> None:
    with pytest.raises(LabError, match="no lab is deployed"):
        selection.to_destroy(None, None, False)
    assert selection.to_destroy(None, None, True) == []
    record("a")
    assert selection.to_destroy(None, None, False) == ["a"]
    record("b")
    with pytest.raises(LabError, match="several labs"):
        selection.to_destroy(None, None, False)
    assert selection.to_destroy(None, "b", False) == ["b"]
    assert selection.to_destroy(None, None, True) == selection.to_inspect(None) == ["a", "b"]
    with pytest.raises(LabError, match="there is no lab c"):
        selection.to_inspect("c")
    assert json.loads((home / "a" / "lab.json").read_text())["name"] == "a"
