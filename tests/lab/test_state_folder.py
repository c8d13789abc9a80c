"""The folder of labs in bad company: foreign folders, links, pipes, and another user who swaps them all the while."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from netlab_program import Netlab, Topology

pytestmark = [pytest.mark.netns, pytest.mark.shares_nothing]

FOREIGN = 64321
"""A uid that no account needs to have."""
ONE_HOST = "name: kept\ntopology:\n  nodes:\n    host-1: {kind: linux}\n"
COMMANDS = (
    ("inspect", "--lab", "kept"),
    ("exec", "--lab", "kept", "host-1", "--", "true"),
    ("config", "--lab", "kept", "host-1"),
)


def said(done: CompletedProcess[str]) -> str:
    """The one line with which netlab refused."""
    assert done.returncode in (2, 3, 125), done
    assert "Traceback" not in done.stderr, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("netlab: ")]
    return line


@pytest.fixture
def kept(netlab: Netlab, topology: Topology) -> tuple[Netlab, Path]:
    """netlab with a lab whose init was killed, and the file that it was deployed from."""
    file = topology(ONE_HOST)
    assert netlab("deploy", file).returncode == 0
    os.kill(json.loads((netlab.state("kept") / "lab.json").read_text())["init"]["pid"], 9)
    return netlab, file


def replace_by_link(path: Path, target: Path) -> None:
    """Put a link in the place of a file or folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(target)


# The folder of all labs


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_folder_of_labs_in_which_others_may_write_is_refused(kept: tuple[Netlab, Path], mode: int) -> None:
    netlab, file = kept
    netlab.state("kept").parent.chmod(mode)
    for command in (*COMMANDS, ("deploy", file), ("destroy", "--lab", "kept"), ("destroy", "--all")):
        assert f"others may write in {netlab.state('kept').parent} (to mend it: set XDG" in said(netlab(*command))
    netlab.state("kept").parent.chmod(0o700)
    assert netlab("destroy").returncode == 0


def test_a_folder_above_in_which_others_may_write_is_refused_too(kept: tuple[Netlab, Path]) -> None:
    netlab, file = kept
    above = netlab.state("kept").parent.parent
    above.chmod(0o777)
    for command in (*COMMANDS, ("deploy", file), ("destroy", "--all")):
        assert f"others may write in {above}" in said(netlab(*command))
    above.chmod(0o1777)
    assert netlab("destroy").returncode == 0


def test_ones_own_link_to_ones_own_folder_is_followed(netlab: Netlab, topology: Topology, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(0o700)
    netlab.state("kept").parent.symlink_to(tmp_path / "disk")
    assert netlab("deploy", topology(ONE_HOST)).returncode == 0
    assert (tmp_path / "disk" / "kept" / "lab.json").exists()
    assert netlab("exec", "host-1", "--", "true").returncode == 0
    assert netlab("destroy").returncode == 0
    assert list((tmp_path / "disk").iterdir()) == []


@pytest.mark.parametrize("thing", ["file", "pipe"])
def test_no_folder_in_the_place_of_the_folder_of_labs(netlab: Netlab, topology: Topology, thing: str) -> None:
    place = netlab.state("kept").parent
    {"file": place.touch, "pipe": lambda: os.mkfifo(place)}[thing]()
    for command in (("deploy", topology(ONE_HOST)), ("inspect",), ("destroy", "--all")):
        assert f"{place}" in said(netlab(*command))
    place.unlink()


# A lab's own folder


@pytest.mark.parametrize("thing", ["link", "file", "pipe"])
def test_no_folder_in_the_place_of_a_lab(kept: tuple[Netlab, Path], thing: str, tmp_path: Path) -> None:
    netlab, file = kept
    place = netlab.state("kept")
    place.rename(tmp_path / "elsewhere")
    make: dict[str, Callable[[], None]] = {
        "link": lambda: place.symlink_to(tmp_path / "elsewhere"),
        "file": place.touch,
        "pipe": lambda: os.mkfifo(place),
    }
    make[thing]()
    before = sorted(path.name for path in (tmp_path / "elsewhere").rglob("*"))
    for command in (*COMMANDS, ("destroy", "--lab", "kept")):
        assert f"{place} is not a private folder of this user" in said(netlab(*command))
    assert f"{place} is not a folder of this user" in said(netlab("deploy", file))
    assert sorted(path.name for path in (tmp_path / "elsewhere").rglob("*")) == before
    place.unlink()


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        *(("lab.json", thing) for thing in ("link", "pipe", "folder", "hard link", "broken", "loop")),
        *(("plan.json", thing) for thing in ("link", "pipe", "folder", "broken")),
        *(("lock", thing) for thing in ("link", "pipe", "folder")),
    ],
)
def test_files_that_netlab_did_not_write_are_not_read_and_go_with_the_lab(
    kept: tuple[Netlab, Path], tmp_path: Path, name: str, thing: str
) -> None:
    """Nothing waits for a pipe, follows a link or takes what another name shows: the lab can still be destroyed."""
    netlab, _ = kept
    place, aside = netlab.state("kept") / name, tmp_path / "aside"
    shutil.copy(place, aside)
    content = aside.read_bytes()
    place.unlink()
    make: dict[str, Callable[[], object]] = {
        "link": lambda: place.symlink_to(aside),
        "pipe": lambda: os.mkfifo(place),
        "folder": lambda: (place / "below").mkdir(parents=True),
        "hard link": lambda: place.hardlink_to(aside),
        "broken": lambda: place.write_bytes(b'{"name": "\xff'),
        "loop": lambda: place.symlink_to(name),
    }
    make[thing]()

    for command in COMMANDS:
        done = netlab(*command, timeout=20)
        assert "Traceback" not in done.stderr, done
        assert done.returncode in (0, 2, 3, 125), done
        assert done.returncode == 0 or len(done.stderr.splitlines()) == 1, done
    destroyed = netlab("destroy", "--lab", "kept", timeout=20)

    assert "Traceback" not in destroyed.stderr, destroyed
    if name == "lock" and thing in ("link", "folder", "loop"):
        assert f"{place}" in said(destroyed)  # what is no lock tells nothing of whether the lab lives
        shutil.rmtree(netlab.state("kept").parent)
    else:
        assert destroyed.returncode == 0, destroyed
        assert not netlab.state("kept").exists()
    assert aside.read_bytes() == content


