"""JUnit XML as CI systems read it."""

import re
from dataclasses import replace
from xml.etree import ElementTree as xml

import pytest
from evidence_builder import article, evidence, flow, perfect_counts, router
from hypothesis import given
from hypothesis import strategies as st

from netlab.ecmp.judge import judge
from netlab.model.topology import Expect
from netlab.report.junit import junit_report

# The schema of Jenkins' xUnit plugin (junit-10.xsd), as far as netlab could go against it:
# element: (attributes that must be there, attributes that may, children that may).
SCHEMA = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
WITH_TEXT = {"failure", "system-out"}


def violations(element):
    """What the schema does not allow, in words."""
    required, optional, children = SCHEMA[element.tag]
    found = [f"{element.tag} lacks {name}" for name in required - set(element.attrib)]
    found += [f"{element.tag} has {name}" for name in set(element.attrib) - required - optional]
    found += [f"{child.tag} in {element.tag}" for child in element if child.tag not in children]
    if element.tag not in WITH_TEXT and (element.text or "").strip():
        found.append(f"text in {element.tag}")
    return found + [problem for child in element if child.tag in SCHEMA for problem in violations(child)]


def parsed(verdict):
    text = junit_report(verdict)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = xml.fromstring(text.encode())
    assert violations(root) == []
    return root


def test_one_case_per_router_and_vip():
    root = parsed(judge(evidence(router(perfect_counts(1)), article())))
    assert (root.tag, root.attrib) == (
        "testsuites",
        {"name": "netlab ecmp-check", "tests": "2", "failures": "0", "errors": "0"},
    )
    (suite,) = root
    assert suite.attrib == {"name": "ecmp-vs-vyos", "tests": "2", "failures": "0", "errors": "0"}
    frr, vyos = suite.findall("testcase")
    assert frr.attrib == {"classname": "netlab.ecmp-vs-vyos", "name": "rt-frr 172.16.7.192:80"}
    assert vyos.get("name") == "rt-vyos 172.16.7.192:80"
    assert root.findall(".//failure") == []


def test_a_case_holds_its_own_routers_table():
    frr, vyos = parsed(judge(evidence(router(perfect_counts(1)), article()))).findall(".//testcase")
    shown = frr.findtext("system-out")
    assert "via 172.16.7.11" in shown
    assert "rt-frr: ecmp" in shown
    assert "rt-vyos" not in shown
    assert "\x1b" not in shown
    assert "ibgp-knob-on-ebgp-peers" in vyos.findtext("system-out")


def test_what_is_not_as_expected_is_a_failure_with_cause_and_remedy():
    verdict = judge(evidence(router(perfect_counts(1)), article()), expect=Expect.ECMP)
    root = parsed(verdict)
    assert (root.get("failures"), root.find("testsuite").get("failures")) == ("1", "1")
    (failure,) = root.findall(".//testcase[@name='rt-vyos 172.16.7.192:80']/failure")
    assert failure.get("type") == "single-path"
    assert failure.get("message").startswith("single-path, expected ecmp: The FIB has 1 next hop of 3 announced")
    assert failure.text == verdict.router("rt-vyos").summary
    assert "to mend it: `set protocols bgp 64512 maximum-paths ebgp 3`" in failure.text


def test_a_dead_service_is_a_failure_of_a_router_that_spreads_as_expected():
    closed = tuple(flow(number, number % 3, answered=False) for number in range(600))
    root = parsed(judge(evidence(router([], flows=closed)), expect=Expect.ECMP))
    (failure,) = root.findall(".//failure")
    assert failure.get("type") == "unanswered"
    assert failure.get("message").startswith("0 of 600 flows answered; ecmp, as expected: 600 hash keys used all 3")
    assert failure.text.startswith("rt-frr, VIP 172.16.7.192:80: 0 of 600 flows answered; ecmp, as expected: ")
    assert "error unanswered: 600 flows of 600 got no answer" in failure.text


def test_properties_repeat_the_run():
    root = parsed(judge(evidence(router(perfect_counts(1)))))
    properties = [(found.get("name"), found.get("value")) for found in root.iter("property")]
    assert properties == [
        ("runtime", "netns"),
        ("seed", "4711"),
        ("alpha", "1e-06"),
        ("version of netlab", "0.1.0"),
        ("version of FRR", "8.4.4"),
        ("emulated", "k8s: the cluster is emulated by network namespaces"),
    ]


@pytest.mark.parametrize(
    ("character", "shown"),
    [("\x1b", "\\x1b"), ("\x00", "\\x00"), ("\ufffe", "\\ufffe"), ("\ud800", "\\ud800"), ("<&\"'>]]>", "<&\"'>]]>")],
)
def test_what_xml_cannot_hold_is_escaped(character, shown):
    verdict = judge(evidence(router(perfect_counts(1), router=f"rt{character}")))
    (case,) = parsed(verdict).iter("testcase")
    assert case.get("name") == f"rt{shown} 172.16.7.192:80"


@given(st.text(st.characters(), max_size=40))
def test_any_text_makes_a_document_that_can_be_read(text):
    verdict = judge(evidence(router(perfect_counts(1))), expect=Expect.SINGLE_PATH)
    verdict = replace(verdict, lab=text, routers=tuple(replace(r, reason=text, runs_as=text) for r in verdict.routers))
    root = parsed(verdict)
    escaped = re.sub(
        "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]",
        lambda found: found[0].encode("unicode_escape").decode(),
        text,
    )
    assert root.find("testsuite").get("name") == escaped
