from importlib.metadata import EntryPoint
from pathlib import Path
from tomllib import loads

import pytest

from netlab import kinds
from netlab.kinds.base import Kind


def test_the_table_and_the_entry_points_agree() -> None:
    project = loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["netlab.kinds"]
    assert set(points) <= set(kinds.names())
    for name, value in points.items():
        assert EntryPoint(name, value, kinds.GROUP).load() is kinds.load(name)


def test_k8s_kind_is_k8s() -> None:
    assert kinds.load("k8s-kind") is kinds.load("k8s")


def test_an_unknown_kind() -> None:
    with pytest.raises(KeyError):
        kinds.load("no-such-kind")


def test_another_packages_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "entry_points", lambda group: (EntryPoint("other", "netlab.kinds.linux:KIND", group),))
    kinds._foreign.cache_clear()
    kinds.load.cache_clear()
    try:
        assert "other" in kinds.names()
        assert isinstance(kinds.load("other"), Kind)
    finally:
        monkeypatch.undo()
        kinds._foreign.cache_clear()
        kinds.load.cache_clear()
