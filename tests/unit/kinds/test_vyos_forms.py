"""A configuration with braces says what the same `set` commands say."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vyos_samples import VERSIONS, configuration, lists_of_statements

from netlab.kinds.base import SourceText
from netlab.kinds.vyos.config import ConfigNode, parse_config, version_in
from netlab.kinds.vyos.grammar import GrammarNode, grammar
from netlab.kinds.vyos.translate import translate
from netlab.model.errors import TopologyError
from netlab.model.plan import LabPlan

BOOT = """\
interfaces {
    ethernet eth1 {
        address 172.16.7.1/24
        description "to the \\"nodes\\" {k8s}"   /* a comment */
        hw-id 08:00:27:00:00:01
    }
    loopback lo {
    }
}
protocols {
    bgp 64512 {
        address-family {
            ipv4-unicast {
                network 172.16.9.0/24 {
                }
            }
        }
        maximum-paths {
            ebgp 3
        }
        neighbor 172.16.7.11 {
            remote-as 64522
            address-family {
                ipv4-unicast {
                    soft-reconfiguration {
                        inbound
                    }
                }
            }
        }
    }
}
system {
    host-name edge
    login {
        user vyos {
            authentication {
                encrypted-password "$6$secret"
            }
        }
    }
    ntp {
        server 0.pool.ntp.org {
        }
        server 1.pool.ntp.org {
        }
    }
}


