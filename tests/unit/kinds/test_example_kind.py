"""docs/example-kind, found by its entry point as an installed package is; and packages whose kind is broken."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "docs" / "example-kind"
Run = Callable[..., subprocess.CompletedProcess[str]]


def install(site: Path, package: str, points: dict[str, str], **modules: str) -> None:
    """Put a package where an installer would: its modules and its metadata."""
    metadata = site / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in points.items())
    (metadata / "entry_points.txt").write_text(f"[netlab.kinds]\n{lines}")
    for name, text in modules.items():
        (site / f"{name}.py").write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages that holds the example."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["netlab.kinds"]
    install(tmp_path / "site", project["name"], points, netlab_nat=(EXAMPLE / "netlab_nat.py").read_text())
    return tmp_path / "site"


@pytest.fixture
def netlab(site: Path) -> Run:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "netlab", *(str(argument) for argument in arguments)],
            env={"PYTHONPATH": f"{ROOT}:{site}", "PATH": "/usr/bin:/bin", "HOME": str(site)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_topology_with_the_example_validates(netlab: Run) -> None:
    done = netlab("validate", EXAMPLE / "nat.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 nodes, 2 links, no problems" in done.stdout


def test_its_problems_have_their_places(netlab: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    for wrong, message in (
        ("outside: eth9", 'wrong.yaml:6:33: nat-1 has no interface eth9 (did you mean "eth2"?)'),
        ("outsde: eth2", 'unknown key "outsde" in a node of kind nat (did you mean "outside"?)'),
    ):
        file.write_text((EXAMPLE / "nat.yaml").read_text().replace("outside: eth2", wrong))
        done = netlab("validate", file)
        assert done.returncode == 2
        assert message in done.stderr


def test_the_schema_knows_it(netlab: Run) -> None:
    schema = json.loads(netlab("schema").stdout)
    assert "outside" in schema["$defs"]["kind-nat"]["properties"]


def test_the_page_shows_what_is_there() -> None:
    """Every code block of a file's own language is a part of one of the example's files."""
    page = (ROOT / "docs/kinds.md").read_text().partition("\n## A daemon of your own\n")[0]
    blocks = re.findall(r"^( *)```(\w+)\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    files = {"python": "netlab_nat.py", "toml": "pyproject.toml", "yaml": "nat.yaml"}
    assert [language for _, language, _ in blocks] == ["yaml", "python", "python", "python", "toml"]
    for _, language, text in blocks:
        code = dedent(text)
        whole = (EXAMPLE / files[language]).read_text()
        assert code in whole or indent(code, "    ") in whole


# By the kind's name: where its entry point leads, the module's text, and what netlab says.
BROKEN = {
    "missing": ("netlab_missing:KIND", None, "cannot be loaded: ModuleNotFoundError: No module named"),
    "syntax": ("netlab_syntax:KIND", "KIND = (", "cannot be loaded: SyntaxError: "),
    "raises": ("netlab_raises:KIND", "raise OSError('two\\nlines')", "cannot be loaded: OSError: two lines"),
    "leaves": ("netlab_leaves:KIND", "raise SystemExit(0)", "cannot be loaded: SystemExit: 0"),
    "nothing": ("netlab_nothing:KIND", "", "cannot be loaded: AttributeError: "),
    "wrong": ("netlab_wrong:KIND", "KIND = 'nat'", "is a str, no netlab.kinds.base.Kind"),
}


@pytest.fixture
def broken(site: Path) -> None:
    """Every broken package beside the example."""
    for name, (points, text, _) in BROKEN.items():
        modules = {f"netlab_{name}": text} if text is not None else {}
        install(site, f"netlab-{name}", {name: points}, **modules)


@pytest.mark.usefixtures("broken")
def test_broken_kinds_stand_in_no_others_way(netlab: Run) -> None:
    assert netlab("validate", EXAMPLE / "nat.yaml").returncode == 0
    done = netlab("schema")
    assert done.returncode == 0
    kinds = {name for name in json.loads(done.stdout)["$defs"] if name.startswith("kind-")}
    assert {"kind-nat", "kind-frr", "kind-bird"} <= kinds
    assert not kinds & {f"kind-{name}" for name in BROKEN}


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_kind_is_one_line(netlab: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(f"name: x\ntopology: {{nodes: {{a: {{kind: {name}}}}}}}\n")
    done = netlab("validate", file)
    assert done.returncode == 3, done
    assert done.stderr.startswith(f"netlab: kind {name} of the package netlab-{name} {BROKEN[name][2]}")
    assert done.stderr.endswith(" (to mend it: mend or uninstall that package)\n")
    assert done.stderr.count("\n") == 1


def test_two_packages_with_one_name(netlab: Run, site: Path) -> None:
    install(site, "netlab-other-nat", {"nat": "netlab_nat:KIND"})
    done = netlab("validate", EXAMPLE / "nat.yaml")
    assert done.returncode == 3
    assert "several packages bring a kind nat: netlab-nat, netlab-other-nat" in done.stderr


def test_netlabs_own_names_are_not_anothers(netlab: Run, site: Path) -> None:
    install(site, "netlab-evil", {"frr": "netlab_evil:KIND"}, netlab_evil="raise SystemExit(9)")
    assert netlab("validate", ROOT / "topologies" / "ecmp.yaml").returncode == 0
