"""A linux node with FRR's image: what its bound files make of it."""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from netlab.daemons.frr.running import OPTIONAL_DAEMONS
from netlab.kinds.linux.frr_image import is_frr_image
from netlab.model.plan import ContainerPlan, LabPlan, NeighborPlan, Role

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

LAB = """
    name: lab
    {runtime}
    topology:
      nodes:
        r1:
          kind: linux
          image: quay.io/frrouting/frr:10.3.1
          binds: [{binds}]
        h1: {{kind: linux}}
      links:
        - endpoints: ["r1:eth1", "h1:eth1"]
"""
DAEMONS = """\
    # zebra=no has no effect
    bgpd=yes
    ospfd=yes   # a comment
    ripd=no
    unknownd=yes
    vtysh_enable=yes
    frr_profile="datacenter"
    bgpd_options="  -A 127.0.0.1 -M rpki"
    """
CONFIG = """\
    interface eth1
     ip address 10.0.0.1/24
    router bgp 65001
     neighbor 10.0.0.2 remote-as 65002
    """


def lab(*binds: str, runtime: str = "") -> str:
    return LAB.format(binds=", ".join(binds), runtime=f"runtime: {runtime}" if runtime else "")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("quay.io/frrouting/frr:10.3.1", True),
        ("frrouting/frr", True),
        ("frr", True),
        ("localhost:5000/my-frr:1", True),
        ("netlab/frr:13@sha256:00", True),
        ("quay.io/frrouting/frr-debian:x", True),
        ("alpine:3", False),
        ("registry/frr/alpine", False),
        ("localhost:5000/x:frr", False),
        (None, False),
    ],
)
def test_an_image_is_frrs_by_its_repository(image: str | None, expected: bool) -> None:
    assert is_frr_image(image) is expected


def test_it_is_a_router_with_the_daemons_of_its_file(plan_text: Plan, tmp_path: Path) -> None:
    text = lab("daemons:/etc/frr/daemons", "rt.conf:/etc/frr/frr.conf")
    plan = plan_text(text, daemons=DAEMONS, **{"rt.conf": CONFIG})
    router = plan.node("r1")
    assert (router.role, router.runs_as) == (Role.ROUTER, "FRR")
    assert router.routing is not None
    assert router.routing.daemons == ("zebra", "staticd", "bgpd", "ospfd")
    assert router.routing.asn == 65001
    assert router.routing.neighbors_asked
    assert router.routing.neighbors == (NeighborPlan(ip_address("10.0.0.2"), 65002),)
    assert [str(one) for one in router.interfaces[0].addresses] == ["10.0.0.1/24"]
    started = {process.name: process for process in router.processes}
    assert set(started) == {"mgmtd", "zebra", "staticd", "bgpd", "ospfd", "frr-config"}
    assert started["bgpd"].argv[-4:] == ("-F", "datacenter", "-M", "rpki")
    assert started["zebra"].argv[-2:] == ("-F", "datacenter")
    checks = started["frr-config"].checks
    assert checks is not None
    assert checks.name == f"{tmp_path}/rt.conf"
    assert router.startup_check is not None
    assert router.startup_check.text == (tmp_path / "rt.conf").read_text()


def test_netlab_writes_over_none_of_the_users_files(plan_text: Plan, tmp_path: Path) -> None:
    bound = lab("daemons:/etc/frr/daemons", "rt.conf:/etc/frr/frr.conf", "hosts:/etc/hosts")
    files = {"daemons": "", "rt.conf": "", "hosts": ""}
    assert [file.path for file in plan_text(bound, **files).node("r1").files] == ["/etc/frr/vtysh.conf"]

    (tmp_path / "frr").mkdir()
    (tmp_path / "frr/daemons").write_text("ospf6d=yes\n")
    folder = plan_text(lab("frr:/etc/frr")).node("r1")
    assert [file.path for file in folder.files] == ["/etc/hosts"]
    assert folder.routing is not None
    assert folder.routing.daemons == ("zebra", "staticd", "ospf6d")


def test_without_a_configuration_none_is_loaded(plan_text: Plan) -> None:
    router = plan_text(lab("daemons:/etc/frr/daemons"), daemons="bgpd=yes\n").node("r1")
    assert [process.name for process in router.processes] == ["mgmtd", "zebra", "staticd", "bgpd"]
    assert "/etc/frr/frr.conf" not in {file.path for file in router.files}


