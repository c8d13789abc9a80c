"""A verdict as ecmp-check's JSON, schema 1: a contract, so a key is only ever added."""

from __future__ import annotations

import json
from dataclasses import asdict

from netlab.model.verdict import Verdict


def json_report(verdict: Verdict) -> str:
    """The verdict as one JSON document. What cannot be computed is null; shares are fractions of 1."""
    fields = asdict(verdict)
    document = {"schema": fields.pop("schema"), **fields, "versions": dict(verdict.versions)}
    return json.dumps(document, indent=2, allow_nan=False)
