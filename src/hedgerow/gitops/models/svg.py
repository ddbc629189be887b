"""Draws the graph of a project's views as an SVG that stands alone: levels from left to right, a card for each node."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from hedgerow.gitops.models.graph import Node
from hedgerow.gitops.models.layout import Layout, place

_HEIGHT, _GAP, _THIN, _BETWEEN, _MARGIN, _HEAD = 46, 64, 22, 90, 32, 74
_LETTER, _NARROW, _WIDE = 7.3, 168, 320
_ACCENTS = {"source": "#64748b", "view": "#6366f1", "table": "#0d9488"}
_KINDS = {"source": "warehouse table", "view": "view", "table": "table made from a view"}
_DOTS = {
    "Completed": "#16a34a",
    "Failed": "#dc2626",
    "Running": "#2563eb",
    "Modified": "#d97706",
    "Cancelled": "#94a3b8",
}
_STYLE = """
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
.title { font-size: 17px; font-weight: 600; fill: #0f172a; } .legend { font-size: 11px; fill: #64748b; }
.name { font-size: 12.5px; font-weight: 600; fill: #0f172a; } .about { font-size: 10.5px; fill: #64748b; }
.card { fill: #ffffff; stroke: #cbd5e1; } .page { fill: #f8fafc; }
.edge { fill: none; stroke: #94a3b8; stroke-width: 1.4; stroke-opacity: .75; }
"""


def draw(nodes: Sequence[Node], title: str) -> str:
    """The SVG's text."""
    levels, reads = {n.name: n.level for n in nodes}, {n.name: n.reads for n in nodes}
    layout = place(levels, reads, _GAP, _THIN)
    columns = _columns(nodes)
    width = max(columns[-1][0] + columns[-1][1] + _MARGIN if columns else 0, 640)
    lowest = max([*layout.heights.values(), *(h for bends in layout.bends.values() for h in bends)], default=0)
    height = _HEAD + lowest + _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="title" x="{_MARGIN}" y="34">{escape(title)}</text>',
        *_legend(nodes),
        *_edges(nodes, layout, columns),
        *(_card(node, layout.heights[node.name] + _HEAD, columns[node.level]) for node in nodes),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _columns(nodes: Sequence[Node]) -> list[tuple[float, float]]:
    """Where each level's cards begin, and how wide they are."""
    found: list[tuple[float, float]] = []
    left = float(_MARGIN)
    for level in range(max((node.level for node in nodes), default=-1) + 1):
        longest = max(max(len(n.name), len(_about(n)) * 0.82) for n in nodes if n.level == level)
        width = min(max(longest * _LETTER + 48, _NARROW), _WIDE)
        found.append((left, width))
        left += width + _BETWEEN
    return found


def _legend(nodes: Sequence[Node]) -> Iterator[str]:
    left = float(_MARGIN)
    kinds = [(_ACCENTS[kind], text, 2) for kind, text in _KINDS.items() if any(n.kind == kind for n in nodes)]
    states = [(colour, state.lower(), 5) for state, colour in _DOTS.items() if any(n.status == state for n in nodes)]
    for colour, text, round_ in [*kinds, *states]:
        yield f'<rect x="{left:.0f}" y="47" width="10" height="10" rx="{round_}" fill="{colour}"/>'
        yield f'<text class="legend" x="{left + 15:.0f}" y="56">{text}</text>'
        left += 15 + len(text) * 5.8 + 18


def _edges(nodes: Sequence[Node], layout: Layout, columns: Sequence[tuple[float, float]]) -> Iterator[str]:
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        for name in node.reads:
            parent, middle = by_name[name], _HEAD + _HEIGHT / 2
            left, wide = columns[parent.level]
            points = [(left + wide, layout.heights[name] + middle)]
            for level, bend in enumerate(layout.bends[name, node.name], parent.level + 1):
                begin, breadth = columns[level]
                points += [(begin, bend + middle), (begin + breadth, bend + middle)]
            points.append((columns[node.level][0], layout.heights[node.name] + middle))
            yield f'<path class="edge" d="{_curve(points)}"/>'


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Level at every point; straight where it passes a level."""
    way = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (x + to_x) / 2
        way += f" C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return way


def _card(node: Node, top: float, column: tuple[float, float]) -> str:
    left, width = column
    most = int((width - 48) / _LETTER)
    name = node.name if len(node.name) <= most else f"{node.name[: most - 1]}…"
    tip = escape("\n".join([node.name, _about(node), *([node.error] if node.error else [])]))
    dot = _DOTS.get(node.status or "")
    shown = f'<circle cx="{width - 16:.1f}" cy="{_HEIGHT / 2}" r="5" fill="{dot}"/>' if dot else ""
    return (
        f'<g transform="translate({left:.1f} {top:.1f})"><title>{tip}</title>'
        f'<rect class="card" width="{width:.1f}" height="{_HEIGHT}" rx="7"/>'
        f'<path d="M7 0a7 7 0 0 0-7 7v{_HEIGHT - 14}a7 7 0 0 0 7 7z" fill="{_ACCENTS[node.kind]}"/>'
        f'<text class="name" x="17" y="20">{escape(name)}</text>'
        f'<text class="about" x="17" y="35">{escape(_about(node))}</text>{shown}</g>'
    )


def _about(node: Node) -> str:
    if node.kind == "source":
        return "warehouse table"
    if node.kind == "view":
        return "view"
    last = f" · {node.last_run:%Y-%m-%d %H:%M}" if node.last_run else ""
    return f"table · {node.frequency or 'never'}{last}"
