"""A file from somewhere else says what it will do before it does it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab import api
from netlab.model.errors import HostError
from netlab.model.plan import LabPlan
from netlab.plan.host_access import deeds_from_outside

LAB = """\
name: foreign
topology:
  nodes:
    h1:
      kind: linux
      cmd: sh -c 'sleep 1; id'
      exec: [touch /data/x]
      binds: [".:/data", "lab.yaml:/etc/lab:ro"]
    k8s: {kind: k8s, workers: 2, exec: [hostname], binds: [".:/mnt"]}
    net: {kind: bridge}
  links:
    - {endpoints: [k8s, net], ipv4: auto}
    - {endpoints: [h1, net], ipv4: auto}
"""


def test_of_a_file_below_the_working_directory_nothing_is_told(
    plan_text: Callable[..., LabPlan], tmp_path: Path
) -> None:
    plan = plan_text(LAB)
    assert deeds_from_outside(plan, tmp_path) == ()
    assert deeds_from_outside(plan, tmp_path.parent) == ()


def test_commands_and_paths_of_the_host_are_told_once_each(plan_text: Callable[..., LabPlan], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    expected = (
        f"{tmp_path}/lab.yaml is not in this folder or below; what it makes the lab do:",
        "h1 runs from the start on: sh -c 'sleep 1; id'",
        "h1 runs once it is ready: touch /data/x",
        f"h1 can write to {tmp_path} of this host, as /data",
        f"h1 reads {tmp_path}/lab.yaml of this host, as /etc/lab",
        "k8s runs once it is ready: hostname",
        f"k8s can write to {tmp_path} of this host, as /mnt",
    )
    plan = plan_text(LAB)
    assert deeds_from_outside(plan, elsewhere) == expected
    assert deeds_from_outside(plan, None) == expected


def test_a_root_file_system_is_told(plan_text: Callable[..., LabPlan], tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    plan = plan_text("name: x\ntopology: {nodes: {h1: {kind: linux, rootfs: debian}}}\n")
    assert deeds_from_outside(plan, None)[1:] == (f"h1 runs the programs of {tmp_path}/debian",)


def test_a_link_in_the_working_directory_to_a_file_elsewhere_is_from_elsewhere(
    plan_text: Callable[..., LabPlan], tmp_path: Path
) -> None:
    plan_text(LAB.replace(', "lab.yaml:/etc/lab:ro"', ""))
    here = tmp_path / "here"
    here.mkdir()
    (here / "lab.yaml").symlink_to(tmp_path / "lab.yaml")
    (first, *_) = deeds_from_outside(api.validate(here / "lab.yaml"), here)
    assert first.startswith(f"{tmp_path}/lab.yaml is not in this folder")


def test_a_file_that_runs_nothing_has_nothing_to_tell(plan_text: Callable[..., LabPlan]) -> None:
    assert deeds_from_outside(plan_text("name: quiet\ntopology: {nodes: {h1: {kind: linux}}}\n"), None) == ()


def test_deploy_tells_it_before_anything_is_built(
    plan_text: Callable[..., LabPlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_text(LAB)
    told = []

    class Progress:
        def step(self, text: str) -> None:
            told.append(f"step: {text}")

        def note(self, text: str) -> None:
            told.append(text)

    def stop(*_: object) -> None:
        raise HostError("built")

    monkeypatch.setattr("netlab.lab.deploy.deploy", stop)
    monkeypatch.chdir("/usr")
    with pytest.raises(HostError, match="built"):
        api.deploy(tmp_path / "lab.yaml", progress=Progress())
    assert len(told) == 7
    assert told[0].endswith("what it makes the lab do:")
    assert "h1 runs once it is ready: touch /data/x" in told


def test_what_a_container_gets_of_the_host_is_told(plan_text: Callable[..., LabPlan]) -> None:
    text = """
        name: greedy
        runtime: docker
        topology:
          nodes:
            h1: {kind: linux, privileged: true, devices: [/dev/sda], security-opts: [seccomp=unconfined]}
            h2: {kind: linux, mgmt: true, ports: ["80:80"], cap-add: [SYS_ADMIN]}
            theirs: {kind: ext-container}
        """
    assert deeds_from_outside(plan_text(text), None)[1:] == (
        "h1 runs in a privileged container, which can change this host",
        "h1 has the device /dev/sda of this host",
        "h1 has the security option seccomp=unconfined",
        "h2 has the capability SYS_ADMIN",
        "h2 has Docker's own network",
        "h2 publishes the port 80:80 on this host",
        "theirs is the existing container theirs",
    )
    assert deeds_from_outside(plan_text(text.replace("docker", "netns")), None) == ()
