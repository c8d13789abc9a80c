"""What netlab imports is what its package asks for, and what the lock file pins."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {normalized(re.split(r"[^A-Za-z0-9._-]", asked)[0]) for asked in project["dependencies"]}


def imported() -> Iterator[tuple[str, Path]]:
    """The first part of every module's name that is imported, in functions too, and by which file."""
    for file in sorted((ROOT / "netlab").rglob("*.py")):
        for part in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(part, ast.Import):
                names = [alias.name for alias in part.names]
            elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
                names = [part.module]
            else:
                continue
            yield from ((name.split(".")[0], file.relative_to(ROOT)) for name in names)


def test_every_import_is_declared() -> None:
    known = packages_distributions()
    asked = declared()
    stranger = {
        (name, str(file))
        for name, file in imported()
        if name not in sys.stdlib_module_names
        and name != "netlab"
        and asked.isdisjoint(normalized(package) for package in known.get(name, ()))
    }
    # It is pytest that loads the plugin.
    assert stranger == {("pytest", "netlab/pytest_plugin.py")}


def test_everything_declared_is_imported_and_pinned() -> None:
    known = packages_distributions()
    used = {normalized(package) for name, _ in imported() for package in known.get(name, ())}
    pinned = {
        normalized(line.split("==")[0])
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert declared() - used == set()
    assert declared() - pinned == set()
