"""docs/api.md is what netlab.api says of itself, and the pages about CI hold valid YAML."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from netlab import api

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("api_reference", ROOT / "scripts/api_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_library_says(reference):
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    assert page == reference.page(page), "run python scripts/api_reference.py"


def test_the_reference_has_every_name_and_every_method(reference):
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for name in api.__all__:
        assert re.search(rf"^(def|class) {name}\b|^\| `{name}`", page, re.MULTILINE), name
    for name in vars(api.Lab):
        assert name.startswith("_") or re.search(rf"^    (def )?{name}\b", page, re.MULTILINE), name


def test_a_change_of_a_function_changes_the_page(reference, monkeypatch):
    def validate(file: str, *, strict: bool = False) -> int:
        """Something else."""

    monkeypatch.setattr(api, "validate", validate)
    page = reference.page("<!-- reference -->\n<!-- end -->\n")
    assert "def validate(file: <class 'str'>, *, strict: <class 'bool'> = False) -> <class 'int'>:" in page


def test_the_ci_jobs_are_yaml():
    _, _, jobs = (ROOT / "docs/testing-your-network.md").read_text(encoding="utf-8").partition("## In CI")
    github, gitlab = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", jobs, re.DOTALL))
    assert "sudo sysctl" in github["jobs"]["network"]["steps"][1]["run"]
    assert gitlab["network"]["artifacts"]["reports"]["junit"] == "report.xml"
