"""Packets of a node reach a file, a reader or the screen, and nothing of the capture stays."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hoststate import descendants
from netlab_program import Netlab, Running, Topology


def begin(netlab: Netlab, *arguments: object) -> Running:
    """A capture that has begun."""
    running = netlab.start("capture", *arguments)
    line = running.stderr.readline()
    assert line.startswith("netlab: capturing "), line + running.stderr.read()
    return running


def ping(netlab: Netlab, source: str = "host-1", target: str = "172.16.7.11", count: int = 1) -> None:
    done = netlab("exec", source, "--", "ping", "-c", count, "-i", "0.2", "-W", "5", target)
    assert done.returncode == 0, done


def read(file: Path) -> list[tuple[float, int, bytes]]:
    """(time, length, bytes) of each packet, as libpcap reads the file, and with it tcpdump."""
    pcap = ctypes.CDLL("libpcap.so.0.8")
    pcap.pcap_open_offline.restype = ctypes.c_void_p
    errors = ctypes.create_string_buffer(256)
    handle = ctypes.c_void_p(pcap.pcap_open_offline(str(file).encode(), errors))
    assert handle, errors.value

    class Header(ctypes.Structure):
        _fields_ = (("s", ctypes.c_long), ("us", ctypes.c_long), ("kept", ctypes.c_uint), ("length", ctypes.c_uint))

    header, data, packets = ctypes.POINTER(Header)(), ctypes.POINTER(ctypes.c_ubyte)(), []
    while (result := pcap.pcap_next_ex(handle, ctypes.byref(header), ctypes.byref(data))) == 1:
        found = header.contents
        packets.append((found.s + found.us / 1e6, found.length, bytes(data[: found.kept])))
    assert result == -2, "not the end of the file"
    pcap.pcap_close(handle)
    return packets


def test_a_file_holds_what_the_filter_chose_and_is_private(ecmp: Netlab, tmp_path: Path) -> None:
    file = tmp_path / "ping.pcapng"
    before = time.time()
    running = begin(ecmp, "rt-1", "-w", file, "--count", 4, "icmp", "and", "host", "host-1")
    ping(ecmp, count=3)

    assert running.wait(timeout=20) == 0
    assert running.stderr.read() == "netlab: 4 packets captured\n"
    packets = read(file)
    # Each request passes rt-1 twice, and so does each answer.
    assert [(length, packet[23]) for _, length, packet in packets] == [(98, 1)] * 4
    assert [packet[34] for _, _, packet in packets] == [8, 8, 0, 0]
    times = [at for at, _, _ in packets]
    assert times == sorted(times)
    assert before - 1 < times[0] < time.time() + 1
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.front_end
def test_a_short_snaplen_keeps_the_lengths(ecmp: Netlab, tmp_path: Path) -> None:
    file = tmp_path / "short.pcapng"
    running = begin(ecmp, "rt-1:eth2", "-w", file, "--count", 2, "--snaplen", 20, "icmp")
    ping(ecmp)
    assert running.wait(timeout=20) == 0
    assert [(length, len(packet)) for _, length, packet in read(file)] == [(98, 20), (98, 20)]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_the_ordinary_end_and_the_file_is_whole(
    ecmp: Netlab, tmp_path: Path, stop: signal.Signals
) -> None:
    file = tmp_path / "until.pcapng"
    running = begin(ecmp, "host-1:eth1", "-w", file, "icmp")
    ping(ecmp, count=2)

    os.killpg(running.pid, stop)

    assert running.wait(timeout=10) == 0
    assert running.stderr.read() == "netlab: 4 packets captured\n"
    assert len(read(file)) == 4


@pytest.mark.front_end
def test_a_line_per_packet_without_a_file(ecmp: Netlab) -> None:
    running = begin(ecmp, "rt-1:eth1", "--count", 2, "icmp")
    ping(ecmp)
    request, reply = running.communicate(timeout=20)[0].splitlines()
    assert " eth1     out " in request
    assert request.endswith("172.16.9.11 > 172.16.7.11 icmp echo request, 98 bytes")
    assert " eth1     in  " in reply
    assert reply.endswith("172.16.7.11 > 172.16.9.11 icmp echo reply, 98 bytes")


@pytest.mark.parametrize(
    ("node", "interfaces"),
    [
        ("host-1:lo", {"lo"}),
        ("k8s-net", {"br0", "lo", "rt-1", "k8s-worker", "k8s-worker2", "k8s-worker3"}),
        ("k8s-worker", {"eth1", "lo"}),
        pytest.param("k8s-worker", {"eth1", "lo", "veth-nginx-1"}, marks=pytest.mark.cluster),
        pytest.param("nginx-1", {"eth0", "lo"}, marks=pytest.mark.cluster),
    ],
)
def test_every_machine_and_interface_can_be_looked_at(ecmp: Netlab, node: str, interfaces: set[str]) -> None:
    running = ecmp.start("capture", node, "--duration", "0.2")
    _, progress = running.communicate(timeout=20)
    assert running.returncode == 0, progress
    shown = progress.splitlines()[0].partition("(")[2].partition(")")[0].split(", ")
    assert interfaces <= set(shown)


def test_on_lo_a_packet_is_seen_once(ecmp: Netlab) -> None:
    running = begin(ecmp, "host-1:lo", "--duration", 2, "icmp")
    ping(ecmp, target="127.0.0.1")
    said = running.communicate(timeout=20)[0].splitlines()
    assert [line.split(" icmp ")[1] for line in said] == ["echo request, 98 bytes", "echo reply, 98 bytes"]


_TAGGED = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth1", 0))
for tag in (10, 11):
    s.send(bytes.fromhex("02000000000b02000000000a8100%04x88b5" % tag) + bytes(46))
"""


