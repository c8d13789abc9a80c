"""The pytest plugin as a user's pytest runs it, with labs that only say that they were made and destroyed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pytest that a test runs is no worker of the one that runs the test."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


FAKE = """
    import pathlib, types
    import pytest
    from netlab import api
    from netlab.model.errors import Problem

    TOLD = pathlib.Path(__file__).with_name("told")

    def tell(text):
        with TOLD.open("a") as file:
            file.write(text + "\\n")

    class Lab:
        def __init__(self, name, *missing):
            self.name, self.alive, self.verdicts = name, True, []
            self.convergence = types.SimpleNamespace(missing=missing)
            self.directory = pathlib.Path("/state/netlab", name)

        def inspect(self):
            session = types.SimpleNamespace(neighbor="10.0.0.2", remote_asn=64513, state="Active")
            router = types.SimpleNamespace(name="rt-1", role="router", problem=None, sessions=[session])
            return types.SimpleNamespace(state="running", nodes=[router], vips=[])

        def logs(self, node, *, tail):
            return [("bgpd", "first"), ("bgpd", "no route to 10.0.0.2")]

        def destroy(self):
            self.alive = False
            tell(f"destroy {self.name}")

    def deploy(file, *, name, timeout=60.0, must_converge=True):
        tell(f"deploy {pathlib.Path(file).name} as {name}, timeout {timeout:g}")
        if not file.exists():
            raise api.InputError(Problem(f"{file}: no such file"))
        if "host" in file.name:
            raise api.HostError("no user namespace", "run netlab with sudo")
        if "never" in file.name:
            assert not must_converge
            return Lab(name, "rt-1: neighbor 10.0.0.2 is Active")
        return Lab(name)

    api.deploy = deploy
    api.doctor = lambda: (
        types.SimpleNamespace(need="FRR", ok=False, needed=True, found="not installed", mend="apt-get install frr"),
        types.SimpleNamespace(need="memory", ok=True, needed=True, found="plenty", mend=""),
    )
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs pytest on a test file; topologies are there by name. Gives the outcome and what was deployed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeconftest(FAKE)
    for name in ("a.yaml", "b.yaml", "host.yaml", "never.yaml", "My_Lab.v2.yaml"):
        (pytester.path / name).touch()

    def start(text, *options):
        pytester.makepyfile(text)
        result = pytester.runpytest_subprocess("-p", "netlab.pytest_plugin", "--strict-markers", *options)
        told = pytester.path / "told"
        lines = told.read_text().splitlines() if told.exists() else []
        told.unlink(missing_ok=True)
        return result, lines

    return start


def test_a_lab_lives_as_long_as_its_scope(run):
    result, told = run("""
        import pytest
        from conftest import tell

        @pytest.mark.netlab("a.yaml", scope="module", timeout=7)
        class TestTogether:
            def test_one(self, lab):
                tell("one")

            def test_two(self, lab):
                tell("two")

        @pytest.mark.netlab("a.yaml")
        @pytest.mark.parametrize("n", [1, 2])
        def test_alone(lab, n):
            tell(f"alone {n}")

        @pytest.mark.netlab("a.yaml", scope="module", timeout=7)
        def test_three(lab):
            tell("three")

        @pytest.mark.netlab("b.yaml", scope="class")
        class TestClass:
            def test_one(self, lab): ...
            def test_two(self, lab): ...

        @pytest.mark.netlab("b.yaml", scope="session")
        def test_session(lab): ...

        def test_after(): tell("after")
    """)
    result.assert_outcomes(passed=9)
    assert told == [
        *("deploy a.yaml as a, timeout 7", "one", "two"),
        *("deploy a.yaml as a-2, timeout 60", "alone 1", "destroy a-2"),
        *("deploy a.yaml as a-3, timeout 60", "alone 2", "destroy a-3"),
        "three",
        *("deploy b.yaml as b, timeout 60", "destroy b"),
        *("deploy b.yaml as b-2, timeout 60", "after", "destroy a", "destroy b-2"),
    ]


def test_a_lab_that_a_test_destroyed_is_made_anew(run):
    result, told = run("""
        import pytest

        pytestmark = pytest.mark.netlab("a.yaml", scope="module")

        def test_one(lab): lab.destroy()
        def test_two(lab): assert lab.alive
    """)
    result.assert_outcomes(passed=2)
    assert told[:3] == ["deploy a.yaml as a, timeout 60", "destroy a", "deploy a.yaml as a-2, timeout 60"]


def test_labs_within_a_test(run):
    result, told = run("""
        def test_two_copies(deploy_lab):
            assert [deploy_lab("a.yaml").name, deploy_lab("a.yaml", timeout=1).name] == ["a", "a-2"]

        def test_a_strange_name(deploy_lab):
            assert deploy_lab("My_Lab.v2.yaml").name == "my-lab-v2"
    """)
    result.assert_outcomes(passed=2)
    assert told[2:4] == ["destroy a-2", "destroy a"]


def test_options_for_every_lab(run):
    result, told = run("""
        import pytest

        @pytest.fixture(scope="session")
        def netlab_options():
            return {"timeout": 9}

        @pytest.mark.netlab("a.yaml")
        def test_marked(lab, deploy_lab):
            deploy_lab("b.yaml")

        @pytest.mark.netlab("a.yaml", timeout=8)
        def test_own(lab): ...
    """)
    result.assert_outcomes(passed=2)
    assert [line for line in told if "deploy" in line] == [
        "deploy a.yaml as a, timeout 9",
        "deploy b.yaml as b, timeout 9",
        "deploy a.yaml as a-2, timeout 8",
    ]