def test_without_a_file_of_daemons_those_run_that_the_configuration_needs(plan_text: Plan) -> None:
    router = plan_text(lab("rt.conf:/etc/frr/frr.conf"), **{"rt.conf": CONFIG}).node("r1")
    assert router.routing is not None
    assert router.routing.daemons == ("zebra", "staticd", "bgpd")


def test_each_daemons_own_file_counts_where_the_configuration_is_not_integrated(plan_text: Plan) -> None:
    binds = (f"{name}:/etc/frr/{name}" for name in ("vtysh.conf", "zebra.conf", "bgpd.conf", "frr.conf"))
    router = plan_text(
        lab(*binds),
        **{
            "vtysh.conf": "no service integrated-vtysh-config\n",
            "zebra.conf": "interface eth1\n ip address 10.0.0.9/24\n",
            "bgpd.conf": "router bgp 65009\n",
            "frr.conf": CONFIG,
        },
    ).node("r1")
    assert [str(one) for one in router.interfaces[0].addresses] == ["10.0.0.9/24"]
    assert router.routing is not None
    assert router.routing.asn == 65009
    assert not [process for process in router.processes if process.oneshot]


def test_its_own_image_starts_it_by_itself(plan_text: Plan) -> None:
    text = lab("daemons:/etc/frr/daemons", "rt.conf:/etc/frr/frr.conf", runtime="docker")
    router = plan_text(text, daemons=DAEMONS, **{"rt.conf": CONFIG}).node("r1")
    assert router.container == ContainerPlan(boots=True, capabilities=("SYS_ADMIN",))
    assert router.processes == ()
    assert {file.path for file in router.files} == {"/etc/hosts"}
    assert router.routing is not None
    assert router.routing.daemons == ("zebra", "staticd", "bgpd", "ospfd")
    assert router.runs_as == "image quay.io/frrouting/frr:10.3.1, FRR"


def test_what_is_wrong_in_a_bound_file_has_its_place(problems_of: Problems) -> None:
    text = lab("daemons:/etc/frr/daemons", "rt.conf:/etc/frr/frr.conf")
    wrong = {"daemons": 'bgpd=yes\nbgpd_options="it\'s"\n', "rt.conf": "interface eth1\n ip address 10.0.0.300/24\n"}
    problems = problems_of(text, **wrong)
    assert 'rt.conf:2:2: "10.0.0.300/24" is not an address (write it as 10.0.0.1/24)' in problems
    assert "daemons: a quote in bgpd_options is not closed (close it)" in problems


def test_a_link_in_a_bound_folder_leads_nowhere_outside(plan_text: Plan, tmp_path: Path) -> None:
    (tmp_path / "lab" / "frr").mkdir(parents=True)
    (tmp_path / "secret").write_text("ospfd=yes\n")
    (tmp_path / "lab/frr/daemons").symlink_to(tmp_path / "secret")
    (tmp_path / "lab/lab.yaml").write_text("")
    from textwrap import dedent

    from netlab.plan import plan_file

    (tmp_path / "lab/lab.yaml").write_text(dedent(lab("frr:/etc/frr")))
    router = plan_file(tmp_path / "lab/lab.yaml").node("r1")
    assert router.routing is not None
    assert router.routing.daemons == ("zebra", "staticd")


@pytest.mark.parametrize(("config", "running"), [("", set()), (CONFIG, {"bgpd"}), ("router ospf6\n", {"ospf6d"})])
def test_the_file_of_daemons_names_every_daemon_and_those_that_run_with_yes(
    plan_text: Plan, config: str, running: set[str]
) -> None:
    router = plan_text(lab("rt.conf:/etc/frr/frr.conf"), **{"rt.conf": config}).node("r1")
    text = next(file.content for file in router.files if file.path == "/etc/frr/daemons")
    settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert settings.pop("vtysh_enable") == "yes"
    options = {name for name in settings if name.endswith("_options")}
    named = {name: settings[name] for name in settings.keys() - options}
    assert {name for name, value in named.items() if value == "yes"} == running
    assert {name for name, value in named.items() if value == "no"} == set(OPTIONAL_DAEMONS) - running
    assert options == {f"{name}_options" for name in ("zebra", "staticd", *OPTIONAL_DAEMONS)}
