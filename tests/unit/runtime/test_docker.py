"""The docker runtime without an engine: what it would ask for, and what it says."""

import io
import os
import socket
import tarfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound, NotFound
from requests import Response

from netlab.model.errors import HostError, InputError, LabError
from netlab.model.plan import ContainerPlan, FilePlan, LabPlan, NodePlan, ProcessPlan, Role, RoutingPlan, SysctlPlan
from netlab.runtime.docker import commands, containers, engine, images
from netlab.runtime.docker.build import Build

HOST = NodePlan("h1", "linux", Role.HOST, "h1", "Linux")
COMMAND = ProcessPlan("cmd", ("sleep", "9"), is_command=True)
ZEBRA = ProcessPlan("zebra", ("/usr/lib/frr/zebra",), capabilities=("SYS_ADMIN",))
ROUTER = replace(HOST, name="r1", role=Role.ROUTER, processes=(ZEBRA,), routing=RoutingPlan("frr", ("zebra",)))
LAB = LabPlan("lab", "/t/lab.yaml", "docker", (HOST, ROUTER), ())


class Engine:
    """Keeps what it is asked for, and has the images `there`."""

    def __init__(self, *there: str) -> None:
        self.there = there
        self.asked: dict[str, Any] = {}

    def create_host_config(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def create_container(self, image: str, **wanted: Any) -> dict[str, str]:
        self.asked = {"image": image, **wanted.pop("host_config"), **wanted}
        return {"Id": "0123"}

    def inspect_image(self, image: str) -> None:
        if image not in self.there:
            raise ImageNotFound("no such image")


def created(node: NodePlan) -> dict[str, Any]:
    fake = Engine()
    assert containers.create(fake, LAB, node, Path("/state/lab"), "b1") == "0123"  # type: ignore[arg-type]
    return fake.asked


@pytest.mark.parametrize(
    ("node", "image"),
    [
        (HOST, "netlab/client:13"),
        (ROUTER, "netlab/frr:13"),
        (replace(ROUTER, routing=RoutingPlan("bird", ("bird",))), "netlab/bird:13"),
        (replace(HOST, role=Role.BRIDGE), "netlab/base:13"),
        (replace(ROUTER, image="quay.io/frrouting/frr:10.2"), "quay.io/frrouting/frr:10.2"),
    ],
)
def test_the_image_of_a_node(node: NodePlan, image: str) -> None:
    assert created(node)["image"] == image


def test_missing_images_are_named_with_the_commands_that_bring_them() -> None:
    lab = replace(
        LAB, nodes=(HOST, ROUTER, replace(HOST, name="h2", image="alpine:3"), replace(HOST, image="netlab/frr:12"))
    )
    with pytest.raises(HostError) as raised:
        images.check(Engine("netlab/client:13"), lab)  # type: ignore[arg-type]
    assert str(raised.value).endswith("netlab/frr:13, alpine:3, netlab/frr:12")
    mend = "scripts/build-images frr; scripts/build-images --debian 12 frr; docker pull alpine:3"
    assert raised.value.remedy == mend
    everything = Engine("netlab/client:13", "netlab/frr:13", "netlab/frr:12", "alpine:3")
    images.check(everything, lab)  # type: ignore[arg-type]


def test_a_router_has_its_capabilities_by_name_and_no_others() -> None:
    asked = created(ROUTER)
    assert "privileged" not in asked
    assert asked["cap_drop"] == ["ALL"]
    assert {"NET_ADMIN", "SYS_ADMIN"} <= set(asked["cap_add"])
    assert not {"ALL", "SYS_MODULE", "SYS_PTRACE", "MKNOD"} & set(asked["cap_add"])
    assert "SYS_ADMIN" not in created(HOST)["cap_add"]
    assert created(replace(HOST, container=ContainerPlan(privileged=True)))["privileged"] is True


def test_what_runs_first_in_a_container() -> None:
    assert created(ROUTER)["command"] == ["r1"]
    assert created(ROUTER)["entrypoint"][0] == "python3"
    idle = created(HOST)
    assert (idle["entrypoint"], idle["command"]) == (None, None)
    ours = created(replace(HOST, processes=(COMMAND,)))
    assert ours["entrypoint"][0] == "python3"
    theirs = created(
        replace(HOST, processes=(COMMAND,), image="alpine", container=ContainerPlan(entrypoint=("env",), user="app"))
    )
    assert (theirs["entrypoint"], theirs["command"], theirs["user"]) == (["env"], ["sleep", "9"], "app")


def test_labels_and_network() -> None:
    labelled = created(replace(HOST, container=ContainerPlan(labels=(("netlab.lab", "stolen"), ("team", "net")))))
    assert labelled["labels"]["netlab.lab"] == "lab"
    assert labelled["labels"]["team"] == "net"
    assert labelled["labels"]["netlab.directory"] == "/state/lab"
    assert (labelled["name"], labelled["network_mode"], labelled["ports"]) == ("netlab-lab-h1", "none", None)
    managed = created(replace(HOST, container=ContainerPlan(management=True, ports=("127.0.0.1:8080:80", "53:53/udp"))))
    assert managed["network_mode"] == "bridge"
    assert managed["ports"] == [("80", "tcp"), ("53", "udp")]
    assert managed["port_bindings"] == {"80": [("127.0.0.1", "8080")], "53/udp": ["53"]}


@pytest.mark.parametrize(
    ("prefix", "name"), [("netlab", "netlab-lab-r1"), ("clab", "clab-lab-r1"), ("", "r1"), ("__lab-name", "lab-r1")]
)
def test_container_names_follow_containerlabs_rules(prefix: str, name: str) -> None:
    assert replace(LAB, prefix=prefix).container_name("r1") == name


def test_the_engine_sets_what_is_no_interfaces_own_and_this_kernel_has() -> None:
    node = replace(
        HOST,
        sysctls=(
            SysctlPlan("net.ipv4.ip_forward", "1"),
            SysctlPlan("net.ipv4.conf.all.rp_filter", "0"),
            SysctlPlan("net.ipv4.conf.eth1.rp_filter", "0"),
            SysctlPlan("net.ipv4.no_such_setting", "1", required=False),
        ),
    )
    assert containers.sysctls(node) == {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.rp_filter": "0"}


def test_names_reach_the_engines_hosts_file_and_other_files_an_archive() -> None:
    hosts = FilePlan("/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.0.0.1 r1\nfd00::1 r1\n")
    node = replace(HOST, files=(hosts, FilePlan("/config/config.boot", "system {\n}\n", 0o640)))
    assert created(node)["extra_hosts"] == ["r1:10.0.0.1", "r1:fd00::1"]
    archive = containers.archive(node.files)
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert [(entry.name, entry.mode) for entry in tar.getmembers()] == [("config/config.boot", 0o640)]
    assert containers.archive((hosts,)) is None


@pytest.mark.parametrize("where", ["tcp://192.0.2.1:2375", "ssh://somewhere"])
def test_an_engine_elsewhere_is_refused(where: str) -> None:
    with pytest.raises(HostError, match="not on this machine"):
        engine.connect(where)


def test_an_engine_that_is_not_there_is_told_with_what_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    assert engine.url() == f"unix://{tmp_path}/docker.sock"
    with pytest.raises(HostError, match=f"no socket {tmp_path}/docker.sock") as raised:
        engine.connect()
    assert "docker.io" in str(raised.value.remedy)


def test_what_the_engine_refuses_is_one_line() -> None:
    with pytest.raises(LabError) as raised, engine.refusals("h1: cannot create it"):
        raise APIError("400", explanation="invalid\n  reference format")
    assert str(raised.value) == "h1: cannot create it: invalid reference format"


def test_frames_come_in_any_pieces() -> None:
    seen: list[tuple[int, bytes]] = []
    data = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x05error\x01\0\0\0\0\0\0\x00"
    frames = commands._Frames(lambda stream, piece: seen.append((stream, piece)))
    for byte in data:
        frames.add(bytes([byte]))
    assert seen == [(1, b"out"), (2, b"error"), (1, b"")]


def test_commands_are_found_by_env_unless_it_would_take_them_for_a_setting() -> None:
    assert commands.found_by_env(("ip", "route")) == ["env", "ip", "route"]
    assert commands.found_by_env(("a=b", "c")) == ["a=b", "c"]


def test_a_rootfs_is_refused_before_the_engine_is_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="r1: rootfs is for the netns runtime"):
        Build(replace(LAB, nodes=(replace(ROUTER, rootfs="/r"),)), tmp_path / "lab")
    assert list(tmp_path.iterdir()) == []


def test_a_whole_system_sees_the_kernels_modules_and_no_other_container_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "_MODULES", tmp_path)
    system = replace(ROUTER, image="vyos:1.5", container=ContainerPlan(privileged=True, boots=True))
    (mount,) = created(system)["mounts"]
    assert (mount["Target"], mount["Source"], mount["ReadOnly"]) == (str(tmp_path), str(tmp_path), True)
    assert created(replace(HOST, container=ContainerPlan(privileged=True)))["mounts"] == []


