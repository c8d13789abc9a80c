"""What is in the images of scripts/build-images, each run by itself with the capabilities that its node gets."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from clones import NAMES, Clone, cloned, docker

pytestmark = [pytest.mark.lab, pytest.mark.same_for_every_user, pytest.mark.xdist_group("images")]

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
    "web": ["/usr/sbin/nginx -v"],
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
def test_every_program_of_an_image_starts(images: Clone, name: str) -> None:
    done = docker("run", "--rm", "--network", "none", images.tag(name), "sh", "-exc", "\n".join(PROGRAMS[name]))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_python_has_what_netlabs_init_imports(images: Clone, name: str) -> None:
    program = f"import sys, {', '.join(INIT_NEEDS.split())}; print(sys.version_info >= (3, 9))"
    done = docker("run", "--rm", "--network", "none", images.tag(name), "python3", "-I", "-S", "-c", program)
    assert done.stdout == "True\n", done.stderr


def test_an_frr_container_runs_what_its_etc_frr_says(container: Callable[..., str], tmp_path: Path) -> None:
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


def test_an_frr_container_without_more_is_a_router_with_static_routes(container: Callable[..., str]) -> None:
    router = container("frr", *ROUTER)
    said = answer(router, "vtysh -c 'show watchfrr'", "staticd              Up")
    assert "mgmtd                Up" in said
    owners = docker("exec", router, "find", "/etc/frr", "-not", "-name", "vtysh.conf", "-printf", "%u:%g\n").stdout
    assert set(owners.split()) == {"frr:frr"}


def bird_configuration(folder: Path) -> tuple[str, str]:
    """Options with which a BIRD that has no interface has a router id."""
    (folder / "bird.conf").write_text("log stderr all;\nrouter id 10.0.0.1;\nprotocol device {}\n")
    return "--volume", f"{folder}/bird.conf:/etc/bird/bird.conf"


def test_a_bird_container_runs_bird(container: Callable[..., str], tmp_path: Path) -> None:
    router = container("bird", *ROUTER, *bird_configuration(tmp_path))
    answer(router, "birdc show status", "Router ID is 10.0.0.1")


def test_what_bird_says_is_in_the_containers_log(container: Callable[..., str]) -> None:
    router = container("bird", *ROUTER)
    docker("wait", router)
    # Without an interface it has no router id.
    assert "<FATAL> Cannot determine router ID" in docker("logs", router).stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_container_stays_and_stops_when_asked(container: Callable[..., str], name: str, tmp_path: Path) -> None:
    running = container(name, *ROUTER, *(bird_configuration(tmp_path) if name == "bird" else ()))
    time.sleep(0.5)  # one that ends by itself has ended
    assert docker("inspect", "--format", "{{.State.Status}}", running).stdout == "running\n", docker("logs", running)
    docker("stop", "--time", "20", running)
    # 137 would be the engine's SIGKILL after the 20 seconds.
    assert docker("inspect", "--format", "{{.State.ExitCode}}", running).stdout in ("0\n", "143\n")


EMULATED = Path(__file__).resolve().parents[2] / "netlab/kinds/http_server.py"
# Sends a request from a container, and prints all that comes until the server closes.
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    connection.sendall(sys.argv[3].encode().decode("unicode_escape").encode())
    while data := connection.recv(65536):
        sys.stdout.write(data.decode())
"""


def ask(container: str, address: str, port: int, request: str) -> tuple[str, dict[str, str], str]:
    """Status, headers and body of the answer; the server has closed the connection."""
    deadline = time.monotonic() + 20
    program = ("exec", container, "python3", "-c", ASK, address, str(port), request)
    while (done := docker(*program)).returncode != 0:
        assert time.monotonic() < deadline, f"{done.stderr}\n{docker('logs', container)}"
        time.sleep(0.1)
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    kept = ("Connection", "Content-Type", "Content-Length")
    return status.split(" ", 1)[1], {name: headers[name] for name in kept if name in headers}, body


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    "request_text",
    [
        r"GET / HTTP/1.0\r\nHost: 192.0.2.1\r\nUser-Agent: netlab\r\n\r\n",  # ecmp-check's
        r"GET /any/where?x=1 HTTP/1.0\r\n\r\n",
        r"HEAD / HTTP/1.0\r\n\r\n",
        r"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_the_application_answers_as_an_emulated_pod_does(
    container: Callable[..., str], address: str, request_text: str
) -> None:
    pod = container(
        "web", "--env", "POD_NAME=web-7d4b", "--env", "PORT=8080", "--sysctl", "net.ipv6.conf.lo.disable_ipv6=0"
    )
    docker("cp", str(EMULATED), f"{pod}:/usr/local/share/emulated.py")
    docker("exec", "--detach", pod, "python3", "/usr/local/share/emulated.py", "web-7d4b", "8081")

    real = ask(pod, address, 8080, request_text)

    assert real == ask(pod, address, 8081, request_text)
    if request_text.startswith("GET"):
        assert real[0] == "200 OK"
        assert real[2] == f"pod: web-7d4b\nclient: {address}\n"


def test_the_application_is_named_by_its_hostname_and_listens_on_80(container: Callable[..., str]) -> None:
    pod = container("web", "--hostname", "nginx-5c9", "--read-only", "--tmpfs", "/tmp")
    _, _, body = ask(pod, "127.0.0.1", 80, r"GET / HTTP/1.0\r\n\r\n")
    assert body == "pod: nginx-5c9\nclient: 127.0.0.1\n"
    assert docker("exec", pod, "id", "-un").stdout == "www-data\n"


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("POD_NAME=a; return 500", "POD_NAME is no name of a pod: a\\;\\ return\\ 500"),
        ("PORT=80; root /", "PORT is no port: 80\\;\\ root\\ /"),
    ],
)
def test_a_variable_is_no_way_into_the_applications_configuration(
    container: Callable[..., str], variable: str, said: str
) -> None:
    pod = container("web", "--env", variable)
    assert docker("wait", pod).stdout == "2\n"
    assert docker("logs", pod).stderr == f"{said}\n"
