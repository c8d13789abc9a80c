"""pytest plugin: a running lab for a test. docs/testing-your-network.md shows it in use.

    @pytest.mark.netlab("topologies/ecmp.yaml", scope="module")
    def test_flows_spread(lab):
        lab.ecmp_check().assert_expected()

pytest loads it wherever netlab is installed, so it imports nothing of netlab before a test asks for a lab.
"""

from __future__ import annotations

import inspect
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from netlab.api import Lab, NetlabError

_SCOPES = ("function", "class", "module", "package", "session")
_NOT_OPTIONS = {"file", "name", "detach"}
_MARKER = (
    "netlab(topology, *, scope='function', **options): the lab of the fixture `lab`: a topology file, relative to the "
    "test's folder or to rootdir; how long it lives (function, class, module, package, session); options of "
    "netlab.api.deploy, such as timeout"
)
_LOG_LINES = 3

_CACHE = pytest.StashKey[dict[str, Any]]()
"""On the node whose end is a lab's end: what was asked for, to the Lab or to the NetlabError that there was instead."""
_USED = pytest.StashKey[list[tuple[Any, int]]]()
"""On a test: the labs that it was given, and how many verdicts each had by then."""
_NAMES = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two spellings of one choice."""
    text = "What becomes of a test whose lab this host cannot run: fail (the default) or skip"
    parser.getgroup("netlab").addoption("--netlab-missing", choices=("fail", "skip"), help=text)
    parser.addini("netlab_missing", text, default="fail")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def netlab_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The private folder of this session's labs, which `netlab` and netlab.api use from here on (XDG_STATE_HOME).

    For fixtures that deploy by themselves; `lab` and `deploy_lab` bring it.
    """
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("netlab")
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.delenv("NETLAB_LAB", raising=False)
        yield folder


@pytest.fixture(scope="session")
def netlab_options() -> dict[str, Any]:
    """Options of netlab.api.deploy for every lab of the session. To be overridden in a conftest.py; an option at the
    lab itself comes first."""
    return {}


@pytest.fixture
def lab(request: pytest.FixtureRequest, netlab_state: Path, netlab_options: dict[str, Any]) -> Lab:  # noqa: ARG001
    """The running lab that the test's marker `netlab` names: a netlab.api.Lab."""
    marker = request.node.get_closest_marker("netlab")
    if marker is None:
        pytest.fail("the fixture `lab` needs @pytest.mark.netlab(TOPOLOGY)", pytrace=False)
    file, scope, options = _asked_for(marker, request, netlab_options)
    node = _scope_node(request.node, scope)
    cache = node.stash.setdefault(_CACHE, {})
    key = repr((str(file), sorted(options.items())))
    if key not in cache or not getattr(cache[key], "alive", True):
        cache[key] = _deploy(request.config, file, options)
        if isinstance(cache[key], Exception):
            node.addfinalizer(lambda: cache.pop(key, None))
        else:
            node.addfinalizer(cache[key].destroy)
    return _given(request, cache[key])


@pytest.fixture
def deploy_lab(
    request: pytest.FixtureRequest,
    netlab_state: Path,  # noqa: ARG001
    netlab_options: dict[str, Any],
) -> Callable[..., Lab]:
    """Deploys a lab within a test, which ends with the test: `deploy_lab(file, **options of netlab.api.deploy)`."""

    def deploy(file: str | Path, **options: Any) -> Lab:
        made = _deploy(request.config, _find(file, request), netlab_options | options)
        if not isinstance(made, Exception):
            request.addfinalizer(made.destroy)
        return _given(request, made)

    return deploy


def _asked_for(
    marker: pytest.Mark, request: pytest.FixtureRequest, defaults: dict[str, Any]
) -> tuple[Path, str, dict[str, Any]]:
    """Topology file, scope and options of a marker. What is wrong with it fails the test."""
    from netlab import api

    options = dict(marker.kwargs)
    scope = options.pop("scope", "function")
    known = set(inspect.signature(api.deploy).parameters) - _NOT_OPTIONS
    if len(marker.args) != 1 or not isinstance(marker.args[0], str | Path):
        pytest.fail("@pytest.mark.netlab takes one topology file", pytrace=False)
    if scope not in _SCOPES:
        pytest.fail(f"@pytest.mark.netlab: scope {scope!r}: there is {', '.join(_SCOPES)}", pytrace=False)
    if unknown := sorted(set(options) - known):
        pytest.fail(f"@pytest.mark.netlab: no option {', '.join(unknown)}: there is {', '.join(sorted(known))}", False)
    return _find(marker.args[0], request), scope, defaults | options