def test_a_command_that_ends_without_reading_its_input_gives_its_output() -> None:
    ours, engines = socket.socketpair()
    with ours, engines:
        engines.send(b"\x01\0\0\0\0\0\0\x03out")
        engines.close()
        seen: list[bytes] = []
        frames = commands._Frames(lambda _, piece: seen.append(piece))
        assert commands._pump(ours, frames, data=b"x" * 1_000_000).run(10)
        assert seen == [b"out"]


def test_a_command_that_prints_what_it_reads_holds_nobody_up() -> None:
    """More than the connection's buffers hold, in both directions at once, as `netlab exec h1 -- cat` has it."""
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    data = bytes(range(256)) * 20_000
    came = bytearray()

    def echo() -> None:
        while piece := theirs.recv(1 << 16):
            theirs.sendall(b"\x01\0\0\0" + len(piece).to_bytes(4, "big") + piece)
        theirs.close()

    def feed() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)

    threads = [threading.Thread(target=work) for work in (echo, feed)]
    for thread in threads:
        thread.start()
    assert commands._pump(ours, commands._Frames(lambda _, piece: came.extend(piece)), source=reading).run(30)
    for thread in threads:
        thread.join()
    ours.close()
    os.close(reading)
    assert bytes(came) == data


@pytest.mark.parametrize("status", [404, 409])
def test_a_container_that_is_gone_or_being_removed_has_printed_nothing_more(status: int) -> None:
    """Docker says 409, "dead or marked for removal", where a lab ends while its logs are followed."""
    with pytest.raises(LabError, match="cannot read a container's log"):
        list(containers.printed(Removing(500), "c", None))
    assert list(containers.printed(Removing(status), "c", None)) == []


class Removing:
    """An engine's client that answers a question for logs with an error."""

    def __init__(self, status: int) -> None:
        self._response = Response()
        self._response.status_code = status

    def logs(self, container: str, tail: int | str) -> bytes:
        kind = NotFound if self._response.status_code == 404 else APIError
        raise kind("can not get logs", response=self._response)
