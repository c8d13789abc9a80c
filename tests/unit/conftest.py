from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

from netlab.model.errors import InputError
from netlab.model.plan import LabPlan
from netlab.plan import plan_file

# How long an example takes is the machine's matter: others may use it.
settings.register_profile("netlab", deadline=None)
settings.load_profile("netlab")


@pytest.fixture
def plan_text(tmp_path: Path) -> Callable[..., LabPlan]:
    """The plan of a topology written in the test. Other files of its folder are keyword arguments: `rt_conf=...`."""

    def make(text: str, **files: str) -> LabPlan:
        for name, content in files.items():
            (tmp_path / name).write_text(dedent(content))
        (tmp_path / "lab.yaml").write_text(dedent(text))
        return plan_file(tmp_path / "lab.yaml")

    return make


@pytest.fixture
def problems_of(plan_text: Callable[..., LabPlan], tmp_path: Path) -> Callable[..., list[str]]:
    """What the user reads of a wrong topology, each line from the file's name on."""

    def make(text: str, **files: str) -> list[str]:
        with pytest.raises(InputError) as refused:
            plan_text(text, **files)
        return [line.replace(f"{tmp_path}/", "") for line in refused.value.lines()]

    return make
