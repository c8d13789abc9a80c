"""What a host needs, on hosts that lack it."""

from pathlib import Path
from typing import Any

import pytest

from netlab.agent.pcap import libpcap
from netlab.model.errors import HostError
from netlab.model.host import HostFinding
from netlab.model.plan import LabPlan, NodePlan, Role, SysctlPlan
from netlab.runtime.netns import identity, needs, sample_lab
from netlab.runtime.netns.identity import IdMaps

USERS = "kernel/unprivileged_userns_clone"
APPARMOR = "kernel/apparmor_restrict_unprivileged_userns"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A host as a test wants it: sysctls, a kernel, programs and who runs netlab."""

    class Host:
        def __init__(self) -> None:
            self.sysctls: dict[str, str] = {}
            self.programs: dict[str, str] = {}
            self.files: set[str] = set()
            monkeypatch.setattr(needs, "sysctl", self.sysctls.get)
            monkeypatch.setattr(needs, "output", lambda program, _: self.programs.get(program, ""))
            monkeypatch.setattr(needs.os, "access", lambda path, mode: path in self.files)
            monkeypatch.setattr(needs, "_hidden_in_proc", lambda: [])
            self.user(1000)

        def user(self, uid: int) -> None:
            monkeypatch.setattr(needs.os, "geteuid", lambda: uid)

        def kernel(self, release: str) -> HostFinding:
            monkeypatch.setattr(needs.platform, "release", lambda: release)
            return needs.kernel()

        def namespaces(self, refusal: str, remedy: str | None = None) -> list[HostFinding]:
            return list(needs.namespaces(HostError(refusal, remedy) if refusal else None))

        def hide(self, *paths: str) -> None:
            monkeypatch.setattr(needs, "_hidden_in_proc", lambda: list(paths))

        def ids(self, *ranges: list[int]) -> HostFinding:
            monkeypatch.setattr(needs.identity, "id_maps", lambda: IdMaps(list(ranges) or None, list(ranges) or None))
            return needs.id_ranges()

    return Host()


@pytest.mark.parametrize(
    ("release", "ok"),
    [("6.18.44-fc", True), ("5.14.0", True), ("5.13.22-generic", False), ("4.19", False), ("6.1-rc1", True)],
)
def test_kernels(host: Any, release: str, ok: bool) -> None:
    found = host.kernel(release)
    assert (found.ok, found.found, bool(found.mend)) == (ok, release, not ok)


@pytest.mark.parametrize(
    ("sysctls", "refusal", "found", "mend"),
    [
        (
            {APPARMOR: "1"},
            "cannot write /proc/7/uid_map: Operation not permitted",
            "kernel.apparmor_restrict_unprivileged_userns is 1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run netlab with sudo",
        ),
        (
            {USERS: "0", APPARMOR: "0"},
            "no user namespace: Operation not permitted",
            "kernel.unprivileged_userns_clone is 0",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1, or run netlab with sudo",
        ),
        (
            {"user/max_user_namespaces": "0"},
            "no user namespace: No space left on device",
            "user.max_user_namespaces is 0",
            "sudo sysctl -w user.max_user_namespaces=10000",
        ),
        (
            {"user/max_net_namespaces": "0"},
            "unshare(0x6c020000): No space left on device",
            "user.max_net_namespaces is 0",
            "sudo sysctl -w user.max_net_namespaces=10000",
        ),
    ],
)
def test_a_setting_that_forbids_namespaces_is_named_by_doctor_and_deploy(
    host: Any, sysctls: dict[str, str], refusal: str, found: str, mend: str
) -> None:
    host.sysctls.update(sysctls)
    (finding,) = host.namespaces(refusal)
    assert (finding.ok, finding.needed, finding.found, finding.mend) == (False, True, found, mend)
    deploy = needs.explained(HostError(refusal, "look at it"))
    assert deploy.lines() == (f"{finding.need}: {found} (to mend it: {mend})",)


def test_every_setting_that_forbids_them_is_named(host: Any) -> None:
    host.sysctls.update({USERS: "0", APPARMOR: "1", "user/max_user_namespaces": "0"})
    assert len(host.namespaces("no user namespace: Operation not permitted")) == 3
    host.user(0)  # whom two of them do not concern
    (finding,) = host.namespaces("no user namespace: No space left on device")
    assert finding.found == "user.max_user_namespaces is 0"


def test_a_masked_proc_is_named(host: Any) -> None:
    refusal = "mount proc proc on /proc: Operation not permitted"
    (unknown,) = host.namespaces(refusal)
    assert (unknown.found, unknown.mend) == (refusal, "run netlab with sudo")
    host.hide("/proc/kcore", "/proc/keys")
    (finding,) = host.namespaces(refusal)
    assert finding.found == "parts of /proc are hidden: /proc/kcore, /proc/keys"
    assert "unmasked /proc" in finding.mend


def test_another_error_is_not_explained_by_such_a_setting(host: Any) -> None:
    host.sysctls.update({USERS: "0"})
    error = HostError("cannot make /x: Permission denied", "set XDG_STATE_HOME")
    assert needs.explained(error) is error
    (finding,) = host.namespaces("cannot make /x: Permission denied", "set TMPDIR")
    assert (finding.found, finding.mend) == (str(error), "set TMPDIR")


def test_namespaces_that_work(host: Any) -> None:
    assert host.namespaces("")[0].found == "work without root"
    host.user(0)
    assert host.namespaces("")[0].found == "work as root"


def test_a_temporary_folder_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def refuse(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    assert str(sample_lab.trial()) == "cannot make a temporary folder: No usable temporary directory"


def test_subordinate_ids(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert host.ids().found == "root needs none"
    full = host.ids([0, 1000, 1], [1, 100000, 65536])
    assert (full.ok, full.found) == (True, "65536 from 100000")
    monkeypatch.setattr(needs.identity, "lack_of", lambda program: (f"no {program}", "install it"))
    assert (host.ids([0, 1000, 1]).found, host.ids([0, 1000, 1]).mend) == ("no newuidmap", "install it")
    monkeypatch.setattr(needs.identity, "lack_of", lambda program: None)
    monkeypatch.setattr(needs.identity, "next_free_range", lambda: (165536, 231071))
    monkeypatch.setattr(needs, "_user", lambda: "alice")
    none = host.ids([0, 1000, 1])
    assert (none.ok, none.needed) == (False, False)
    assert none.mend == "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 alice"


def test_helpers_that_cannot_write_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity.lack_of("no-such-helper") == ("there is no no-such-helper", "sudo apt-get install uidmap")
    plain = tmp_path / "newuidmap"
    plain.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found, mend = identity.lack_of("newuidmap") or ("", "")
    assert (found, mend) in (
        (f"{plain} is not set-uid root", f"sudo chmod u+s {plain}"),
        ("newuidmap gets no privileges here (a nosuid mount)", f"mount the folder of {plain} without nosuid"),
        ("newuidmap gets no privileges here (no_new_privs)", "run netlab outside of what set that"),
    )


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs.os, "geteuid", lambda: 2**31 - 7)
    assert needs._user() == str(2**31 - 7)


def test_a_processor_that_no_table_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs.platform, "machine", lambda: "loongarch64")
    found = needs.architecture()
    assert (found.ok, found.needed, found.found) == (False, True, "loongarch64")
    assert found.mend == "use a host with one of x86_64, aarch64, riscv64, ppc64le, s390x"


def test_programs_that_are_missing(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "_LIBRARIES", ())
    findings = (
        needs.frr(),
        needs.vtysh(),
        needs.frr_reload(),
        needs.nftables(),
        needs.iproute(),
        needs.ping(),
        needs.curl(),
        needs.libpcap(),
        needs.bird(),
    )
    assert not any(finding.ok for finding in findings)
    assert [(finding.mend.removeprefix("sudo apt-get install "), finding.needed) for finding in findings] == [
        ("frr", True),
        ("frr", True),
        ("frr-pythontools", False),
        ("nftables", True),
        ("iproute2", False),
        ("iputils-ping", False),
        ("curl", False),
        ("libpcap0.8", False),
        ("bird2", False),
    ]


def test_programs_that_are_there(host: Any) -> None:
    host.files.update({"/usr/bin/vtysh", *(f"/usr/lib/frr/{daemon}" for daemon in ("zebra", "bgpd", "staticd"))})
    assert needs.frr().found == "zebra does not start"
    host.files.add("/usr/lib/frr/frr-reload.py")
    assert needs.frr_reload().ok
    host.programs.update(
        {"/usr/lib/frr/zebra": "zebra version 8.4.4", "nft": "nftables v1.0.6", "ip": "ip utility", "bird": "BIRD 2"}
    )
    findings = (needs.frr(), needs.vtysh(), needs.nftables(), needs.iproute(), needs.bird())
    assert [finding.found for finding in findings] == ["8.4.4", "there", "nftables v1.0.6", "ip utility", "BIRD 2"]
    assert all(finding.ok and not finding.mend for finding in findings)
    host.files.remove("/usr/lib/frr/staticd")
    assert needs.frr().found == "there is no /usr/lib/frr/staticd"


@pytest.mark.parametrize(
    ("program", "need"),
    [("/usr/lib/frr/zebra", needs.frr), ("/usr/bin/vtysh", needs.vtysh)],
)
def test_deploy_says_of_a_missing_program_what_doctor_says(host: Any, program: str, need: Any) -> None:
    finding = need()
    error = needs.missing_program("rt-1", program)
    assert str(error) == f"rt-1 needs {finding.sentence}"
    assert error.remedy == finding.mend
    assert needs.missing_program("rt-1", "/opt/mine").remedy is None


def test_a_program_that_hangs_or_is_no_program_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "nft"
    broken.write_bytes(b"\x7fELF not really")
    broken.chmod(0o755)
    assert needs.output(str(broken), "--version") == ""

    def hang(*_: object, **options: object) -> None:
        raise needs.subprocess.TimeoutExpired("nft", 10)

    monkeypatch.setattr(needs.subprocess, "run", hang)
    assert needs.output(str(broken), "--version") == ""
    assert needs.output("no-such-program-anywhere", "--version") == ""


def test_hash_settings_of_older_kernels(host: Any) -> None:
    fields, seed = needs.hash_fields(), needs.hash_seed()
    assert (fields.ok, fields.needed, seed.ok, seed.needed) == (False, True, False, False)
    assert "policy 1 hashes sockets" in fields.found
    assert "polarise" in seed.found
    host.sysctls.update({"net/ipv4/fib_multipath_hash_fields": "7", "net/ipv4/fib_multipath_hash_seed": "0"})
    assert needs.hash_fields().ok
    assert needs.hash_seed().ok


def test_a_plan_that_this_kernel_cannot_run_is_refused_in_doctors_words(host: Any) -> None:
    router = NodePlan(
        "r", "frr", Role.ROUTER, "r", "FRR", sysctls=(SysctlPlan("net.ipv4.fib_multipath_hash_fields", "55"),)
    )
    plan = LabPlan("lab", "/x", "netns", (router,), ())
    host.kernel("6.1.0")
    with pytest.raises(HostError) as refused:
        needs.refuse_old_kernel(plan)
    assert str(refused.value) == needs.hash_fields().sentence
    old = host.kernel("5.4.0")
    with pytest.raises(HostError) as refused:
        needs.refuse_old_kernel(plan)
    assert (str(refused.value), refused.value.remedy) == (old.sentence, old.mend)
    host.kernel("6.1.0")
    host.sysctls["net/ipv4/fib_multipath_hash_fields"] = "7"
    needs.refuse_old_kernel(plan)


@pytest.mark.parametrize(
    ("hard", "ok", "found"),
    [(20000, True, "20000: room for 6656 nodes"), (64, False, "64: room for 10 nodes"), (-1, True, "unlimited")],
)
def test_open_files(monkeypatch: pytest.MonkeyPatch, hard: int, ok: bool, found: str) -> None:
    monkeypatch.setattr(needs.resource, "getrlimit", lambda which: (hard, hard))
    assert (needs.files().ok, needs.files().found) == (ok, found)


@pytest.mark.parametrize(
    ("group", "hard", "ok", "found"),
    [
        (None, -1, True, "unlimited"),
        (None, 5000, True, "5000 (ulimit -Hu)"),
        (40, 5000, False, "40 (pids.max of the control group)"),
    ],
)
def test_processes(monkeypatch: pytest.MonkeyPatch, group: int | None, hard: int, ok: bool, found: str) -> None:
    monkeypatch.setattr(needs.resource, "getrlimit", lambda which: (hard, hard))
    monkeypatch.setattr(needs, "_room_in_control_group", lambda: group)
    assert (needs.processes().ok, needs.processes().found) == (ok, found)


def test_every_need_that_is_not_met_says_what_mends_it(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "_LIBRARIES", ())
    monkeypatch.setattr(needs.resource, "getrlimit", lambda which: (10, 10))
    host.kernel("4.19.0")
    monkeypatch.setattr(needs.platform, "machine", lambda: "loongarch64")
    host.ids([0, 1000, 1])
    findings = needs.examine(HostError("no user namespace: Operation not permitted"))
    assert not any(finding.ok for finding in findings)
    assert all(finding.mend for finding in findings)
