"""Whatever a router's own configuration says, it is read in two seconds, or refused with a place.

Texts are a short pattern many times over: what makes a careless regular expression or parser quadratic.
"""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlab.model.errors import InputError
from netlab.plan import plan_file

CPU_SECONDS = 2.0
LAB = """\
name: x
topology:
  nodes:
    r1: {{kind: {kind}, {more}startup-config: x.conf}}
    h1: {{kind: linux}}
  links:
    - {{endpoints: ["r1:eth1", "h1:eth1"]}}
"""
KINDS = {"frr": "", "bird": "", "vyos": 'vyos-version: "1.1", '}

# fmt: off
PIECES = st.sampled_from([
    "\n", " ", "\t", "\r\n", "!", "#", "/*", "*/", '"', "'", "{", "}", ";", "=", "\\", "a", "1", "router bgp ", "bgp",
    "neighbor 10.0.0.2 remote-as ", "interface eth1\n", " ip address 10.0.0.1/24\n", "ip address ", "ipv6 address ",
    "fe80::1%x/64", "define ", "define a = 1;", "local ", "as ", "port ", "protocol bgp ", "bfd", "set ",
    "set protocols bgp 1 ", "peer-group ", "internal", "9" * 20, "4294967295", "\u0661", "\x1b", "\0", "\ud800",
])
# fmt: on
TEXTS = st.lists(
    st.tuples(st.lists(PIECES, min_size=1, max_size=3).map("".join), st.sampled_from((1, 1, 2, 20_000))), max_size=5
).map(lambda parts: "".join(piece * times for piece, times in parts)[:300_000])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("startup")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_any_text(kind: str, folder: Path, text: str) -> None:
    (folder / "lab.yaml").write_text(LAB.format(kind=kind, more=KINDS[kind]))
    (folder / "x.conf").write_bytes(text.encode(errors="surrogatepass"))
    started = time.process_time()
    try:
        plan_file(folder / "lab.yaml")
    except InputError as error:
        assert any(problem.position for problem in error.problems)
        for line in error.lines():
            assert len(line) < 1000
    assert time.process_time() - started < CPU_SECONDS


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("frr", "\n" * 900_000),
        ("frr", "\t\n" * 400_000),
        ("frr", "a " * 400_000),
        ("bird", "/*" * 400_000),
        ("bird", f"protocol bgp x {{ local as {'9' * 5000}; }}"),
        ("bird", "local " * 150_000),
        ("bird", "define " * 120_000),
        ("vyos", "set " + "a''" * 300_000),
        ("vyos", "{" + " " * 40_000 + "!"),
    ],
)
def test_what_once_took_minutes_or_was_a_traceback(kind: str, text: str, folder: Path) -> None:
    (folder / "lab.yaml").write_text(LAB.format(kind=kind, more=KINDS[kind]))
    (folder / "x.conf").write_text(text)
    started = time.process_time()
    if kind == "vyos":
        with pytest.raises(InputError):
            plan_file(folder / "lab.yaml")
    else:
        assert plan_file(folder / "lab.yaml").node("r1").kind == kind
    assert time.process_time() - started < CPU_SECONDS


def test_one_large_configuration_for_many_routers(folder: Path) -> None:
    nodes = "".join(f"    r{i}: {{kind: frr, startup-config: x.conf}}\n" for i in range(10))
    (folder / "lab.yaml").write_text(f"name: x\ntopology:\n  nodes:\n{nodes}")
    (folder / "x.conf").write_text("! comment\n" * 90_000)
    with pytest.raises(InputError, match="larger than 4 MB together") as refused:
        plan_file(folder / "lab.yaml")
    assert [problem.position.line for problem in refused.value.problems if problem.position] == [8]
