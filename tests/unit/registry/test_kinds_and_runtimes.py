"""Kinds and runtimes are found by name, netlab's own and other packages'; nobody else spells their names."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from tomllib import loads
from typing import Any

import pytest

from netlab import kinds
from netlab.daemons import DAEMONS
from netlab.kinds import KINDS
from netlab.kinds.base import Kind
from netlab.model.errors import HostError, InputError
from netlab.model.runtime import RuntimeEntry, Traits
from netlab.registry import Registry
from netlab.registry.runtimes import RUNTIMES, traits, with_traits

ROOT = Path(__file__).parents[3]
RUNS_THEM = ("registry/runtimes.py", "runtime/netns/", "runtime/docker/")
DOCKERS_OWN = ("cluster/",)
"""kind, the program, has a provider `docker` and runs the command `docker`."""
CONTAINERLABS_KEYS = ("topology/containerlab.py",)
"""What the keys of containers mean is told in the words of Docker, which has them first."""


@pytest.mark.parametrize("registry", [KINDS, RUNTIMES, DAEMONS], ids=lambda registry: str(registry.group))
def test_the_table_and_the_entry_points_agree(registry: Registry[Any]) -> None:
    project = loads((ROOT / "pyproject.toml").read_text())
    points = project["project"]["entry-points"][registry.group]
    assert set(points) <= set(registry.names())
    for name, value in points.items():
        assert EntryPoint(name, value, registry.group).load() is registry.load(name)


def test_k8s_kind_is_k8s() -> None:
    assert kinds.load("k8s-kind") is kinds.load("k8s")


def test_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        kinds.load("no-such-kind")
    with pytest.raises(InputError, match=r"^runtime podman: no such runtime"):
        traits("podman")


BESIDE = RuntimeEntry(
    Traits("beside", images=False, clusters="emulated", comes_back=True, one_kernel=False, capacity=7), "no.such.module"
)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[RuntimeEntry]]:
    """A registry of runtimes beside which a package brings its own."""
    points = (
        EntryPoint("beside", f"{__name__}:BESIDE", "netlab.runtimes"),
        EntryPoint("wrong", "netlab.kinds.linux:KIND", "netlab.runtimes"),
        EntryPoint("broken", "no.such.module:RUNTIME", "netlab.runtimes"),
        EntryPoint("netns", "no.such.module:RUNTIME", "netlab.runtimes"),
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)
    yield Registry("netlab.runtimes", "runtime", RuntimeEntry, {"netns": "netlab.runtime.netns.entry:RUNTIME"})


def test_another_packages_is_found_and_a_broken_one_is_in_nobodys_way(brought: Registry[RuntimeEntry]) -> None:
    assert brought.names() == ("netns", "beside", "wrong", "broken")
    assert brought.load("beside").traits.capacity == 7
    assert brought.usable() == ("netns", "beside")
    assert [brought.get(name) for name in ("beside", "wrong", "broken", "none")] == [BESIDE, None, None, None]
    with pytest.raises(HostError, match=r"runtime wrong of the package .* is a Kind, no netlab\.model\.runtime"):
        brought.load("wrong")
    with pytest.raises(HostError, match=r"runtime broken of the package .* cannot be loaded: ModuleNotFoundError"):
        brought.load("broken")


def test_a_name_of_netlabs_own_is_never_anothers(brought: Registry[RuntimeEntry]) -> None:
    assert brought.load("netns") is RUNTIMES.load("netns")


def test_another_packages_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("other", "netlab.kinds.linux:KIND", KINDS.group)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: (point,))
    made = Registry(KINDS.group, "kind", Kind, {})
    assert (made.names(), isinstance(made.load("other"), Kind)) == (("other",), True)


def test_a_runtime_is_chosen_by_what_it_is() -> None:
    assert with_traits(lambda one: one.clusters == "emulated") == RUNTIMES.own[0]
    assert with_traits(lambda one: one.capacity > 10**9) == ""


def test_nobody_but_the_registry_spells_a_runtimes_name() -> None:
    word = re.compile(rf"\b({'|'.join(RUNTIMES.own)})\b")
    spelled = []
    for file in sorted((ROOT / "netlab").rglob("*.py")):
        place = file.relative_to(ROOT / "netlab").as_posix()
        if not place.startswith((*RUNS_THEM, *DOCKERS_OWN, *CONTAINERLABS_KEYS)):
            spelled += [f"{place}:{line}: {text}" for line, text in _texts(file) if word.search(text)]
    # The key `mgmt` gives a node the network of Docker, whatever runs the lab.
    assert [one for one in spelled if "gives a node docker's" not in one] == []


def test_the_rules_leave_the_words_of_daemons_and_kinds_to_them() -> None:
    word = re.compile(r"frr|bird|zebra|vtysh|bgpd|quagga|vyos", re.IGNORECASE)
    files = sorted((ROOT / "netlab" / "ecmp").rglob("*.py"))
    spelled = [f"{file.name}:{line}: {text}" for file in files for line, text in _texts(file) if word.search(text)]
    # The name of a rule is the users'.
    assert [one.split(": ")[1] for one in spelled] == ["zebra-multipath-limit"]


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    """The text constants of a module, but for its docstrings, which nothing reads."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    bodies = [node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list)]
    docstrings = {id(one.value) for body in bodies for one in body if isinstance(one, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