def _find(file: str | Path, request: pytest.FixtureRequest) -> Path:
    """A path as a test writes it: from its own folder on, else from rootdir."""
    beside = request.path.parent / file
    return beside if beside.exists() else request.config.rootpath / file


def _scope_node(item: pytest.Item, scope: str) -> pytest.Item | pytest.Collector:
    kinds: dict[str, type[pytest.Collector]] = {
        "class": pytest.Class,
        "module": pytest.Module,
        "package": pytest.Package,
        "session": pytest.Session,
    }
    if scope == "function":
        return item
    # A function outside a class, and a module outside a package, end with what they are in.
    return item.getparent(kinds[scope]) or (item.parent if scope == "class" and item.parent else item.session)


def _deploy(config: pytest.Config, file: Path, options: dict[str, Any]) -> Lab | NetlabError:
    from netlab import api

    try:
        made = api.deploy(file, name=_name(config, file), **options | {"must_converge": False})
    except api.NetlabError as error:
        return error
    missing = made.convergence.missing if made.convergence else ()
    if not missing or not options.get("must_converge", True):
        return made
    late = api.ConvergenceError(made.name, missing)
    late.add_note(_account(made, 0))  # what a person would ask next, while there is somebody to ask
    made.destroy()
    return late


def _name(config: pytest.Config, file: Path) -> str:
    """A name of its own for every lab of every process: ecmp, ecmp-2, with pytest-xdist ecmp-gw0."""
    stem = re.sub("[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:40].strip("-") or "lab"
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    base = f"{stem}-{worker}" if worker else stem
    names = config.stash.setdefault(_NAMES, Counter())
    names[base] += 1
    return base if names[base] == 1 else f"{base}-{names[base]}"


def _given(request: pytest.FixtureRequest, deployed: Lab | NetlabError) -> Lab:
    if isinstance(deployed, Exception):
        _give_up(request.config, deployed)
    request.node.stash.setdefault(_USED, []).append((deployed, len(deployed.verdicts)))
    return deployed


def _give_up(config: pytest.Config, error: NetlabError) -> NoReturn:
    """No lab: say why in netlab's words. A host that cannot run it is a failure unless the user wants it skipped."""
    from netlab import api

    lines = [f"netlab: {line}" for line in error.lines()] + getattr(error, "__notes__", [])
    if isinstance(error, api.HostError):
        lacks = [need for need in api.doctor() if need.needed and not need.ok and need.need not in str(error)]
        lines += [f"netlab doctor: {lack.need}: {lack.found} (to mend it: {lack.mend})" for lack in lacks]
        if (config.getoption("--netlab-missing") or config.getini("netlab_missing")) == "skip":
            pytest.skip("\n".join(lines))
    pytest.fail("\n".join(lines), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test tells what was measured in its labs and what its routers say."""
    report = yield
    if report.failed and call.when == "call":
        for used, before in item.stash.get(_USED, ()):
            report.sections.append((f"netlab: lab {used.name}", _account(used, before)))
    return report


def _account(lab: Lab, before: int) -> str:
    """What a person would look at first: the verdicts, the sessions, the routers' logs."""
    from netlab import api
    from netlab.report.terminal import verdict_text

    parts = [verdict_text(verdict) for verdict in lab.verdicts[before:]]
    try:
        parts += _routers(lab)
        here = f"XDG_STATE_HOME={lab.directory.parent.parent}"
        parts.append(f"while it runs (pytest --pdb): {here} netlab inspect --lab {lab.name}")
    except api.NetlabError as error:
        parts.append(str(error))
    return "\n".join(parts)


def _routers(lab: Lab) -> list[str]:
    report = lab.inspect()
    lines = [f"lab {lab.name}: {report.state}"]
    for node in report.nodes:
        lines += [node.problem] if node.problem else []
        lines += [f"{node.name}: BGP neighbor {s.neighbor}, AS {s.remote_asn}: {s.state}" for s in node.sessions]
    lines += [f"{v.router}: VIP {v.vip}:{v.port} -> {', '.join(v.next_hops) or 'no route'}" for v in report.vips]
    for node in report.nodes:
        if node.role == "router":
            lines += [f"{node.name} {process}: {line}" for process, line in lab.logs(node.name, tail=_LOG_LINES)]
    return lines
