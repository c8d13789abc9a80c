"""A user's configurations are checked by the router's own program; here it is one that says what it is told."""

from pathlib import Path
from typing import NoReturn

import pytest

from netlab import api
from netlab.daemons.frr import running
from netlab.lab import deploy, startup_configs
from netlab.model.errors import HostError, TopologyError
from netlab.model.plan import LabPlan, NodePlan
from netlab.plan import plan_file
from netlab.runtime.netns import config_check
from netlab.runtime.netns.entry import RUNTIME

CONFIG = "hostname rt-1\nfoo\nrouter bgp 64512\n  neighbor 10.0.0.2 remote-az 64513\n"
SAID = """\
% Can't open configuration file /etc/frr/vtysh.conf due to 'Permission denied'.
line 2: % Unknown command[4]: foo
line 4: % Ambiguous command[25]:   neighbor 10.0.0.2 remote-az 64513
line 99: % Command incomplete
Configuration file[/etc/frr/frr.conf] processing failure: 2
"""


class Vtysh:
    """A runtime whose vtysh prints `said`, or cannot be run."""

    traits = RUNTIME.traits

    def __init__(self, said: str | None) -> None:
        self.said = said
        self.asked: list[tuple[str, tuple[str, ...], str]] = []

    def try_out(self, node: NodePlan, argv: tuple[str, ...], text: str) -> str:
        self.asked.append((node.name, argv, text))
        if self.said is None:
            raise HostError("this host has no /usr/bin/vtysh")
        return self.said


@pytest.fixture
def plan(tmp_path: Path) -> LabPlan:
    (tmp_path / "rt-1.conf").write_text(CONFIG)
    (tmp_path / "lab.yaml").write_text("""
name: lab
topology:
  nodes:
    rt-1: {kind: frr, startup-config: rt-1.conf}
    rt-2: {kind: frr, bgp: {asn: 1}}
""")
    return plan_file(tmp_path / "lab.yaml")


def test_every_refused_line_is_one_of_the_users_file(plan: LabPlan, tmp_path: Path) -> None:
    vtysh = Vtysh(SAID)
    with pytest.raises(TopologyError) as refused:
        startup_configs.check(plan, vtysh)  # type: ignore[arg-type]
    assert refused.value.lines() == (
        f"{tmp_path}/rt-1.conf:2:1: Unknown command: foo (this host's vtysh says so)",
        f"{tmp_path}/rt-1.conf:4:3: Ambiguous command: neighbor 10.0.0.2 remote-az 64513 (this host's vtysh says so)",
        f"{tmp_path}/rt-1.conf:99:1: Command incomplete (this host's vtysh says so)",
    )
    assert vtysh.asked == [("rt-1", ("/usr/bin/vtysh", "-C", "-f"), CONFIG)]


def test_a_good_file_and_netlabs_own_pass(plan: LabPlan) -> None:
    startup_configs.check(plan, Vtysh(""))  # type: ignore[arg-type]


def test_a_machine_without_frr_says_what_it_did_not_check(
    plan: LabPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup_configs, "by_name", lambda name: Vtysh(None))
    assert startup_configs.check_where_possible(plan) == (
        f"{tmp_path}/rt-1.conf: not checked line by line: this host has no /usr/bin/vtysh",
    )
    monkeypatch.setattr(startup_configs, "by_name", lambda name: Vtysh(SAID))
    with pytest.raises(TopologyError):
        startup_configs.check_where_possible(plan)


def test_a_program_of_the_host_reads_the_text() -> None:
    assert config_check.run(None, ("/bin/cat",), "a line\n\u00e9\n") == "a line\n\u00e9\n"
    with pytest.raises(HostError, match="this host has no /usr/bin/no-such-vtysh") as missing:
        config_check.run(None, ("/usr/bin/no-such-vtysh",), "", package="frr")
    assert missing.value.remedy == "sudo apt-get install frr"


def test_a_program_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_check, "_TIMEOUT", 0.1)
    with pytest.raises(HostError, match="did not end within"):
        config_check.run(None, ("/usr/bin/tail", "-F"), "")


def test_the_pattern_is_that_of_vtysh() -> None:
    assert running.startup_check("x").argv == ("/usr/bin/vtysh", "-C", "-f")


def test_a_deployment_checks_it_once(plan: LabPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(Vtysh):
        def build(self, plan: LabPlan, directory: Path) -> NoReturn:
            raise HostError("far enough")

    vtysh = Stopping("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for module in (startup_configs, deploy):
        monkeypatch.setattr(module, "by_name", lambda name: vtysh)
    with pytest.raises(HostError, match="far enough"):
        api.deploy(plan.topology_file)
    assert [node for node, _, _ in vtysh.asked] == ["rt-1"]
