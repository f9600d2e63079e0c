"""The gates of a run as a graph: upstream left, what they authorise right. Pure, but for the layout's library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import attrs

from sr_adapters.console.layout import Box, Edge, Point, laid_out, reduced
from sr_adapters.console.words import FAULTY

if TYPE_CHECKING:
    from sr_adapters.console.run_page import GateRow, OutputRow

_MOST = 120
"""Gates that are drawn; of more the table alone tells."""
_LETTERS, _NAMED = 14, 8
_GATE_HEIGHT, _OUTPUT_HEIGHT = 34.0, 22.0
_LETTER_PX, _ROOM = 7.6, 34.0
_SMALL_PX, _SMALL_ROOM = 6.6, 32.0
_INDENT, _BELOW, _BEND = 14.0, 7.0, 20.0
_MARGIN = 4.0
_WORST = ("CONFLICT", "FAIL", "MISSING", "UNKNOWN", "OPTIONAL_MISSING")


@attrs.frozen
class Node:
    """A gate, or the outputs that it authorises; `mark`: of the worst of them. `told`: in full.

    `x`, `y`: of its upper left corner, pixels.
    """

    anchor: str
    label: str
    told: str
    mark: str
    gate: bool
    x: float
    y: float
    width: float
    height: float


@attrs.frozen
class GateGraph:
    """What is drawn. `edges`: paths in SVG's language. `hidden`: dependencies that follow from others."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    hidden: int


def gate_graph(gates: Sequence[GateRow], outputs: Sequence[OutputRow]) -> GateGraph | None:
    """The graph of a run's gates; None where there is none, or where there are too many to be looked at."""
    by_gate: dict[str, list[GateRow]] = {}
    for one in gates:
        by_gate.setdefault(one.look.gate_id, []).append(one)
    if not by_gate or len(by_gate) > _MOST:
        return None
    edges = [(up, gate_id) for gate_id, rows in by_gate.items() for up in rows[0].look.upstream if up in by_gate]
    kept = reduced(edges)
    blocks = {gate_id: _block(rows, outputs) for gate_id, rows in by_gate.items()}
    placed = laid_out({gate_id: one.box for gate_id, one in blocks.items()}, kept)
    corners = {gate_id: _corner(blocks[gate_id].box, at) for gate_id, at in placed.centers.items()}
    nodes = [node for gate_id, one in blocks.items() for node in one.at(corners[gate_id])]
    paths = [_path(blocks, corners, edge, placed.routes[edge]) for edge in kept]
    paths += [_elbow(corners[gate_id]) for gate_id, one in blocks.items() if one.outputs is not None]
    width, height = placed.width + 2 * _MARGIN, placed.height + 2 * _MARGIN
    return GateGraph(width, height, tuple(nodes), tuple(paths), len(edges) - len(kept))


@attrs.frozen
class _Block:
    """A gate, and below it to the right the outputs that it authorises: one node of the layout."""

    gate: Node
    outputs: Node | None

    @property
    def box(self) -> Box:
        """What it takes."""
        if self.outputs is None:
            return Box(self.gate.width, self.gate.height)
        return Box(max(self.gate.width, _INDENT + self.outputs.width), self.gate.height + _BELOW + self.outputs.height)

    def at(self, corner: Point) -> Iterator[Node]:
        """Its nodes, its upper left corner there."""
        yield _moved(self.gate, corner)
        if self.outputs is not None:
            yield _moved(self.outputs, (corner[0] + _INDENT, corner[1] + self.gate.height + _BELOW))


def _block(rows: Sequence[GateRow], outputs: Sequence[OutputRow]) -> _Block:
    own = [one for one in outputs if one.item.id in rows[0].look.authorizes]
    return _Block(_gate(rows), _outputs(own) if own else None)


def _corner(box: Box, center: Point) -> Point:
    return center[0] - box.width / 2 + _MARGIN, center[1] - box.height / 2 + _MARGIN


def _gate(rows: Sequence[GateRow]) -> Node:
    """A gate, of all its days; as bad as the worst of them."""
    worst = min(rows, key=lambda one: _WORST.index(one.item.verdict) if one.item.verdict in _WORST else len(_WORST))
    label = _cut(rows[0].short.removesuffix(f" {rows[0].look.day}"))
    told = f"{rows[0].look.gate_id}: {worst.word}"
    return Node(
        worst.anchor, label, told, worst.mark, True, 0, 0, round(_ROOM + _LETTER_PX * len(label), 1), _GATE_HEIGHT
    )


def _outputs(own: Sequence[OutputRow]) -> Node:
    """All outputs of one gate, as bad as the worst of them."""
    worst = min(own, key=lambda one: _WORST.index(one.item.verdict) if one.item.verdict in _WORST else len(_WORST))
    bad = sum(one.item.verdict in FAULTY for one in own)
    label = "1 output" if len(own) == 1 else f"{len(own)} outputs"
    names = ", ".join(one.item.id for one in own[:_NAMED]) + (
        f" and {len(own) - _NAMED} more" if len(own) > _NAMED else ""
    )
    told = f"{names}: {f'{bad} of {len(own)} at fault' if bad else own[0].word}"
    return Node(
        own[0].anchor,
        label,
        told,
        worst.mark,
        False,
        0,
        0,
        round(_SMALL_ROOM + _SMALL_PX * len(label), 1),
        _OUTPUT_HEIGHT,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _moved(node: Node, corner: Point) -> Node:
    return attrs.evolve(node, x=round(corner[0], 1), y=round(corner[1], 1))


def _path(blocks: Mapping[str, _Block], corners: Mapping[str, Point], edge: Edge, points: Sequence[Point]) -> str:
    """A smooth way from gate to gate, level where it passes a layer between."""
    (x, y), (to_x, to_y) = corners[edge[0]], corners[edge[1]]
    between = [(at_x + _MARGIN, at_y + _MARGIN) for at_x, at_y in points[1:-1]]
    half = _GATE_HEIGHT / 2
    ways = [(x + blocks[edge[0]].gate.width, y + half), *between, (to_x, to_y + half)]
    parts = [f"M{ways[0][0]:.1f} {ways[0][1]:.1f}"]
    for (from_x, from_y), (at_x, at_y) in pairwise(ways):
        bend = max(at_x - (at_x - from_x) / 2, at_x - _BEND)
        parts.append(
            f"L{2 * bend - at_x:.1f} {from_y:.1f}C{bend:.1f} {from_y:.1f} {bend:.1f} {at_y:.1f} {at_x:.1f} {at_y:.1f}"
        )
    return "".join(parts)


def _elbow(corner: Point) -> str:
    """From a gate down to its outputs."""
    x, y = corner[0] + _INDENT / 2, corner[1] + _GATE_HEIGHT
    return f"M{x:.1f} {y:.1f}v{_BELOW + _OUTPUT_HEIGHT / 2 - 4:.1f}q0 4 4 4h{_INDENT / 2 - 4:.1f}"
