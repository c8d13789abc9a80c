"""Environment variables in a topology file, as containerlab's have them, and the places behind them."""

from pathlib import Path

import pytest

from netlab.topology import load
from netlab.topology.expansion import Expanded, expand
from netlab.topology.problems import Problems

SET = {"SET": "value", "EMPTY": ""}


def expanded(text: str, limit: int = 10_000) -> tuple[Expanded | None, list[str]]:
    problems = Problems()
    return expand(text, "lab", SET, limit, problems), [str(problem) for problem in problems.sorted()]


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("${SET}", "value"),
        ("${SET:=other}", "value"),
        ("${NOT:=other}", "other"),
        ("${NOT:-other}", "other"),
        ("${NOT=other}", "other"),
        ("${NOT-other}", "other"),
        ("${EMPTY}", ""),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${SET:+other}", "other"),
        ("${EMPTY:+other}", ""),
        ("${EMPTY+other}", "other"),
        ("${NOT:+other}", ""),
        ("${NOT:=}", ""),
        ("a${SET}b${SET}c", "avaluebvaluec"),
        ("$SET $(id) $1 $", "$SET $(id) $1 $"),
        ("$$SET $${SET} $$", "$SET ${SET} $"),
        ("# ${NOT}", "# ${NOT}"),
        ("x: y  # ${NOT}", "x: y  # ${NOT}"),
        ("x: '# ${SET}'", "x: '# value'"),
        ("x: y#${SET}", "x: y#value"),
    ],
)
def test_a_variable_is_replaced_as_containerlab_does(written: str, becomes: str) -> None:
    found, problems = expanded(written)
    assert problems == []
    assert found is not None
    assert found.text == becomes


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("x: ${NOT}", "lab:1:4: the variable NOT is not set (set it, or write ${NOT:=otherwise})"),
        ("a\nb ${1X}", "lab:2:3: this is no variable (write ${NAME}, ${NAME:=otherwise}, or $${ for a ${ that stays)"),
        ("${", "lab:1:1: this is no variable (write ${NAME}, ${NAME:=otherwise}, or $${ for a ${ that stays)"),
    ],
)
def test_what_is_not_known_is_a_problem_with_its_place(written: str, problem: str) -> None:
    assert expanded(written) == (None, [problem])


def test_a_value_that_breaks_a_line_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = Problems()
    assert expand("x: ${A}", "lab", {"A": "1\ny: 2"}, 100, problems) is None
    assert str(problems.sorted()[0]) == "lab:1:4: the variable A has characters that do not print (set it anew)"


def test_variables_do_not_make_a_file_of_any_size() -> None:
    found, problems = expanded("${SET}" * 100, limit=300)
    assert found is None
    assert problems == ["lab:1:1: with its variables written out the file is larger than 1 MB"]


def test_each_column_of_a_line_has_its_place_in_the_file() -> None:
    found, _ = expanded("a ${SET} b ${NOT:=x}c")
    assert found is not None
    assert found.text == "a value b xc"
    assert [found.column(1, column) for column in range(12)] == [0, 1, 2, 2, 2, 2, 2, 8, 9, 10, 11, 20]
    assert found.column(2, 5) == 5


def test_the_value_is_what_yaml_makes_of_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETLAB_TEST_NODE", "h1")
    (tmp_path / "lab.yaml").write_text(
        "name: ${NETLAB_TEST_NAME:=lab}\n"
        "topology:\n  nodes:\n    ${NETLAB_TEST_NODE}: {kind: linux, env: {A: ${NETLAB_TEST_A:=1.10}}}\n"
        "    h2: {kind: linux}\n"
        '  links: [{endpoints: ["${NETLAB_TEST_NODE}:eth1", "h2:eth1"], mtu: ${NETLAB_TEST_MTU:=9000}}]\n'
    )
    topology = load(tmp_path / "lab.yaml")
    assert (topology.name, topology.links[0].mtu) == ("lab", 9000)
    assert topology.node("h1").env == (("A", "1.10"),)
    assert topology.links[0].endpoints[0].node == "h1"
