"""What scripts/build-images says where it cannot build: one line, and the command that mends it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/build-images"
ME = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def build(*arguments: str, path: str = os.environ["PATH"], **environment: str) -> tuple[int, str]:
    """Run it; its exit code, and what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
    done = subprocess.run(
        [shutil.which("bash") or "bash", SCRIPT, *arguments],
        env=kept | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def engine_that_says(folder: Path, words: str) -> str:
    """A PATH on which every docker command fails with these words."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_no_engine_answers(tmp_path: Path):
    path = engine_that_says(tmp_path, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    assert build(path=path) == (
        3,
        "build-images: no Docker engine answers; to start it:  sudo systemctl start docker\n",
    )


def test_no_engine_answers_where_the_environment_points(tmp_path: Path):
    path = engine_that_says(tmp_path, "Cannot connect to the Docker daemon at unix:///nowhere.")
    assert build(path=path, DOCKER_HOST="unix:///nowhere") == (
        3,
        "build-images: no Docker engine answers at DOCKER_HOST=unix:///nowhere;"
        " for this machine's own:  unset DOCKER_HOST\n",
    )


def test_the_engine_is_not_for_this_user(tmp_path: Path):
    path = engine_that_says(tmp_path, "permission denied while trying to connect to the Docker daemon socket")
    assert build(path=path) == (
        3,
        f"build-images: {ME} may not use the Docker engine; to allow it:  sudo usermod -aG docker {ME}"
        "  (and log in anew)\n",
    )


def test_there_is_no_docker(tmp_path: Path):
    for program in ("basename", "cat", "dirname", "id"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    assert build(path=str(tmp_path)) == (
        3,
        f"build-images: there is no docker program here; as root, run:  {SCRIPT.parent}/install-packages docker.io\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frrr"], "no image is called 'frrr'; there are: base bird client frr web"),
        (["--debian", "11"], "--debian takes 12 or 13, not '11'"),
        (["--kind", "frr"], "--kind takes no name of an image and no --debian"),
        (["--kind", "--debian", "12"], "--kind takes no name of an image and no --debian"),
        (["--prune"], "--prune goes with --kind"),
        (["--debian"], "the last option needs a value"),
        (["--debian="], "--debian takes 12 or 13, not ''"),
        (["--repository", "Not A Name"], "--repository takes a name such as registry.example:5000/netlab"),
    ],
)
def test_an_argument_that_is_none(arguments: list[str], said: str):
    assert build(*arguments) == (2, f"build-images: {said}\n")
