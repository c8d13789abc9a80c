"""scripts/build-images: it builds what has changed and nothing else, and leaves nothing but images."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clones import NAMES, Clone, cloned, docker

# What a build leaves is looked for in the whole engine.
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("images")]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone whose images have been built."""
    with cloned(tmp_path_factory.mktemp("built"), f"netlab-test-{os.getpid()}") as clone:
        done = clone.build()
        assert done.returncode == 0, done.stderr
        yield clone


@pytest.fixture
def clone(built: Clone, tmp_path: Path) -> Iterator[Clone]:
    """The same for a test to change."""
    with cloned(tmp_path / "clone", f"{built.repository}-copy", built.repository, NAMES) as made:
        yield made


def leftovers() -> set[str]:
    """Containers, and images without a name: what an unfinished build has."""
    listing = ("image", "ls", "--quiet", "--no-trunc", "--filter", "dangling=true", "--filter", "label=netlab.image")
    containers = docker("container", "ls", "--all", "--format", "{{.Image}}").stdout
    # The engine shows a build's container with the image's id; others may start named ones meanwhile.
    return set(docker(*listing).stdout.split()) | {image for image in containers.split() if ":" not in image}


def test_a_second_run_builds_nothing(clone: Clone) -> None:
    before = clone.ids()
    assert sorted(before) == sorted(NAMES)

    done = clone.build()

    assert done.returncode == 0
    assert sorted(done.stderr.splitlines()) == [f"==> {clone.tag(name)} is up to date" for name in sorted(NAMES)]
    assert clone.ids() == before


def test_a_changed_file_rebuilds_its_image_alone_and_the_old_one_goes(clone: Clone) -> None:
    start = clone.folder / "images/frr/start"
    start.write_text(start.read_text() + f"# of {clone.repository}\n")
    assert clone.build().returncode == 0
    before, others = clone.ids(), leftovers()
    start.write_text(start.read_text() + "# changed\n")
    assert clone.states() == dict.fromkeys(NAMES, "up to date") | {"frr": "out of date"}

    assert clone.build().returncode == 0

    after = clone.ids()
    assert [name for name in NAMES if after[name] != before[name]] == ["frr"]
    read = docker("run", "--rm", "--network", "none", clone.tag("frr"), "tail", "-n", "1", "/usr/lib/frr/docker-start")
    assert read.stdout == "# changed\n"
    assert docker("image", "inspect", before["frr"]).returncode != 0
    assert leftovers() <= others


@pytest.mark.same_for_every_user
def test_a_readme_is_no_part_of_an_image(clone: Clone) -> None:
    (clone.folder / "images/client/README.md").write_text("Something else.\n")
    assert clone.states() == dict.fromkeys(NAMES, "up to date")


@pytest.mark.same_for_every_user
def test_a_changed_base_makes_every_image_out_of_date(clone: Clone) -> None:
    dockerfile = clone.folder / "images/base/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "# changed\n")
    assert clone.build("base").returncode == 0
    assert clone.states() == dict.fromkeys(NAMES, "out of date") | {"base": "up to date"}


@pytest.mark.same_for_every_user
def test_another_image_under_the_same_tag_is_replaced(clone: Clone) -> None:
    before = clone.ids()
    docker("image", "tag", clone.tag("base"), clone.tag("client"))
    assert clone.states()["client"] == "out of date"
    assert clone.build("client").returncode == 0
    assert docker("run", "--rm", "--network", "none", clone.tag("client"), "curl", "--version").returncode == 0
    assert {**clone.ids(), "client": ""} == {**before, "client": ""}


