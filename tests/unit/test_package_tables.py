"""The docstring of each package's `__init__` has a line for each file and each package in its folder."""

import ast
import re
from pathlib import Path

import pytest

from netlab.ecmp.rules import RULES

NETLAB = Path(__file__).resolve().parents[2] / "netlab"
PACKAGES = sorted(str(file.parent.relative_to(NETLAB)) for file in NETLAB.glob("*/**/__init__.py"))

ROW = re.compile(r"^ *(\w+(?:\.\w+|/)) {2,}\S", re.MULTILINE)
"""A name of a file or, with a slash, of a folder, and what it holds."""


def rows(package: str) -> list[str]:
    """The names in the table of a package's `__init__`, as often as they stand there."""
    text = ast.get_docstring(ast.parse((NETLAB / package / "__init__.py").read_text(encoding="utf-8")), clean=False)
    return ROW.findall(text or "")


def contents(package: str) -> set[str]:
    """The names of the files and folders of a package, but for its `__init__` and what Python has left there."""
    found = set()
    for entry in (NETLAB / package).iterdir():
        if entry.is_file():
            found.add(entry.name)
        elif any(file.is_file() and file.suffix != ".pyc" for file in entry.rglob("*")):
            found.add(f"{entry.name}/")
    return found - {"__init__.py"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_of_a_package_names_what_is_in_its_folder_and_nothing_else(package: str) -> None:
    named = rows(package)
    # That a rule's file is named after it is all that the table could say of it.
    untold = {f"{rule.__name__}.py" for rule in RULES} if package == "ecmp/rules" else set()
    assert len(named) == len(set(named))
    assert contents(package) - set(named) == untold, "a file without a line in the docstring of __init__.py"
    assert set(named) - contents(package) <= {"__init__.py"}, "a line about a file that is not there"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_lines_of_a_table_are_aligned(package: str) -> None:
    text = (NETLAB / package / "__init__.py").read_text(encoding="utf-8")
    assert len({len(match[0]) for match in ROW.finditer(text)}) <= 1
