"""A picture in Mermaid's flowchart language, as GitHub, GitLab and many editors draw it."""

from __future__ import annotations

from netlab.report.graph import Graph, GraphNode, GraphSession

_SHAPES = {
    "router": ('{{"', '"}}'),
    "bridge": ('[["', '"]]'),
    "pod": ('(["', '"])'),
    "vip": ('(("', '"))'),
    "host": ('("', '")'),
    "outside": ('>"', '"]'),
}
# Mermaid decodes #name; and #number; in labels; the rest would end the label, or be taken for HTML or Markdown.
_ESCAPED = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def mermaid(graph: Graph) -> str:
    """The whole text."""
    lines = ["---", f"title: {_quoted_title(graph.title)}", "---", "flowchart LR"]
    for number, group in enumerate(graph.groups):
        lines.append(f'    subgraph g{number}["{_text(group)}"]')
        lines += [f"        {_node(node)}" for node in graph.nodes if node.group == group]
        lines.append("    end")
    lines += [f"    {_node(node)}" for node in graph.nodes if node.group is None]
    for link in graph.links:
        label = " — ".join(_text(end) for end in (link.a_label, link.b_label) if end)
        lines.append(f'    {link.a} ---|"{label}"| {link.b}' if label else f"    {link.a} --- {link.b}")
    lines += [f"    {_session(session)}" for session in graph.sessions]
    lines += [f'    {node} -.->|"announces"| {vip}' for node, vip in graph.announcements]
    return "\n".join(lines) + "\n"


def _quoted_title(title: str) -> str:
    return '"' + "".join(c for c in title if c.isprintable() and c not in '"\\') + '"'  # YAML


def _node(node: GraphNode) -> str:
    start, end = _SHAPES.get(node.shape, ('["', '"]'))
    name, *rest = (_text(line) for line in node.lines)
    return f"{node.id}{start}{'<br/>'.join((f'<b>{name}</b>', *filter(None, rest)))}{end}"


def _session(session: GraphSession) -> str:
    arrow = "-.-x" if session.up is False else "-.-"
    return f'{session.a} {arrow}|"{_text(session.label)}"| {session.b}'


def _text(text: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in text if c.isprintable())
