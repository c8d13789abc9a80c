"""The documents keep in step with the code: keys, statements, verdicts, rules, JSON and commands."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from netlab.cli.main import app
from netlab.ecmp import rules
from netlab.ecmp.decide import ALL_ON_ONE_KEYS, ALPHA, EFFECT, KEYS_PER_HOP
from netlab.kinds.vyos import statements
from netlab.model.verdict import Finding, NextHopShare, Outcome, RouterVerdict, Severity, Verdict

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading}"
    return found[1]


def first_cells(text: str) -> list[str]:
    """The words in backquotes in the first column of a table."""
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_vyos_statement_is_documented():
    page = (ROOT / "docs/vyos.md").read_text(encoding="utf-8")
    lists = re.findall(r"<!-- statements of \w+ -->\n```\n(.*?)\n```\n<!-- end -->", page, re.DOTALL)
    documented = {line for text in lists for line in text.splitlines()}
    assert documented == {line for line in statements.TABLE.splitlines() if line}


def test_every_macro_of_the_vyos_statements_is_documented():
    page = section("docs/vyos.md", "Statements")
    for _, name, meanings in statements.MACROS:
        assert f"`{name}`" in page
        for meaning in meanings:
            assert meaning in page or meaning.rpartition(" ")[2] in page
    assert set(statements.VERSIONS) <= set(re.findall(r"1\.\d", page))


def test_every_verdict_is_documented():
    assert first_cells(section("docs/ecmp-check.md", "Verdicts")) == [str(outcome) for outcome in Outcome]


def test_the_thresholds_of_the_verdicts_are_documented():
    text = " ".join(section("docs/ecmp-check.md", "Verdicts").split())
    assert f"at least {ALL_ON_ONE_KEYS} keys" in text
    assert f"below {KEYS_PER_HOP} expected keys" in text
    assert f"more than {EFFECT:.0%} off" in text
    assert ALPHA == 1e-6
    assert text.count("p < 10⁻⁶") == 2


def test_every_rule_is_documented_in_the_order_of_the_output():
    names = [rule.__name__.replace("_", "-") for rule in rules.RULES]
    assert first_cells(section("docs/ecmp-check.md", "Rules")) == names


def test_the_json_example_has_the_keys_of_the_contract():
    text = (ROOT / "docs/ecmp-check.md").read_text(encoding="utf-8")
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found
    example = json.loads(found[1])
    (router,) = example["routers"]
    assert set(example) == {field.name for field in dataclasses.fields(Verdict)}
    assert list(router) == [field.name for field in dataclasses.fields(RouterVerdict)]
    assert list(router["next_hops"][0]) == [field.name for field in dataclasses.fields(NextHopShare)]
    last_row = section("docs/ecmp-check.md", "The JSON").splitlines()[-1]
    assert re.findall(r"`(\w+)`", last_row)[1:] == [field.name for field in dataclasses.fields(Finding)]
    assert {severity.value for severity in Severity} == {"info", "warning", "error"}


def commands_named(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command, its options) of every `netlab COMMAND ...` in code: in backquotes, or on an indented line."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^ {4}(.+)$", text, re.MULTILINE)
    for span in spans:
        for command, rest in re.findall(r"(?<![\w/.-])netlab ([a-z][a-z-]*)([^#']*)", span):
            yield (
                command,
                re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest.partition(" -- ")[0].partition(" | ")[0].replace("[", " ")),
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_exists(page):
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for command, options in commands_named(page.read_text(encoding="utf-8")):
        assert command in known, f"netlab {command}"
        opts = {opt for parameter in known[command].params for opt in parameter.opts}
        assert set(options) <= opts | {"--help"}, f"netlab {command} {options}"


def test_every_command_is_in_a_page():
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert {command for command, _ in commands_named(text)} >= set(known)


def test_the_reference_of_commands_has_each_command_with_exactly_its_options():
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    text = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## `netlab (\S+)`$", text, re.MULTILINE)) == sorted(known)
    for name, command in known.items():
        part = section("docs/commands.md", f"`netlab {name}`")
        flags = [parameter.opts + parameter.secondary_opts for parameter in command.params]
        options = {flag for names in flags for flag in names if flag.startswith("-")}
        documented = {word.split()[0] for word in first_cells(part)}
        assert documented == options, name
        assert f"    netlab {name}" in part, f"{name} has no example"


def test_every_command_explains_itself_to_a_newcomer():
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{name} {parameter.name}"


def test_every_link_between_pages_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_topology_that_the_readme_names_is_there_and_every_one_there_is_named():
    named = set(re.findall(r"topologies/[\w.-]+\.yaml", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named == {f"topologies/{path.name}" for path in (ROOT / "topologies").glob("*.yaml")}
