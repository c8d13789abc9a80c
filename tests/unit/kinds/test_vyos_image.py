"""A node with VyOS's own image: it boots with its configuration, and netlab translates nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.kinds.base import SourceText
from netlab.kinds.vyos import boot
from netlab.kinds.vyos.config import ConfigNode, parse_config
from netlab.kinds.vyos.grammar import grammar
from netlab.model.plan import ContainerPlan, LabPlan, Role

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]
TOPOLOGIES = Path(__file__).resolve().parents[3] / "topologies"

LAB = """
    name: lab
    runtime: docker
    topology:
      nodes:
        rt: {{kind: vyosnetworks_vyos, image: "vyos:1.5", {keys}}}
        h1: {{kind: linux}}
      links:
        - endpoints: ["rt:eth1", "h1:eth1"]
"""
COMMANDS = """\
    set interfaces ethernet eth1 address 10.0.0.1/24
    set interfaces ethernet eth1 description 'to the "host"'
    set interfaces loopback lo address 10.255.0.1/32
    set protocols bgp system-as 65001
    set protocols bgp neighbor 10.0.0.2 remote-as 65002
    set protocols bgp neighbor 10.0.0.2 remote-as 65003
    set protocols bgp neighbor 10.0.0.2 address-family ipv4-unicast
    commit
    """
BRACES = """\
interfaces {
    ethernet eth1 {
        address 10.0.0.1/24
    }
}
nat {
    source { rule 10 { translation { address masquerade } } }
}
// Release version: 1.5
"""


def config(plan: LabPlan) -> str:
    (file,) = plan.node("rt").files
    assert file.path == "/config/config.boot"
    return file.content


def test_a_configuration_with_braces_is_taken_as_it_is(plan_text: Plan) -> None:
    plan = plan_text(LAB.format(keys="startup-config: rt.boot"), **{"rt.boot": BRACES})
    assert config(plan) == BRACES  # with nat, which netlab would not translate
    router = plan.node("rt")
    assert (router.role, router.runs_as) == (Role.ROUTER, "VyOS image vyos:1.5")
    assert router.container == ContainerPlan(privileged=True, boots=True)
    assert router.processes == ()
    # An engine may have turned IPv6 off, without which VyOS does not start.
    assert {s.key: s.value for s in router.sysctls}["net.ipv6.conf.all.disable_ipv6"] == "0"
    assert router.routing is not None
    assert router.routing.neighbors_asked
    assert [str(one) for one in router.interfaces[0].addresses] == ["10.0.0.1/24"]
    assert plan.warnings[-1] == "rt: VyOS boots in a privileged container, which can change this host"
    assert plan.emulated == ()


def test_commands_become_a_configuration_with_braces(plan_text: Plan) -> None:
    plan = plan_text(LAB.format(keys='startup-config: rt.cmds, vyos-version: "1.4"'), **{"rt.cmds": COMMANDS})
    assert config(plan) == (
        "interfaces {\n"
        "    ethernet eth1 {\n"
        "        address 10.0.0.1/24\n"
        '        description "to the \\"host\\""\n'
        "    }\n"
        "    loopback lo {\n"
        "        address 10.255.0.1/32\n"
        "    }\n"
        "}\n"
        "protocols {\n"
        "    bgp {\n"
        "        system-as 65001\n"
        "        neighbor 10.0.0.2 {\n"
        "            remote-as 65003\n"
        "            address-family {\n"
        "                ipv4-unicast {\n"
        "                }\n"
        "            }\n"
        "        }\n"
        "    }\n"
        "}\n"
    )
    router = plan.node("rt")
    assert router.routing is not None
    assert router.routing.asn == 65001
    addresses = {interface.name: [str(one) for one in interface.addresses] for interface in router.interfaces}
    assert addresses == {"eth1": ["10.0.0.1/24"], "lo": ["10.255.0.1/32"]}


def plain(node: ConfigNode) -> dict[str, object]:
    return {name: plain(child) for name, child in node.children.items()}


@pytest.mark.parametrize("file", sorted(TOPOLOGIES.glob("*.commands")), ids=lambda file: file.stem)
def test_both_forms_say_the_same(file: Path) -> None:
    commands = SourceText(file.name, file.read_text())
    braces = SourceText("made", boot._braces(commands, grammar("1.1")))
    assert plain(parse_config(braces, "1.1").root) == plain(parse_config(commands, "1.1").root)


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ("set service ssh\n", 'rt.cmds:1:13: netlab does not know how config.boot has "service ssh"'),
        ("set protocols bgpp 1\n", 'rt.cmds:1:15: netlab does not know how config.boot has "protocols bgpp"'),
        ("delete protocols\n", 'rt.cmds:1:1: unknown command "delete" (a configuration is a list of set commands)'),
        ("set system host-name 'x\n", "rt.cmds:1:22: the closing quote is missing"),
    ],
)
def test_commands_whose_form_is_not_known_are_refused(commands: str, problem: str, problems_of: Problems) -> None:
    found = problems_of(LAB.format(keys='startup-config: rt.cmds, vyos-version: "1.4"'), **{"rt.cmds": commands})
    assert found[0].startswith(problem)


def test_without_a_configuration_the_images_own_holds(plan_text: Plan) -> None:
    plan = plan_text(LAB.format(keys="labels: {a: b}"))
    assert plan.node("rt").files == ()
    assert plan.node("rt").container.boots


def test_what_it_cannot_do_is_said(plan_text: Plan, problems_of: Problems) -> None:
    keys = "startup-config: rt.boot, hash: {policy: 0}, forwarding: per-packet"
    warnings = plan_text(LAB.format(keys=keys), **{"rt.boot": BRACES}).warnings
    assert "rt: hash and forwarding not used: VyOS's image sets it by itself" in warnings
    serve = "startup-config: rt.boot, serve: [{vip: 192.0.2.1}]"
    (problem,) = problems_of(LAB.format(keys=serve), **{"rt.boot": BRACES})
    assert "rt runs VyOS's own image, and nothing of netlab's in it" in problem


def test_without_an_image_frr_runs_it_in_a_container_too(plan_text: Plan) -> None:
    text = LAB.format(keys="startup-config: rt.boot").replace('image: "vyos:1.5", ', "")
    plan = plan_text(
        text, **{"rt.boot": BRACES.replace("nat {", "system {").partition("system")[0] + "// Release version: 1.5\n"}
    )
    assert plan.node("rt").runs_as == "VyOS 1.5 configuration, run by FRR"
    assert not plan.node("rt").container.boots
