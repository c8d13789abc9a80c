"""A picture in Graphviz's language: `netlab graph --format dot | dot -Tsvg >lab.svg`."""

from __future__ import annotations

from netlab.report.graph import Graph, GraphNode, GraphSession

_SHAPES = {
    "router": "shape=hexagon",
    "bridge": "shape=box, peripheries=2",
    "pod": "shape=box, style=rounded, fontsize=10",
    "vip": "shape=ellipse",
    "host": "shape=box, style=rounded",
    "outside": "shape=box, style=dashed",
}


def dot(graph: Graph) -> str:
    """The whole text."""
    lines = [
        f"graph {_quoted(graph.title)} {{",
        f'    label={_quoted(graph.title)}; labelloc=t; rankdir=LR; nodesep=0.5; ranksep=1.6; fontname="sans-serif";',
        '    node [fontname="sans-serif", fontsize=12, shape=box];',
        '    edge [fontname="sans-serif", fontsize=9];',
    ]
    for number, group in enumerate(graph.groups):
        lines.append(f"    subgraph cluster_{number} {{")
        lines.append(f"        label={_quoted(group)};")
        lines += [f"        {_node(node)}" for node in graph.nodes if node.group == group]
        lines.append("    }")
    lines += [f"    {_node(node)}" for node in graph.nodes if node.group is None]
    for link in graph.links:
        ends = f"taillabel={_quoted(link.a_label)}, headlabel={_quoted(link.b_label)}"
        lines.append(f"    {link.a} -- {link.b} [{ends}];")
    lines += [f"    {_session(session)}" for session in graph.sessions]
    lines += [f"    {node} -- {vip} [style=dashed, dir=forward];" for node, vip in graph.announcements]
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: GraphNode) -> str:
    shape = _SHAPES.get(node.shape, "shape=box")
    return f"{node.id} [label={_quoted(*(line for line in node.lines if line))}, {shape}];"


def _session(session: GraphSession) -> str:
    colour = ", color=red, fontcolor=red" if session.up is False else ""
    return f"{session.a} -- {session.b} [label={_quoted(session.label)}, style=dotted, constraint=false{colour}];"


def _quoted(*lines: str) -> str:
    """Lines as a quoted string; Graphviz makes a line of each backslash and n."""
    escaped = ("".join(c for c in line if c.isprintable()) for line in lines)
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in escaped) + '"'