def test_a_topology_is_found_beside_the_test_or_from_rootdir(run, pytester):
    folder = pytester.mkdir("tests")
    (folder / "beside.yaml").touch()
    (folder / "test_inner.py").write_text("""
import pytest
@pytest.mark.netlab("beside.yaml")
def test_beside(lab): ...
@pytest.mark.netlab("a.yaml")
def test_root(lab): ...
@pytest.mark.netlab("nowhere.yaml")
def test_nowhere(lab): ...
""")
    result, _ = run("", "tests")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["netlab: */nowhere.yaml: no such file"])


def test_a_host_that_cannot_is_an_error_in_the_doctors_words(run):
    text = """
        import pytest

        pytestmark = pytest.mark.netlab("host.yaml", scope="module")

        def test_one(lab): ...
        def test_two(lab): ...
    """
    result, told = run(text)
    result.assert_outcomes(errors=2)
    assert told == ["deploy host.yaml as host, timeout 60"]  # once for the module
    result.stdout.fnmatch_lines(
        [
            "netlab: no user namespace (to mend it: run netlab with sudo)",
            "netlab doctor: FRR: not installed (to mend it: apt-get install frr)",
        ]
    )
    assert "memory" not in result.stdout.str()
    assert "Traceback" not in result.stdout.str()

    skipped, _ = run(text, "--netlab-missing=skip", "-rs")
    skipped.assert_outcomes(skipped=2)
    skipped.stdout.fnmatch_lines(["*no user namespace*"])
    run(text, "-o", "netlab_missing=skip")[0].assert_outcomes(skipped=2)
    run(text, "-o", "netlab_missing=skip", "--netlab-missing=fail")[0].assert_outcomes(errors=2)


def test_only_what_the_host_lacks_is_ever_skipped(run):
    text = """
        import pytest

        @pytest.mark.netlab("never.yaml")
        def test_one(lab): ...

        @pytest.mark.netlab("never.yaml", must_converge=False)
        def test_two(lab): assert lab.convergence.missing
    """
    result, told = run(text, "--netlab-missing=skip")
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "netlab: lab never has not converged: rt-1: neighbor 10.0.0.2 is Active",
            "rt-1: BGP neighbor 10.0.0.2, AS 64513: Active",
            "rt-1 bgpd: no route to 10.0.0.2",
        ]
    )
    assert [line for line in told if "destroy" in line] == ["destroy never", "destroy never-2"]


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("", "the fixture `lab` needs @pytest.mark.netlab(TOPOLOGY)"),
        ("@pytest.mark.netlab()", "@pytest.mark.netlab takes one topology file"),
        ("@pytest.mark.netlab(5)", "@pytest.mark.netlab takes one topology file"),
        (
            "@pytest.mark.netlab('a.yaml', scope='week')",
            "@pytest.mark.netlab: scope 'week': there is function, class, *",
        ),
        ("@pytest.mark.netlab('a.yaml', colour=1)", "@pytest.mark.netlab: no option colour: there is must_converge, *"),
        ("@pytest.mark.netlab('a.yaml', name='x')", "@pytest.mark.netlab: no option name: there is must_converge, *"),
    ],
)
def test_wrong_markers(run, marker, message):
    result, told = run(f"import pytest\n{marker}\ndef test_one(lab): ...")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    assert told == []


def test_a_failed_test_tells_of_its_lab_and_a_passed_one_nothing(run):
    result, _ = run("""
        import pytest

        pytestmark = pytest.mark.netlab("a.yaml", scope="module")

        def test_passes(lab): ...
        def test_fails(lab): assert not lab.alive
    """)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*netlab: lab a*",
            "rt-1: BGP neighbor 10.0.0.2, AS 64513: Active",
            "rt-1 bgpd: no route to 10.0.0.2",
            "while it runs (pytest --pdb): XDG_STATE_HOME=/state netlab inspect --lab a",
        ]
    )
    assert result.stdout.str().count("BGP neighbor") == 1


def test_labs_have_a_private_folder_and_the_users_is_put_back(run, monkeypatch):
    monkeypatch.setenv("NETLAB_LAB", "mine")
    result, _ = run("""
        import os
        import pytest

        BEFORE = os.environ.get("XDG_STATE_HOME")

        @pytest.fixture(scope="session", autouse=True)
        def check():
            yield
            assert os.environ.get("XDG_STATE_HOME") == BEFORE
            assert os.environ["NETLAB_LAB"] == "mine"

        def test_one(netlab_state):
            assert os.environ["XDG_STATE_HOME"] == str(netlab_state)
            assert netlab_state.stat().st_mode & 0o077 == 0
            assert "NETLAB_LAB" not in os.environ
    """)
    result.assert_outcomes(passed=1)


def test_it_costs_nothing_where_no_test_asks_for_a_lab(run):
    result, _ = run("""
        import sys

        # conftest.py imports netlab.api, which is light.
        def test_one():
            heavy = ("netlab.lab.deploy", "netlab.ecmp", "pydantic", "rich.console", "pyroute2", "scipy")
            assert not [name for name in heavy if name in sys.modules]
    """)
    result.assert_outcomes(passed=1)
    script = "import sys, pytest; was = set(sys.modules); import netlab.pytest_plugin; print(*set(sys.modules) - was)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert set(done.stdout.split()) == {"netlab", "netlab.pytest_plugin"}


def test_pytest_lists_the_marker_the_fixtures_and_the_option(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    plugin = ("-p", "netlab.pytest_plugin")
    pytester.runpytest_subprocess(*plugin, "--markers").stdout.fnmatch_lines(["@pytest.mark.netlab(topology, *"])
    pytester.runpytest_subprocess(*plugin, "--fixtures").stdout.fnmatch_lines(["lab -- *", "deploy_lab -- *"])
    pytester.runpytest_subprocess(*plugin, "--help").stdout.fnmatch_lines(["*--netlab-missing={fail,skip}*"])
