"""The tables of the pages and the shipped schema are what scripts/reference.py makes of the models."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from pydantic import BaseModel

from netlab import kinds
from netlab.kinds.common import OptionModel
from netlab.kinds.schema import document
from netlab.topology.keys import Keys

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_and_the_shipped_schema_are_what_the_models_say(reference: ModuleType) -> None:
    for file in reference.PAGES:
        page = file.read_text(encoding="utf-8")
        assert page == reference.page(page, file), "run python scripts/reference.py"
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.document(), "run python scripts/reference.py"


def leaves(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The models derived from this one that no other is derived from: a base's keys stand in the tables of those."""
    children = model.__subclasses__()
    return {leaf for child in children for leaf in leaves(child)} if children else {model}


def all_of(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The models derived from this one."""
    return {found for child in model.__subclasses__() for found in (child, *all_of(child))}


def test_every_model_of_keys_has_its_table_and_every_key_its_description(reference: ModuleType) -> None:
    for name in kinds.names():
        kinds.load(name)
    own = [model for model in leaves(OptionModel) if model.__module__.startswith("netlab.")]
    with_keys = {model for model in (*own, *all_of(Keys)) if "__annotations__" in vars(model) and model.model_fields}
    assert with_keys == set(reference.models())
    for model in with_keys:
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name} has no Field(description=...)"


def test_a_change_of_a_description_changes_the_page(reference: ModuleType) -> None:
    page = "# Keys\n<!-- keys of netlab.topology.schema:ExpectKeys -->\nold\n<!-- end -->\n"
    row, _ = [line for line in reference.page(page, ROOT / "docs/x.md").splitlines() if line.startswith("| `")]
    assert row == (
        "| `ipv4` | `ecmp`, `single-path`, `per-packet`, `any` | with the flows to VIPs of IPv4; default `any` |"
    )


def test_the_command_prints_the_schema() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netlab", "schema"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == document()
    assert done.stderr == ""