def test_a_vlan_tag_that_the_kernel_keeps_beside_the_packet_is_seen_and_filtered(ecmp: Netlab, tmp_path: Path) -> None:
    file = tmp_path / "vlan.pcapng"
    lines = begin(ecmp, "rt-1:eth2", "--count", 1, "vlan 11")
    whole = begin(ecmp, "rt-1:eth2", "--count", 2, "-w", file, "vlan")
    assert ecmp("exec", "host-1", "--", "python3", "-c", _TAGGED).returncode == 0
    said = lines.communicate(timeout=20)[0]
    assert said.endswith("02:00:00:00:00:0a > 02:00:00:00:00:0b vlan 11 type 0x88b5, 64 bytes\n")
    assert whole.wait(timeout=20) == 0
    assert [packet[12:18].hex() for _, _, packet in read(file)] == ["8100000a88b5", "8100000b88b5"]


def test_a_reader_that_goes_ends_the_capture_though_nothing_more_comes(ecmp: Netlab) -> None:
    running = begin(ecmp, "host-1:eth1", "-w", "-", "udp port 9")
    assert os.read(running.stdout.fileno(), 4) == b"\x0a\x0d\x0d\x0a"
    running.stdout.close()
    assert running.wait(timeout=10) == 0
    assert running.stderr.read() == "netlab: 0 packets captured\n"


@pytest.mark.front_end
def test_a_reader_that_is_stuck_does_not_hold_an_interrupted_capture(ecmp: Netlab) -> None:
    running = begin(ecmp, "k8s-worker", "-w", "-")
    for _ in range(3):
        ping(ecmp, target="172.16.7.11", count=5)
        ecmp("exec", "host-1", "--", "ping", "-c", "60", "-s", "1400", "-i", "0.002", "172.16.7.11")
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=15) == 0


def test_the_capturer_dies_with_its_caller(ecmp: Netlab, tmp_path: Path) -> None:
    running = begin(ecmp, "host-1", "-w", tmp_path / "x.pcapng")
    capturers = [process.pid for process in descendants().values() if "--capture" in process.command]
    assert capturers
    running.kill()
    running.wait(timeout=10)
    deadline = time.monotonic() + 10
    while any(process.pid in capturers for process in descendants().values()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_lab_that_dies_ends_the_capture_with_a_readable_file(
    netlab: Netlab, topology: Topology, tmp_path: Path
) -> None:
    file = topology(
        """
        name: brief
        topology:
          nodes: {a: {kind: linux}, b: {kind: linux}}
          links: [{endpoints: ["a:eth1", "b:eth1"], ipv4: [10.0.0.1/24, 10.0.0.2/24]}]
        """
    )
    assert netlab("deploy", file).returncode == 0
    captured = tmp_path / "brief.pcapng"
    running = begin(netlab, "a:eth1", "-w", captured, "icmp")
    ping(netlab, "a", "10.0.0.2", count=2)
    deadline = time.monotonic() + 10
    while len(read(captured)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert netlab("destroy").returncode == 0

    assert running.wait(timeout=10) == 3
    assert "as happens when the lab dies" in running.stderr.read()
    assert len(read(captured)) == 4


@pytest.mark.front_end
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["rt-1:eth7"], 2, "netlab: rt-1 has no interface eth7 (there is eth1, eth2, lo)"),
        (["rt1"], 2, 'netlab: lab ecmp has no node rt1 (did you mean "rt-1"?)'),
        pytest.param(
            *(["k8s"], 2, "netlab: lab ecmp has no node k8s (a cluster is several: k8s-control-plane, k8s-worker"),
            marks=pytest.mark.cluster,
        ),
        (["rt-1", "tcp prot 80"], 2, "netlab: filter 'tcp prot 80': can't parse filter expression: syntax error"),
        (["rt-1", "-w", "/proc/nothing/here"], 3, "netlab: cannot write /proc/nothing/here: No such file"),
        (["rt-1", "--count", "0"], 2, ""),
    ],
)
def test_mistakes_are_told_in_a_line(ecmp: Netlab, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = ecmp("capture", *arguments)
    assert done.returncode == code, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.front_end
def test_a_wrong_filter_costs_no_older_capture(ecmp: Netlab, tmp_path: Path) -> None:
    file = tmp_path / "old.pcapng"
    file.write_text("precious")
    assert ecmp("capture", "rt-1", "-w", file, "wrong filter").returncode == 2
    assert file.read_text() == "precious"
    assert ecmp("capture", "rt-1", "-w", tmp_path / "new.pcapng", "wrong filter").returncode == 2
    assert not (tmp_path / "new.pcapng").exists()


@pytest.mark.front_end
def test_packets_are_not_poured_onto_a_terminal(ecmp: Netlab) -> None:
    leader, follower = os.openpty()
    done = subprocess.run(
        [*ecmp._argv(("capture", "rt-1", "-w", "-"))],
        env=ecmp.environment(),
        stdout=follower,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    os.close(follower)
    os.close(leader)
    assert done.returncode == 2
    assert done.stderr.startswith("netlab: packets are no text for a terminal")