# Another user


SWAP = """
import os, sys, time
folder, target, ways = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
place, aside = f"{folder}/netlab", f"{folder}/aside-{os.getpid()}"
while True:
    for way in ways:
        time.sleep(0.0002)
        try:
            if way == "link":
                os.symlink(target, place)
            elif way == "mkdir":
                os.mkdir(place, 0o777)
            elif way == "rename":
                os.rename(place, aside)
            else:
                os.unlink(place) if os.path.islink(place) else os.rmdir(place)
        except OSError:
            pass
"""


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """A folder of root's that nothing may be made or removed in."""
    folder = tmp_path / "treasure"
    (folder / "kept" / "logs").mkdir(parents=True)
    (folder / "kept" / "lock").touch()
    (folder / "kept" / "lab.json").write_text("{}")
    for path in (folder, folder / "kept"):
        path.chmod(0o700)
    return folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users; the tier lab-root runs this")
@pytest.mark.parametrize(
    "swap",
    [
        (FOREIGN, 0o755, "link,unlink"),
        (FOREIGN, 0o755, "mkdir,rename,link,rename"),
        (0, 0o777, "mkdir,rename,link,rename"),
        (0, 0o1777, "link,unlink"),
        (0, 0o1777, "mkdir,unlink"),
    ],
)
def test_root_never_follows_a_link_that_another_user_swaps_in(
    netlab: Netlab, topology: Topology, treasure: Path, swap: tuple[int, int, str]
) -> None:
    owner, mode, ways = swap
    file = topology(ONE_HOST)
    before = {path: path.lstat() for path in treasure.rglob("*")}
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        os.chown(folder, owner, owner)
        folder.chmod(mode)
        labs = Elsewhere(netlab.folder, folder)
        swapping = subprocess.Popen(
            [
                *("setpriv", f"--reuid={FOREIGN}", f"--regid={FOREIGN}", "--clear-groups"),
                *(os.path.realpath(sys.executable), "-c", SWAP, folder, treasure, ways),
            ]
        )
        try:
            for _ in range(4):
                deployed = labs("deploy", file)
                assert "Traceback" not in deployed.stderr
                if deployed.returncode == 0:  # root was first, and in a sticky folder that is for good
                    assert mode == 0o1777
                    assert labs("exec", "host-1", "--", "true").returncode == 0
                    assert labs("destroy").returncode == 0
                else:
                    said(deployed)
                    labs("destroy", "--lab", "kept")
                    labs("destroy", "--all")
        finally:
            swapping.kill()
            swapping.wait()
            subprocess.run(["rm", "-rf", f"{folder}/netlab"], check=True)
    assert {path: path.lstat() for path in treasure.rglob("*")} == before


class Elsewhere(Netlab):
    """netlab with its labs in another folder."""

    _labs: Path

    def __init__(self, folder: Path, labs: Path) -> None:
        super().__init__(folder)
        object.__setattr__(self, "_labs", labs)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"XDG_STATE_HOME": str(self._labs)}
