from pathlib import Path
from typing import Any

import pytest

from netlab.lab import doctor
from netlab.model.errors import HostError
from netlab.runtime.netns.identity import IdMaps

USERS = "kernel/unprivileged_userns_clone"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host as a test wants it: sysctls, a kernel, programs and who runs netlab."""

    class Host:
        def __init__(self) -> None:
            self.sysctls: dict[str, str] = {}
            self.programs: dict[str, str] = {}
            monkeypatch.setattr(doctor, "_sysctl", self.sysctls.get)
            monkeypatch.setattr(doctor, "_output", lambda program, _: self.programs.get(program, ""))
            self.user(1000)

        def user(self, uid: int) -> None:
            monkeypatch.setattr(doctor.os, "geteuid", lambda: uid)

        def kernel(self, release: str) -> doctor.HostFinding:
            monkeypatch.setattr(doctor.platform, "release", lambda: release)
            return doctor._kernel()

        def namespaces(self, message: str) -> doctor.HostFinding:
            monkeypatch.setattr(doctor, "_try_namespaces", lambda: message)
            return doctor._user_namespaces()

        def ids(self, *ranges: list[int]) -> doctor.HostFinding:
            monkeypatch.setattr(doctor.identity, "id_maps", lambda: IdMaps(list(ranges) or None, list(ranges) or None))
            return doctor._id_ranges()

        def memory(self, text: str) -> doctor.HostFinding:
            monkeypatch.setattr(doctor.Path, "read_text", lambda self, **options: text)
            return doctor._memory()

    return Host()


@pytest.mark.parametrize(
    ("release", "ok"),
    [("6.18.44-fc", True), ("5.12.0", True), ("5.11.22-generic", False), ("4.19", False), ("6.1-rc1", True)],
)
def test_kernels(host: Any, release: str, ok: bool) -> None:
    found = host.kernel(release)
    assert (found.ok, found.found, bool(found.mend)) == (ok, release, not ok)


@pytest.mark.parametrize(
    ("sysctls", "message", "mend"),
    [
        (
            {"kernel/apparmor_restrict_unprivileged_userns": "1"},
            "cannot write /proc/7/uid_map: Operation not permitted",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run netlab with sudo",
        ),
        (
            {USERS: "0"},
            "no user namespace",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run netlab with sudo",
        ),
        ({"user/max_user_namespaces": "0"}, "no user namespace", "sudo sysctl -w user.max_user_namespaces=10000"),
        ({}, "mount proc proc on /x: Operation not permitted", "/proc is masked here, as in a container"),
        ({}, "no user namespace: Operation not permitted", "run netlab with sudo"),
    ],
)
def test_namespaces_that_do_not_work(host: Any, sysctls: dict[str, str], message: str, mend: str) -> None:
    host.sysctls.update(sysctls)
    found = host.namespaces(message)
    assert (found.ok, found.needed, found.found) == (False, True, message)
    assert found.mend.startswith(mend)


def test_namespaces_that_work(host: Any) -> None:
    assert host.namespaces("").found == "work without root"
    host.user(0)
    assert host.namespaces("").found == "work as root"


def test_the_refusal_of_a_trial_is_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from netlab.runtime.netns import build

    def refuse(*_: object) -> None:
        raise HostError("no user namespace: No space left on device", "raise it")

    monkeypatch.setattr(build, "Build", refuse)
    assert doctor._try_namespaces() == "no user namespace: No space left on device"


def test_subordinate_ids(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.ids().found == "root needs none"
    full = host.ids([0, 1000, 1], [1, 100000, 65536])
    assert (full.ok, full.found) == (True, "65536 from 100000")
    monkeypatch.setattr(doctor.shutil, "which", lambda program: None)
    assert host.ids([0, 1000, 1]).mend == "sudo apt-get install uidmap"
    monkeypatch.setattr(doctor.shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(doctor.identity, "next_free_range", lambda: (165536, 231071))
    monkeypatch.setattr(doctor, "_user", lambda: "alice")
    none = host.ids([0, 1000, 1])
    assert (none.ok, none.needed) == (False, False)
    assert none.mend == "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 alice"


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 2**31 - 7)
    assert doctor._user() == str(2**31 - 7)


def test_programs_that_are_missing(host: Any) -> None:
    needs = {finding.mend: finding.needed for finding in (doctor._frr(), doctor._nftables(), doctor._iproute())}
    assert needs == {
        "sudo apt-get install frr": True,
        "sudo apt-get install nftables": True,
        "sudo apt-get install iproute2": False,
    }


def test_programs_that_are_there(host: Any) -> None:
    host.programs.update({"/usr/lib/frr/zebra": "zebra version 8.4.4", "nft": "nftables v1.0.6", "ip": "ip utility"})
    assert [doctor._frr().found, doctor._nftables().found, doctor._iproute().found] == [
        "8.4.4",
        "nftables v1.0.6",
        "ip utility",
    ]
    assert doctor._frr().ok


def test_a_program_that_hangs_or_is_no_program_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "nft"
    broken.write_bytes(b"\x7fELF not really")
    broken.chmod(0o755)
    assert doctor._output(str(broken), "--version") == ""

    def hang(*_: object, **options: object) -> None:
        raise doctor.subprocess.TimeoutExpired("nft", 10)

    monkeypatch.setattr(doctor.subprocess, "run", hang)
    assert doctor._output(str(broken), "--version") == ""
    assert doctor._output("no-such-program-anywhere", "--version") == ""


def test_hash_settings_of_older_kernels(host: Any) -> None:
    fields, seed = doctor._hash_fields(), doctor._hash_seed()
    assert (fields.ok, fields.needed, seed.ok, seed.needed) == (False, True, False, False)
    assert "policy 1 hashes sockets" in fields.found
    assert "polarise" in seed.found
    host.sysctls.update({"net/ipv4/fib_multipath_hash_fields": "7", "net/ipv4/fib_multipath_hash_seed": "0"})
    assert doctor._hash_fields().ok
    assert doctor._hash_seed().ok


def test_memory(host: Any) -> None:
    plenty = host.memory("MemTotal: 1 kB\nMemAvailable:    2252800 kB\n")
    assert (plenty.ok, plenty.found, plenty.mend) == (True, "2200 MiB free: room for 100 routers", "")
    little = host.memory("MemAvailable: 102400 kB\n")
    assert not little.ok
    assert little.mend
    assert not host.memory("").ok


def test_every_need_that_is_not_met_says_what_mends_it(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host.kernel("4.19.0")
    host.namespaces("no user namespace")
    host.ids([0, 1000, 1])
    host.memory("")
    findings = doctor.examine()
    assert not any(finding.ok for finding in findings)
    assert all(finding.mend for finding in findings)
