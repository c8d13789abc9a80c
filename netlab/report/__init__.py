"""What the user sees: verdicts and labs as tables, lines and JSON.

lab.py            a deployment, a repair and a lab's state
verdict.py        a verdict, in the form that was asked for
terminal.py       a verdict for a terminal
verdict_table.py  its table: a column per router, a row per number
answer.py         its answer in one sentence
jsonreport.py     a verdict as JSON, schema 1
junit.py          a verdict as JUnit XML
graph.py          what a picture of a lab shows, whatever draws it
mermaid.py        the picture in Mermaid's language
dot.py            the picture in Graphviz's language
host.py           what `doctor` found
"""

from netlab.report.jsonreport import json_report

__all__ = ["json_report"]
