"""A verdict as JUnit XML, which GitHub, GitLab and Jenkins show as tests: one test case per router and VIP.

The format has no standard; this keeps to the schema of Jenkins' xUnit plugin (junit-10.xsd), which the others read too.
"""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as xml

from netlab.model.verdict import RouterVerdict, Verdict, meets
from netlab.report.terminal import verdict_text

# XML 1.0, production 2: what is not a Char cannot stand in a document, not even as a reference.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(verdict: Verdict) -> str:
    """The verdict as one XML document, as it is to be encoded in UTF-8. Characters that XML cannot hold are escaped
    as in Python (\\x1b)."""
    failures = sum(not router.matches for router in verdict.routers)
    counts = {"tests": str(len(verdict.routers)), "failures": str(failures), "errors": "0"}
    root = xml.Element("testsuites", {"name": "netlab ecmp-check", **counts})
    suite = _child(root, "testsuite", name=verdict.lab, **counts)
    properties = _child(suite, "properties")
    for name, value in _properties(verdict):
        _child(properties, "property", name=name, value=value)
    for router in verdict.routers:
        _add_case(suite, router, verdict)
    xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode")


def _properties(verdict: Verdict) -> list[tuple[str, str]]:
    """What the result rests on, and what repeats the run."""
    return [
        ("runtime", verdict.runtime),
        ("seed", str(verdict.seed)),
        ("alpha", f"{verdict.alpha:g}"),
        *((f"version of {name}", version) for name, version in verdict.versions),
        *(("emulated", sentence) for sentence in verdict.emulated),
    ]


def _add_case(suite: xml.Element, router: RouterVerdict, verdict: Verdict) -> None:
    # The name is the same in every run, so that a CI system can tell its history.
    case = _child(suite, "testcase", classname=f"netlab.{verdict.lab}", name=f"{router.router} {router.endpoint}")
    if not router.matches:
        kind = router.verdict.value if not meets(router.verdict, router.expected) else router.failure_rules[0]
        _child(case, "failure", router.summary, type=kind, message=f"{router.outcome}: {router.reason}")
    _child(case, "system-out", verdict_text(replace(verdict, routers=(router,))))


def _child(parent: xml.Element, tag: str, text: str | None = None, /, **attributes: str) -> xml.Element:
    element = xml.SubElement(parent, tag, {name: _allowed(value) for name, value in attributes.items()})
    if text is not None:
        element.text = _allowed(text)
    return element


def _allowed(text: str) -> str:
    return _FORBIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
