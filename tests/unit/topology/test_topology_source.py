"""Files that cannot stand in the corpus: not there, not text, too large."""

import os
from pathlib import Path

import pytest
import yaml

from netlab.model.errors import InputError, TopologyError
from netlab.topology import load
from netlab.topology.problems import Problems
from netlab.topology.source import parse_text, read, resolve
from netlab.topology.tree import located

TOPOLOGIES = sorted(Path(__file__).parent.glob("*/*.yaml"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "1:1: the file is empty (a topology starts with name: and topology:)"),
        (b"---\n", "1:1: the file is empty (a topology starts with name: and topology:)"),
        (b"name: x\nrun\xff: y\n", "2:4: byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"\xff\xfen\x00", "1:1: byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (b"name: \xed\xa0\x80\n", "1:7: byte 0xed is not UTF-8 (save the file as UTF-8)"),
        (b"name: x\0\n", "1:8: control character U+0000 (remove it)"),
        (b"name: x\n# \x1b[31m\n", "2:3: control character U+001B (remove it)"),
        (b"name: a\xe2\x80\xa8b\n", "1:8: control character U+2028 (remove it)"),
        (b"#" * 1_000_001, "1:1: the file is larger than 1 MB (split the lab)"),
        (b'name: "\\U00ffffff"', "1:1: this is not valid YAML (check the line after this place too)"),
        (b"a: " + b"[" * 100_000, "1:35: nested more than 32 deep (a topology needs no more than ten)"),
    ],
)
def test_content_that_is_no_topology(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "lab.yaml"
    file.write_bytes(content)
    with pytest.raises(TopologyError) as refused:
        load(file)
    assert refused.value.lines() == (f"{file}:{message}",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lob.yaml", 'lob.yaml: no such file (did you mean "lab.yaml"?)'),
        ("there/is/nothing", "there/is/nothing: no such file"),
        (".", ".: is a folder (name a topology file)"),
        ("fifo", "fifo: is not a regular file (name a topology file)"),
        ("lab.yaml/x", "'lab.yaml/x': cannot be read: Not a directory"),
        ("loop", "'loop': cannot be read: Too many levels of symbolic links"),
        ("nul\0", "'nul\\x00': cannot be read: embedded null byte"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    (tmp_path / "lab.yaml").touch()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        load(Path(name))
    assert refused.value.lines() == (message,)


def test_a_file_without_read_permission(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.touch(mode=0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # root reads everything, nobody does not
    try:
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            load(file)
    finally:
        os.seteuid(user)


def test_line_ends_and_byte_order_mark_of_windows(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: x\r\ntopology:\r\n  nodes:\r\n    a: {kind: linux}\r\n")
    assert load(file).node("a").position.line == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0x37", 55),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("007", "007"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("2024-01-01", "2024-01-01"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_as_yaml_1_2_reads_them(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: [::1/64, ::/0, fd00::1]", {"a": ["::1/64", "::/0", "fd00::1"]}),
        ("{a: ::1, b:c, d: e:f}", {"a": "::1", "b:c": None, "d": "e:f"}),
        ('{"a":b, "c":[1]}', {"a": "b", "c": [1]}),
        ("{a:}", {"a": None}),
        ("a: &x.y 1\nb: *x.y\nc: &é {d: 1}\ne: *é", {"a": 1, "b": 1, "c": {"d": 1}, "e": {"d": 1}}),
        ("a: [what?, http://x/?y=1, ::1]", {"a": ["what?", "http://x/?y=1", "::1"]}),
        ("{a: http://x/?y=1, b: c? d\n  ? f, g: ::1}", {"a": "http://x/?y=1", "b": "c? d ? f", "g": "::1"}),
        ("a: yes\nb: 0777\nc: 1_000\nd: 12:30:45\ne: 0o17\nf: 2024-01-01", {
            "a": "yes", "b": "0777", "c": "1_000", "d": "12:30:45", "e": "0o17", "f": "2024-01-01",
        }),
        ('on: "on"\n0x1f: 0x1f', {"on": "on", "0x1f": 31}),
        ("%YAML 1.2\n---\na: no", {"a": "no"}),
    ],
)  # fmt: skip
def test_a_text_as_yaml_1_2_reads_it(text: str, value: object) -> None:
    problems = Problems()
    tree = parse_text(text, "lab.yaml", problems)
    assert problems.sorted() == []
    assert tree is not None
    assert located(tree).value == value


@pytest.mark.parametrize(
    ("text", "place"),
    [("a:\nb: 1", (2, 1)), ("a:  # why\n\n# c\n  \nb: 1", (5, 1)), ("a:", (1, 3)), ("{a:  , b: 1}", (1, 4))],
)
def test_where_a_missing_value_is_told(text: str, place: tuple[int, int]) -> None:
    tree = parse_text(text, "lab.yaml", Problems())
    assert tree is not None
    position = located(tree).positions["a",]
    assert (position.line, position.column) == place


@pytest.mark.parametrize("file", TOPOLOGIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_without_libyaml_a_file_says_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml.__with_libyaml__
    by_libyaml, problems = Problems(), Problems()
    tree = read(file, by_libyaml)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert read(file, problems) == tree
    assert problems.sorted() == by_libyaml.sorted()
