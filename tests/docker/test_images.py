"""What is in the images of scripts/build-images, each run by itself with the capabilities that its node gets."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from clones import NAMES, Clone, cloned, docker

pytestmark = [pytest.mark.lab, pytest.mark.needs_root]  # they are the same for every user

ROUTER = ("--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW", "--cap-add", "SYS_ADMIN")
PROGRAMS = {
    "base": [
        "bash --version",
        "ip -V",
        "nft --version",
        "ping -V",
        "ps --version",
        "python3 --version",
        "tini --version",
    ],
    "bird": ["bird --version", "nft --version", "tcpdump --version"],
    "client": [
        *("curl --version", "ip -V", "iperf3 --version", "mtr --version", "nft --version", "ping -V"),
        *("python3 --version", "tcpdump --version", "wget --version"),
    ],
    # As MetalLB's tests and its frr mode want it.
    "frr": [
        *("bash --version", "vtysh -h", "wget --version", "nft --version", "tcpdump --version", "flock --version"),
        *("/usr/lib/frr/frr-reload.py --help", "/sbin/tini --version", "test -x /usr/lib/frr/docker-start"),
    ],
}
INIT_NEEDS = "codecs ctypes http.server json os re resource select signal socket struct time warnings"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """All images, built once for this module."""
    with cloned(tmp_path_factory.mktemp("clone"), f"netlab-test-{os.getpid()}") as clone:
        done = clone.build()
        assert done.returncode == 0, done.stderr
        yield clone


@pytest.fixture
def container(images: Clone, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts a container of an image; it goes with the test."""
    started = []

    def run(image: str, *options: str) -> str:
        done = docker("run", "--detach", "--network", "none", *options, images.tag(image))
        assert done.returncode == 0, done.stderr
        started.append(done.stdout.strip())
        return started[-1]

    yield run
    docker("rm", "--force", *started)


def answer(container: str, command: str, wanted: str, seconds: float = 20) -> str:
    """What a program in a container says, once it has `wanted` in it."""
    deadline = time.monotonic() + seconds
    while wanted not in (said := docker("exec", container, "sh", "-c", command).stdout):
        assert time.monotonic() < deadline, f"{command}: {said}\n{docker('logs', container)}"
        time.sleep(0.1)
    return said


@pytest.mark.parametrize("name", NAMES)
def test_every_program_of_an_image_starts(images: Clone, name: str):
    done = docker("run", "--rm", "--network", "none", images.tag(name), "sh", "-exc", "\n".join(PROGRAMS[name]))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_python_has_what_netlabs_init_imports(images: Clone, name: str):
    program = f"import sys, {', '.join(INIT_NEEDS.split())}; print(sys.version_info >= (3, 9))"
    done = docker("run", "--rm", "--network", "none", images.tag(name), "python3", "-I", "-S", "-c", program)
    assert done.stdout == "True\n", done.stderr


def test_an_frr_container_runs_what_its_etc_frr_says(container: Callable[..., str], tmp_path: Path):
    etc = tmp_path / "etc-frr"
    etc.mkdir()
    (etc / "daemons").write_text("bgpd=yes\n")
    (etc / "frr.conf").write_text(
        dedent("""\
            ip route 192.0.2.0/24 blackhole
            router bgp 64512
             bgp router-id 10.0.0.1
            """)
    )
    router = container("frr", *ROUTER, "--volume", f"{etc}:/etc/frr")

    answer(router, "vtysh -c 'show version'", "FRRouting 10.3 ")
    answer(router, "vtysh -c 'show running-config'", "router bgp 64512")
    answer(router, "ip route", "blackhole 192.0.2.0/24")
    assert docker("exec", router, "id", "-nG").stdout.split() == ["root", "frr", "frrvty"]
    # What somebody types in vtysh and writes is on the host.
    line = "ip route 198.51.100.0/24 blackhole"
    docker("exec", router, "vtysh", "-c", "configure", "-c", line, "-c", "end", "-c", "write memory")
    assert line in (etc / "frr.conf").read_text()


def test_an_frr_container_without_more_is_a_router_with_static_routes(container: Callable[..., str]):
    router = container("frr", *ROUTER)
    said = answer(router, "vtysh -c 'show watchfrr'", "staticd              Up")
    assert "mgmtd                Up" in said
    owners = docker("exec", router, "find", "/etc/frr", "-not", "-name", "vtysh.conf", "-printf", "%u:%g\n").stdout
    assert set(owners.split()) == {"frr:frr"}


def bird_configuration(folder: Path) -> tuple[str, str]:
    """Options with which a BIRD that has no interface has a router id."""
    (folder / "bird.conf").write_text("log stderr all;\nrouter id 10.0.0.1;\nprotocol device {}\n")
    return "--volume", f"{folder}/bird.conf:/etc/bird/bird.conf"


def test_a_bird_container_runs_bird(container: Callable[..., str], tmp_path: Path):
    router = container("bird", *ROUTER, *bird_configuration(tmp_path))
    answer(router, "birdc show status", "Router ID is 10.0.0.1")


def test_what_bird_says_is_in_the_containers_log(container: Callable[..., str]):
    router = container("bird", *ROUTER)
    docker("wait", router)
    # Without an interface it has no router id.
    assert "<FATAL> Cannot determine router ID" in docker("logs", router).stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_container_stays_and_stops_when_asked(container: Callable[..., str], name: str, tmp_path: Path):
    running = container(name, *ROUTER, *(bird_configuration(tmp_path) if name == "bird" else ()))
    time.sleep(0.5)  # one that ends by itself has ended
    assert docker("inspect", "--format", "{{.State.Status}}", running).stdout == "running\n", docker("logs", running)
    docker("stop", "--time", "20", running)
    # 137 would be the engine's SIGKILL after the 20 seconds.
    assert docker("inspect", "--format", "{{.State.ExitCode}}", running).stdout in ("0\n", "143\n")
