"""Container images that other packages bring: found by scripts/build-images, by doctor, and in nobody's way."""

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from other_package import written

from netlab import daemons
from netlab.daemons.base import CommandLine, Daemon
from netlab.registry.images import IMAGES
from netlab.runtime.docker import needs as docker_needs
from netlab.runtime.netns import needs

ROOT = Path(__file__).resolve().parents[3]
ROUTERD = Daemon(
    name="routerd",
    title="Routerd",
    package="routerd",
    image="routerd",
    programs=("/nowhere/routerd",),
    configuration="/run/routerd.conf",
    comment="#",
    command_line=CommandLine("routerctl", ("routerctl show",)),
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Packages with a good image, one without a Dockerfile, one of netlab's own names, and one with no fit name."""
    site = tmp_path / "site"
    images = {"good": "x_images:GOOD", "frr": "x_images:GOOD", "empty": "x_images:EMPTY", "Bad.Name": "x_images:GOOD"}
    (site / "good").mkdir(parents=True)
    (site / "good" / "Dockerfile").write_text("ARG BASE\nFROM $BASE\n")
    text = "from pathlib import Path\nGOOD, EMPTY = Path(__file__).with_name('good'), Path('/proc/self/none')\n"
    written(site, "x-images", {"netlab.images": images}, x_images=text)
    return site


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{site}"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_image_is_printed_with_its_folder_and_what_is_wrong_with_the_others(site: Path) -> None:
    done = run(site, sys.executable, "-P", "-m", "netlab.registry.images")
    assert sorted(done.stdout.splitlines()) == [f"frr\t{site}/good", f"good\t{site}/good"]
    assert sorted(done.stderr.splitlines()) == [
        "an image cannot be called 'Bad.Name' (to mend it: name it by lower-case letters, digits and hyphens)",
        "image empty: there is no Dockerfile in '/proc/self/none' (to mend it: mend or uninstall its package)",
    ]
    assert done.returncode == 0


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="scripts/build-images asks the Python of .venv")
def test_build_images_knows_them_beside_netlabs_own(site: Path) -> None:
    done = run(site, str(ROOT / "scripts/build-images"), "nothing")
    assert done.returncode == 2
    assert done.stderr.endswith("no image is called 'nothing'; there are: base bird client frr web good\n")


@pytest.fixture
def _brought(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon: dict[str, Any] = {"routerd": [EntryPoint("routerd", f"{__name__}:ROUTERD", "netlab.daemons")]}
    image: dict[str, Any] = {"more": [EntryPoint("more", f"{__name__}:ROOT", "netlab.images")]}
    for registry, others in ((daemons.DAEMONS, daemon), (IMAGES, image)):
        monkeypatch.setattr(registry, "_others", others)
        monkeypatch.setattr(registry, "_loaded", {})


@pytest.mark.usefixtures("_brought")
def test_doctor_names_the_daemons_and_images_of_other_packages() -> None:
    assert docker_needs._own_images() == ("base", "client", "web", "frr", "bird", "routerd", "more")
    finding = needs.examine(None)[-1]
    assert (finding.need, finding.ok, finding.needed) == ("Routerd (kinds of another package)", False, False)
    assert finding.mend == "sudo apt-get install routerd"


@pytest.mark.usefixtures("_brought")
def test_a_deploy_without_its_program_says_which_package_has_it() -> None:
    error = needs.missing_program("r-1", "/nowhere/routerd")
    assert str(error) == "r-1 needs Routerd: there is no /nowhere/routerd"
    assert error.remedy == "sudo apt-get install routerd"
    assert str(needs.missing_program("r-1", "/nowhere/x")) == "r-1 needs /nowhere/x, which this host does not have"