/* Warning: Do not remove the following line. */
/* === vyatta-config-version: "bgp@1:system@10" === */
/* Release version: 1.2.8 */
"""
COMMANDS = """\
set interfaces ethernet eth1 address '172.16.7.1/24'
set interfaces ethernet eth1 description 'to the "nodes" {k8s}'
set interfaces ethernet eth1 hw-id '08:00:27:00:00:01'
set interfaces loopback lo
set protocols bgp 64512 address-family ipv4-unicast network 172.16.9.0/24
set protocols bgp 64512 maximum-paths ebgp '3'
set protocols bgp 64512 neighbor 172.16.7.11 remote-as '64522'
set protocols bgp 64512 neighbor 172.16.7.11 address-family ipv4-unicast soft-reconfiguration inbound
set system host-name 'edge'
set system login user vyos authentication encrypted-password '$6$secret'
set system ntp server 0.pool.ntp.org
"""

Tree = dict[str, "Tree"]


def tree(node: ConfigNode) -> Tree:
    return {text: tree(child) for text, child in node.children.items()}


def parsed(text: str, version: str = "1.2") -> Tree:
    return tree(parse_config(SourceText("c", text), version).root)


def refused(text: str, version: str = "1.2") -> list[str]:
    with pytest.raises(TopologyError) as error:
        parse_config(SourceText("c", text), version)
    return list(error.value.lines())


def test_both_forms_are_one_tree_and_one_translation() -> None:
    assert parsed(BOOT) == parsed(COMMANDS)
    texts = [translate(parse_config(SourceText("c", text), "1.2"), "1.2", "rt").text for text in (BOOT, COMMANDS)]
    assert texts[0] == texts[1]
    assert ' description to the "nodes" {k8s}\n' in texts[0]


def test_what_is_not_translated_is_said_once_with_its_first_place_and_without_its_values() -> None:
    config = parse_config(SourceText("config.boot", BOOT), "1.2")
    assert translate(config, "1.2", "rt").warnings == (
        "config.boot:5:9: interfaces ethernet hw-id is not translated: nothing in the lab does it",
        "config.boot:35:5: system login is not translated: nothing in the lab does it",
        "config.boot:42:5: system ntp is not translated: nothing in the lab does it",
    )


@pytest.mark.parametrize(
    ("footer", "version"),
    [
        ("/* Release version: VyOS 1.1.8 */", "1.1"),
        ("/* Release version: 1.2.0-rolling+201903 */", "1.2"),
        ('// vyos-config-version: "bgp@4"\n// Release version: 1.4.2', "1.4"),
        ("// Release version: VyOS 1.3-rolling-202008270118", "1.3"),
        ("// Release version: 999.202106", None),
        ("", None),
    ],
)
def test_the_version_in_the_last_lines(footer: str, version: str | None) -> None:
    found = version_in(SourceText("c", f"system {{\n    host-name a\n}}\n{footer}\n"))
    assert (found and found[0]) == version


def test_commands_name_no_version() -> None:
    assert version_in(SourceText("c", "# Release version: 1.4.2\nset system host-name a\n")) is None


def test_a_version_in_the_configuration_is_enough_and_may_not_be_contradicted(
    plan_text: Callable[..., LabPlan], problems_of: Callable[..., list[str]]
) -> None:
    boot = "system {\n    host-name a\n}\n// Release version: 1.4.2\n"
    lab = plan_text("name: v\ntopology: {nodes: {rt: {kind: vyos, startup-config: c}}}\n", c=boot)
    assert lab.node("rt").runs_as == "VyOS 1.4 configuration, run by FRR"
    other = 'name: v\ntopology: {nodes: {rt: {kind: vyos, vyos-version: "1.3", startup-config: c}}}\n'
    assert problems_of(other, c=boot) == [
        "c:4:21: this configuration is of VyOS 1.4, and rt of 1.3 (the version stands at lab.yaml:2:51)"
    ]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "system {\n    host-name a\n    host-name b\n}\n",
            ["c:3:15: system host-name b: a second value (the first stands in line 2)"],
        ),
        ("system {\n    host-name a\n", ["c:1:8: this block is not closed (add })"]),
        ("system {\n}\n}\n", ["c:3:1: a brace closes no block (remove it)"]),
        ("{\n}\n", ["c:1:1: a block without a name (write its name before the brace)"]),
        ('system {\n    host-name "a\n}\n', ['c:2:15: the closing quote is missing (add ")', "c:1:8: this block"]),
        ("system {\n} /* end\n", ["c:2:3: the comment is not closed (add */)"]),
        (
            "protocols {\n    bgp 1 {\n        neighbour 10.0.0.1 {\n            nonsense\n        }\n    }\n}\n",
            ['c:3:9: "neighbour" is not understood after protocols bgp 1 (did you mean "neighbor"?)'],
        ),
        (
            "protocols {\n    bgp 1 {\n        maximum-paths {\n            ebgp\n        }\n    }\n}\n",
            ['c:4:17: "protocols bgp 1 maximum-paths ebgp" is incomplete (expected: <paths>)'],
        ),
        ("nat {\n    source {\n    }\n}\n", ["c:1:1: nat is refused (netlab translates no addresses in a router"]),
    ],
)
def test_what_is_wrong_with_braces_has_its_place(text: str, problems: list[str]) -> None:
    found = refused(text)
    assert len(found) == len(problems)
    for line, start in zip(sorted(found), sorted(problems), strict=True):
        assert line.startswith(start)


def test_a_quoted_value_ends_in_its_line_and_cannot_open_a_block() -> None:
    assert parsed('set interfaces ethernet eth1 description "system {"\n') == {
        "interfaces": {"ethernet": {"eth1": {"description": {"system {": {}}}}}
    }


def braces(node: ConfigNode, rules: GrammarNode, indent: str = "") -> str:
    """The configuration as VyOS writes it: a tag node's value stands beside its name."""
    text = ""
    for word, child in node.children.items():
        below = rules.words[word]
        if below.value is not None and child.children:
            for value, inside in child.children.items():
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                text += f'{indent}{word} "{escaped}"' + block(inside, below.value, indent)
        else:
            text += indent + word + block(child, below, indent)
    return text


def block(node: ConfigNode, rules: GrammarNode, indent: str) -> str:
    if not node.children:
        return "\n"
    return " {\n" + braces(node, rules, indent + "    ") + indent + "}\n"


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_round_trip(version: str, data: st.DataObject) -> None:
    text = configuration(version, data.draw(lists_of_statements(version)))
    before = parse_config(SourceText("c", text), version).root
    assert parsed(braces(before, grammar(version)), version) == tree(before)
