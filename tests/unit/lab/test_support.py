"""An archive for a bug report: without secrets, within its limits, whatever is broken."""

import json
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.lab.support import bundle, collect, redact
from netlab.model.errors import HostError, InputError

SECRET = "S3cr3t-v4lue"


@pytest.mark.parametrize(
    "line",
    [
        "neighbor 10.0.0.1 password {}",
        "neighbor 10.0.0.1 password 8 {}",
        "enable password {}",
        "password {}",
        " ip ospf message-digest-key 1 md5 {}",
        " ip ospf authentication-key {}",
        "  key-string {}",
        " ip rip authentication string {}",
        " isis password clear {}",
        " domain-password md5 {}",
        "set protocols bgp 64512 neighbor 10.0.0.1 password '{}'",
        "set system login user vyos authentication plaintext-password '{}'",
        "set system login user vyos authentication encrypted-password '$6$x{}'",
        "set vpn ipsec site-to-site peer 1.2.3.4 authentication pre-shared-secret '{}'",
        "set service snmp community {}",
        'password "{}";',
        "export DB_PASSWORD={}",
        "      env: {{API_TOKEN: {}, DEBUG: 1}}",
        "GITHUB_TOKEN: '{}'",
        "https://user:{}@example.org/x",
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_go(line: str) -> None:
    written = redact.text(f"hostname r1\n{line.format(SECRET)}\nrouter bgp 1\n")
    assert SECRET not in written
    assert redact.MARK in written
    assert written.startswith("hostname r1\n")
    assert written.endswith("\nrouter bgp 1\n")


@pytest.mark.parametrize(
    "text",
    [
        "service password-encryption\nrouter bgp 64512\n neighbor 10.0.0.1 remote-as 1\n",
        "key chain one\n key 1\n",
        " set community 65000:1 additive\n",
        "no password\n",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact.text(text) == text


def test_documents_stay_documents() -> None:
    document = {
        "files": [{"path": "/etc/frr/frr.conf", "content": f'neighbor 1.1.1.1 password "{SECRET}"\nend'}],
        "env": [["DB_PASSWORD", SECRET], ["DEBUG", "1"]],
        "token": SECRET,
        "pids": [3, 4],
    }
    written = json.dumps(redact.document(document))
    assert SECRET not in written
    assert json.loads(written)["files"][0]["content"] == f"neighbor 1.1.1.1 password {redact.MARK}\nend"
    assert json.loads(written)["env"][1] == ["DEBUG", "1"]
    assert json.loads(written)["pids"] == [3, 4]


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_again(text: str) -> None:
    once = redact.text(text)
    assert redact.text(once) == once or redact.MARK in once


def test_a_long_hostile_text_is_redacted_in_time() -> None:
    start = time.monotonic()
    for hostile in ("password", "password ", 'password "', "password '", "a.", "md5 1 ", "authentication string "):
        redact.text(hostile * 100_000)
    redact.text("-----BEGIN PRIVATE KEY-----" * 5000)
    redact.text("a://" * 200_000)
    assert time.monotonic() - start < 20


def members(file: Path) -> dict[str, str]:
    with tarfile.open(file) as archive:
        found = {}
        for member in archive.getmembers():
            assert (member.mode, member.isfile()) == (0o600, True)
            content = archive.extractfile(member)
            assert content is not None
            found[member.name.partition("/")[2]] = content.read().decode()
        return found


def test_an_archive_is_private_bounded_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "LARGEST_ITEM", 2048)
    monkeypatch.setattr(bundle, "_LARGEST_TOTAL", 5000)
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    made = bundle.Bundle()
    made.add("a/first.txt", "x" * 5000)
    made.add_file("a/last.log", log, last=True)
    made.add_file("a/none.txt", tmp_path / "none")
    made.add("z/full.txt", "y" * 2000)
    made.attempt("broken", lambda: json.loads("{"))
    made.write(tmp_path / "out.tar.gz")

    assert (tmp_path / "out.tar.gz").stat().st_mode & 0o777 == 0o600
    found = members(tmp_path / "out.tar.gz")
    assert list(found) == ["MANIFEST.txt", "a/first.txt", "a/last.log"]
    assert found["a/first.txt"] == "x" * 2048
    assert found["a/last.log"].endswith("line 999\n")
    left_out = found["MANIFEST.txt"].partition("left out:\n")[2]
    for said in (
        "a/first.txt: all but its first 2 KiB",
        "a/last.log: all but its last 2 KiB",
        f"a/none.txt: {tmp_path}/none: No such file or directory",
        "z/full.txt: the archive is full",
        "broken: JSONDecodeError: ",
    ):
        assert said in left_out


def test_what_takes_too_long_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "_SECONDS", 0.2)
    made = bundle.Bundle()
    made.later("slow.txt", lambda: time.sleep(2))
    made.later("quick.txt", lambda: made.add("quick.txt", "here"))
    made.run()
    assert made.left_out == {"slow.txt": "no answer within 0 s"}
    assert made.texts == {"quick.txt": "here"}


def test_nothing_is_overwritten_and_nothing_is_left_of_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.tar.gz"
    file.write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        bundle.Bundle().write(file)
    assert file.read_text() == "precious"
    with pytest.raises(HostError, match="No such file"):
        bundle.Bundle().write(tmp_path / "no" / "folder.tar.gz")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle.Bundle, "_write", full)
    with pytest.raises(HostError, match="No space left"):
        bundle.Bundle().write(tmp_path / "new.tar.gz")
    assert not (tmp_path / "new.tar.gz").exists()


def test_a_damaged_lab_is_collected_as_far_as_it_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect.host, "collect", lambda made: None)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("NETLAB_LAB", raising=False)
    lab = tmp_path / "netlab" / "broken"
    (lab / "logs" / "r1").mkdir(parents=True)
    for folder in (tmp_path / "netlab", lab):
        folder.chmod(0o700)
    (lab / "lab.json").write_text('{"name": "broken", "password": "' + SECRET)
    (lab / "logs" / "r1" / "bgpd.log").write_text(f"password {SECRET}\n")
    (tmp_path / "evidence.json").write_text("{}")

    file, size = collect.support(tmp_path / "out.tar.gz", None, (tmp_path / "evidence.json",))

    found = members(file)
    assert size == file.stat().st_size
    assert SECRET not in "".join(found.values())
    assert found["labs/broken/nodes/r1/logs/bgpd.log"] == f"password {redact.MARK}\n"
    assert found["added/evidence.json"] == "{}"
    assert "labs/broken/lab.json" in found
    assert "labs/broken: its record: " in found["MANIFEST.txt"]
    assert "labs/broken/plan.json: FileNotFoundError" in found["MANIFEST.txt"]
