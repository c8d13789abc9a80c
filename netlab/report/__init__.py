"""What the user sees: verdicts and labs as tables, lines and JSON."""

from netlab.report.jsonreport import json_report

__all__ = ["json_report"]
