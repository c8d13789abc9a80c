"""The examples of docs/testing-your-network.md, run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from netlab_program import TOPOLOGIES, Netlab

from netlab import api

pytestmark = [pytest.mark.same_for_every_user, pytest.mark.shares_nothing]

PAGE = Path(__file__).resolve().parents[2] / "docs/testing-your-network.md"


def block(name: str) -> str:
    """The file of that name, as the page has it: a block that begins with its name in a comment."""
    (text,) = re.findall(rf"```\w+\n(# {re.escape(name)}\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the page's test file and its topology."""
    (tmp_path / "test_network.py").write_text(block("test_network.py"))
    (tmp_path / "network.yaml").write_bytes((TOPOLOGIES / "ecmp.yaml").read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run_tests(netlab: Netlab, folder: Path) -> str | None:
    """pytest in the folder; how many tests it ran."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "netlab.pytest_plugin", "--strict-markers", "--junitxml=report.xml"],
        cwd=folder,
        env=netlab.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (suite,) = ElementTree.parse(folder / "report.xml").getroot()
    assert suite.get("skipped") == "0"
    return suite.get("tests")


@pytest.mark.cluster
def test_the_test_file_passes(project: Path, netlab: Netlab) -> None:
    assert run_tests(netlab, project) == "5"
    assert api.judge(project / "evidence.json").matches


@pytest.mark.netns
def test_servers_that_announce_a_vip_themselves(tmp_path: Path, netlab: Netlab) -> None:
    for name in ("anycast.yaml", "test_anycast.py"):
        (tmp_path / name).write_text(block(name))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert run_tests(netlab, tmp_path) == "3"


@pytest.mark.cluster
def test_the_commands_give_a_report_and_evidence(project: Path, netlab: Netlab) -> None:
    assert netlab("deploy", project / "network.yaml").returncode == 0
    evidence = project / "evidence.json"
    done = netlab("ecmp-check", "--format", "junit", "--evidence", evidence)
    assert done.returncode == 0, done
    (case,) = ElementTree.fromstring(done.stdout).iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("netlab.ecmp", "rt-1 172.16.7.192:80")
    judged = netlab("judge", evidence, "--expect", "single-path", "--format", "junit")
    assert judged.returncode == 1, judged
    (failure,) = ElementTree.fromstring(judged.stdout).iter("failure")
    assert str(failure.get("message")).startswith("ecmp, expected single-path: ")
