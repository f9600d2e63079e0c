"""Where the nodes of a layered graph lie, and how its edges run: grandalf's Sugiyama layout, turned left to right."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import attrs

Point = tuple[float, float]
Edge = tuple[str, str]

_BETWEEN_LAYERS, _BETWEEN_NODES = 20.0, 14.0
_ROUNDS = 4


@attrs.frozen
class Box:
    """Of a node: `width` and `height`, pixels."""

    width: float
    height: float


@attrs.frozen
class Drawing:
    """`centers`: by node. `routes`: by edge, the points that it passes, from its source to its target. Pixels."""

    width: float
    height: float
    centers: Mapping[str, Point]
    routes: Mapping[Edge, tuple[Point, ...]]


def laid_out(boxes: Mapping[str, Box], edges: Collection[Edge]) -> Drawing:
    """The nodes in layers, sources left, each part that hangs together below the one before. `edges`: no circle."""
    centers: dict[str, Point] = {}
    routes: dict[Edge, tuple[Point, ...]] = {}
    width, top = 0.0, 0.0
    for part in _parts(boxes, edges):
        drawn = _placed({one: boxes[one] for one in part}, [edge for edge in edges if edge[0] in part])
        centers |= {node: (x, y + top) for node, (x, y) in drawn.centers.items()}
        routes |= {edge: tuple((x, y + top) for x, y in points) for edge, points in drawn.routes.items()}
        width, top = max(width, drawn.width), top + drawn.height + _BETWEEN_NODES
    return Drawing(width, max(top - _BETWEEN_NODES, 0.0), centers, routes)


def reduced(edges: Collection[Edge]) -> list[Edge]:
    """The edges that do not follow from others. `edges`: no circle."""
    after: dict[str, set[str]] = {}
    for source, target in edges:
        after.setdefault(source, set()).add(target)
    return [one for one in edges if not _beside(one, after)]


def _beside(edge: Edge, after: Mapping[str, Collection[str]]) -> bool:
    """Whether another way than the edge leads from its source to its target."""
    source, target = edge
    open_, seen = [one for one in after[source] if one != target], set[str]()
    while open_:
        node = open_.pop()
        if node == target:
            return True
        if node not in seen:
            seen.add(node)
            open_ += after.get(node, ())
    return False


def _parts(boxes: Collection[str], edges: Collection[Edge]) -> list[list[str]]:
    """The nodes, those that hang together beside each other, in the order given."""
    part = {node: node for node in boxes}

    def head(node: str) -> str:
        while part[node] != node:
            node = part[node]
        return node

    for source, target in edges:
        part[head(target)] = head(source)
    found: dict[str, list[str]] = {}
    for node in boxes:
        found.setdefault(head(node), []).append(node)
    return list(found.values())


def _placed(boxes: Mapping[str, Box], edges: Sequence[Edge]) -> Drawing:
    """One part: grandalf lays out from top to bottom, so that widths and heights change places on the way."""
    from grandalf.graphs import Graph
    from grandalf.layouts import SugiyamaLayout, VertexViewer

    vertex, line = _numbered()
    made = {node: vertex(number, node) for number, node in enumerate(boxes)}
    for node, box in boxes.items():
        made[node].view = VertexViewer(w=box.height, h=box.width)
    lines = {edge: line(number, made[edge[0]], made[edge[1]]) for number, edge in enumerate(edges)}
    layout = SugiyamaLayout(Graph(list(made.values()), list(lines.values())).C[0])
    layout.xspace, layout.yspace = _BETWEEN_NODES, _BETWEEN_LAYERS
    targets = {target for _, target in edges}
    layout.init_all(roots=[made[node] for node in boxes if node not in targets])
    layout.draw(_ROUNDS)
    turned = {node: _turned(one.view.xy) for node, one in made.items()}
    bends = {edge: _bends(layout, line) for edge, line in lines.items()}
    return _at_origin(boxes, turned, bends)


@cache
def _numbered() -> tuple[type[Any], type[Any]]:
    """Vertex and edge that hash to a number of their own: the layout walks over sets, and must come out the same."""
    from grandalf.graphs import Edge as Line
    from grandalf.graphs import Vertex

    def init(self: Any, number: int, *parts: Any) -> None:
        self.number = number
        super(type(self), self).__init__(*parts)

    own = {"__init__": init, "__hash__": lambda self: self.number}
    return type("NumberedVertex", (Vertex,), own), type("NumberedEdge", (Line,), own)


def _turned(point: Any) -> Point:
    return float(point[1]), float(point[0])


def _bends(layout: Any, line: Any) -> tuple[Point, ...]:
    """Where an edge over several layers passes those between."""
    between = layout.ctrls.get(line, {})
    own = [vertex for _, vertex in sorted(between.items()) if vertex not in line.v]
    return tuple(_turned(vertex.view.xy) for vertex in own)


def _at_origin(
    boxes: Mapping[str, Box], centers: Mapping[str, Point], bends: Mapping[Edge, Sequence[Point]]
) -> Drawing:
    left = min(centers[node][0] - box.width / 2 for node, box in boxes.items())
    top = min(
        [centers[node][1] - box.height / 2 for node, box in boxes.items()]
        + [y for one in bends.values() for _, y in one]
    )
    right = max(centers[node][0] + box.width / 2 for node, box in boxes.items())
    down = max(
        [centers[node][1] + box.height / 2 for node, box in boxes.items()]
        + [y for one in bends.values() for _, y in one]
    )
    moved = {node: (x - left, y - top) for node, (x, y) in centers.items()}
    routes = {
        (source, target): (
            (moved[source][0] + boxes[source].width / 2, moved[source][1]),
            *((x - left, y - top) for x, y in points),
            (moved[target][0] - boxes[target].width / 2, moved[target][1]),
        )
        for (source, target), points in bends.items()
    }
    return Drawing(right - left, down - top, moved, routes)
