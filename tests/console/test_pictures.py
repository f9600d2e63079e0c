"""Graph and timeline: where things lie says what is true."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("grandalf", reason="pages need pip install 'scenario-runner[report]'")

from sr_adapters.console.gate_graph import gate_graph
from sr_adapters.console.layout import Box, laid_out, reduced
from sr_adapters.console.run_page import run_page
from sr_adapters.console.time_axis import time_axis
from sr_adapters.console.words import ago, lasting, short_names, state_mark, utc
from sr_domain.queries.dossier import Dossier
from tests.console.states import Runs, every_state
from tests.kit import Lab, request
from tests.worlds import gate, law, pack, small_world


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Box], list[tuple[str, str]]]:
    """Boxes and edges between them, without a circle."""
    many = draw(st.integers(1, 12))
    size = st.sampled_from([30.0, 60.0, 110.0])
    boxes = {f"n{at}": Box(draw(size), draw(size)) for at in range(many)}
    pairs = [(f"n{one}", f"n{other}") for one, other in combinations(range(many), 2)]
    return boxes, [pair for pair in pairs if draw(st.integers(0, 3)) == 0]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_upstream_lies_left_and_no_box_lies_on_another(made: tuple[dict[str, Box], list[tuple[str, str]]]) -> None:
    boxes, edges = made
    drawn = laid_out(boxes, edges)
    at = drawn.centers
    for source, target in edges:
        assert at[source][0] + boxes[source].width / 2 < at[target][0] - boxes[target].width / 2
        first, last = drawn.routes[source, target][0], drawn.routes[source, target][-1]
        assert first == (at[source][0] + boxes[source].width / 2, at[source][1])
        assert last == (at[target][0] - boxes[target].width / 2, at[target][1])
    for one, other in combinations(boxes, 2):
        apart_x = abs(at[one][0] - at[other][0]) >= (boxes[one].width + boxes[other].width) / 2
        apart_y = abs(at[one][1] - at[other][1]) >= (boxes[one].height + boxes[other].height) / 2
        assert apart_x or apart_y, f"{one} lies on {other}"
    for node, (x, y) in at.items():
        assert x - boxes[node].width / 2 >= 0
        assert x + boxes[node].width / 2 <= drawn.width + 1e-6
        assert y - boxes[node].height / 2 >= 0
        assert y + boxes[node].height / 2 <= drawn.height + 1e-6
    assert laid_out(boxes, edges) == drawn


@given(graphs())
def test_what_is_left_out_follows_from_what_is_drawn(made: tuple[dict[str, Box], list[tuple[str, str]]]) -> None:
    _, edges = made
    kept = reduced(edges)
    assert _reach(kept) == _reach(edges)
    for one in kept:
        assert one not in _reach([other for other in kept if other != one])


def _reach(edges: list[tuple[str, str]]) -> set[tuple[str, str]]:
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return every_state(Lab.memory(tmp_path_factory.mktemp("lab")))


def test_a_gate_stands_out_by_the_worst_of_what_it_authorises(runs: Runs) -> None:
    page = run_page(runs.runner.dossier(runs.quarantined))
    assert page.graph is not None
    marks = {node.label: node.mark for node in page.graph.nodes if node.gate}
    assert marks == {"a": "quarantined", "b": "ready", "c": "ready"}
    left = {node.label: node.x for node in page.graph.nodes if node.gate}
    assert left["a"] < left["b"] < left["c"]


def test_outputs_lie_below_and_right_of_their_gate(runs: Runs) -> None:
    page = run_page(runs.runner.dossier(runs.ready))
    assert page.graph is not None
    nodes = page.graph.nodes
    for gate_node, outputs in zip(nodes[::2], nodes[1::2], strict=True):
        assert gate_node.gate
        assert not outputs.gate
        assert outputs.x > gate_node.x
        assert outputs.y > gate_node.y


def test_more_gates_than_can_be_looked_at_are_not_drawn(tmp_path: Any) -> None:
    lab = Lab.memory(tmp_path)
    gates = tuple(gate(f"gate.{at}", law("sha256_bundle_digest"), "world") for at in range(121))
    told = lab.runner(packed=pack(gates=gates)).dossier(
        lab.runner(packed=pack(gates=gates))
        .submit(request(output_ids=["world"], engine_run_root=lab.world(small_world())))
        .run_id
    )
    page = run_page(told)
    assert len(page.gates) == 121
    assert page.graph is None
    assert gate_graph(page.gates[:120], page.outputs) is not None
    assert gate_graph((), page.outputs) is None


def test_the_axis_is_true_to_time(runs: Runs) -> None:
    told = runs.runner.dossier(runs.failed)
    axis = time_axis(told)
    first, second = (bar for bar in axis.bars if bar.label.startswith("Engine"))
    assert (first.left, first.ending) == (0.0, "failed")
    assert second.left > 99
    assert [tick.left for tick in axis.ticks[:5]] == [0.0] * 5
    assert axis.ticks[-1].left == 100.0
    assert not axis.open
    assert axis.marks[0] == (0.0, "0")
    assert axis.marks[-1] == (100.0, "2 s")


def test_the_axis_of_a_run_that_goes_on_ends_now(runs: Runs) -> None:
    runs.lab.clock.sleep(58)
    axis = time_axis(runs.runner.dossier(runs.waiting))
    (evidence,) = (bar for bar in axis.bars if bar.label == "Evidence")
    assert axis.open
    assert (evidence.look, evidence.ending, evidence.waits) == ("open", "so far", 0.0)
    assert evidence.width == 100.0
    assert axis.marks[-1][1] == "1 min"


def test_what_comes_after_the_end_is_not_on_the_axis(runs: Runs) -> None:
    axis = time_axis(runs.runner.dossier(runs.superseded))
    assert axis.after == 3
    assert axis.begun_utc[:16] == axis.ended_utc[:16]


def test_clocks_that_run_backwards_lie_within_the_axis(runs: Runs) -> None:
    told: Dossier = runs.runner.dossier(runs.ready)
    steps = list(told.timeline.steps)
    steps[3] = attrs.evolve(steps[3], at_utc="2020-01-01T00:00:00Z")
    axis = time_axis(attrs.evolve(told, timeline=attrs.evolve(told.timeline, steps=tuple(steps))))
    assert all(0 <= tick.left <= 100 for tick in axis.ticks)
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.36 for bar in axis.bars)


def test_the_five_states_differ_in_shape() -> None:
    states = ("READY", "WAITING_EVIDENCE", "FAILED", "QUARANTINED", "EXECUTING")
    marks = {state_mark(one)[0] for one in states} | {state_mark("READY", "b" * 32)[0]}
    assert len(marks) == 6
    assert state_mark(None) == ("none", "Unknown")


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["gate.layer1.3A.validation", "gate.layer2.5A.validation"], ["3A", "5A"]),
        (["gate.a"], ["a"]),
        (["gate.1.a", "gate.2.a"], ["1", "2"]),
        (["x.a.1", "x.b.1", "x.b.2"], ["a.1", "b.1", "b.2"]),
        (["a", "a.b"], ["a", "b"]),
        (["one", "two"], ["one", "two"]),
    ],
)
def test_a_gate_is_named_by_what_tells_it_from_the_others(ids: list[str], names: list[str]) -> None:
    assert list(short_names(ids).values()) == names


@given(st.lists(st.text(".ab", min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_no_two_gates_have_one_name(ids: list[str]) -> None:
    assert len(set(short_names(ids).values())) == len(ids)


def test_durations_and_instants_are_in_words() -> None:
    told = [lasting(one) for one in (None, 0.0034, 1.239, 245, 7800, 273_600)]
    assert told == ["", "3 ms", "1.24 s", "4 min 05 s", "2 h 10 min", "3 d 4 h"]
    assert utc("2026-01-31T13:42:00.5Z") == "2026-01-31 13:42:00 UTC"


def test_an_age_is_told_in_the_largest_unit_that_tells(runs: Runs) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 1, 31, tzinfo=UTC)
    ages = [ago(now - timedelta(seconds=one), now) for one in (-5, 3, 119, 120, 7200, 172_800)]
    assert ages == ["0 s ago", "3 s ago", "119 s ago", "2 min ago", "2 h ago", "2 d ago"]