@pytest.mark.same_for_every_user
def test_a_build_that_fails_shows_why_and_leaves_the_old_image(clone: Clone) -> None:
    before, others = clone.ids(), leftovers()
    dockerfile = clone.folder / "images/client/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN echo the reason && false\n")

    done = clone.build("client")

    assert done.returncode == 3
    assert "the reason" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"build-images: could not build {clone.tag('client')}; the lines above say why"
    )
    assert clone.ids() == before
    assert leftovers() <= others


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.same_for_every_user)],
)
def test_an_interrupted_build_leaves_nothing(clone: Clone, number: signal.Signals, status: int) -> None:
    before, others = clone.ids(), leftovers()
    dockerfile = clone.folder / "images/client/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "RUN touch /begun && sleep 98765\n")
    build = clone.start("client")
    deadline = time.monotonic() + 60
    while not any("sleep 98765" in line for line in commands()):
        assert time.monotonic() < deadline and build.poll() is None
        time.sleep(0.05)

    if number == signal.SIGINT:
        os.killpg(build.pid, number)  # as the terminal does
    else:
        build.send_signal(number)

    build.communicate(timeout=30)
    assert build.returncode == status
    assert clone.ids() == before
    assert leftovers() <= others


def commands() -> list[str]:
    """The command lines of every process."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.same_for_every_user
def test_two_runs_at_once_build_each_image_once(built: Clone, tmp_path: Path) -> None:
    with cloned(tmp_path / "clone", f"{built.repository}-two", built.repository) as clone:
        runs = [clone.start(), clone.start("frr")]
        said = [run.communicate(timeout=400)[1] for run in runs]
        assert [run.returncode for run in runs] == [0, 0], said
        assert sorted(clone.ids()) == sorted(NAMES)
        for name in NAMES:
            assert "".join(said).count(f"{clone.tag(name)} is built") == 1


# A registry in the engine's place: `pull` is the test's, and the image that it brings is the engine's Debian.
REGISTRY = """\
#!/bin/bash
case "$*" in
    "pull "*) {pull} ;;
    "image inspect"*" debian:trixie-slim") exit 1 ;;
    "image tag debian:trixie-slim "*) exec {docker} image tag {source} "${{@: -1}}" ;;
esac
exec {docker} "$@"
"""


def with_registry(clone: Clone, pull: str, source: str = "") -> Clone:
    """The clone on an engine whose registry answers to `docker pull` with this line of shell."""
    programs = clone.folder.parent / "programs"
    programs.mkdir()
    real = subprocess.run(["sh", "-c", "command -v docker"], capture_output=True, text=True, check=True).stdout.strip()
    script = REGISTRY.format(pull=pull, docker=real, source=source)
    (programs / "docker").write_text(script)
    (programs / "mmdebstrap").write_text("#!/bin/sh\necho nothing is unpacked here >&2\nexit 9\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    return replace(clone, path=(programs,))


@pytest.mark.same_for_every_user
def test_where_a_registry_answers_its_debian_is_the_base(clone: Clone) -> None:
    docker("image", "tag", clone.tag("debian"), clone.tag("official"))
    docker("image", "rm", clone.tag("debian"))
    registry = with_registry(
        clone, "sleep 1; echo trixie-slim: Pulling from library/debian; sleep 1; exit 0", clone.tag("official")
    )
    assert registry.states() == dict.fromkeys(NAMES, "out of date")

    done = registry.build()

    assert done.returncode == 0, done.stderr
    assert "No registry" not in done.stderr
    assert registry.states() == dict.fromkeys(NAMES, "up to date")


@pytest.mark.same_for_every_user
def test_a_registry_that_does_not_answer_is_given_up_after_seconds(clone: Clone, tmp_path: Path) -> None:
    docker("image", "rm", clone.tag("debian"))
    silent = replace(with_registry(clone, "exec sleep 300"), cache=tmp_path / "cache")

    done = silent.build(timeout=60)

    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "==> Asking the registry for debian:trixie-slim",
        "==> No registry answers: making Debian 13 from its packages",
        "nothing is unpacked here",
        "build-images: could not make Debian 13; the lines above say why",
    ]
    assert list((tmp_path / "cache/netlab").iterdir()) == []
    assert not any(line == "sleep 300" for line in commands())
