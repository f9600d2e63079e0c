"""Gate closure: order-free, monotone, idempotent; cycles are found and named."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sr_domain.plan.closure import closure, covers, find_cycle
from sr_domain.plan.pack import GateSpec, OutputSpec
from sr_ports import VerificationMethod

NAMES = [f"g{i}" for i in range(8)]


def gate(gate_id: str, upstream: list[str], authorizes: tuple[str, ...] = ()) -> GateSpec:
    return GateSpec(
        gate_id,
        "flag",
        "bundle",
        VerificationMethod("law"),
        authorizes_outputs=authorizes,
        upstream_gate_dependencies=tuple(upstream),
    )


GRAPHS = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3) for name in NAMES}).map(
    lambda graph: {name: gate(name, upstream) for name, upstream in graph.items()}
)
SEEDS = st.lists(st.sampled_from(NAMES), max_size=5)


@given(GRAPHS, SEEDS, st.randoms())
def test_order_of_seeds_and_gates_changes_nothing(graph: dict[str, GateSpec], seeds: list[str], random: object) -> None:
    shuffled, items = list(seeds), list(graph.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(items)  # type: ignore[attr-defined]
    assert closure(seeds, graph) == closure(shuffled, dict(items))


@given(GRAPHS, SEEDS, SEEDS)
def test_more_outputs_never_need_fewer_gates(graph: dict[str, GateSpec], seeds: list[str], more: list[str]) -> None:
    assert closure(seeds, graph) <= closure([*seeds, *more], graph)


@given(GRAPHS, SEEDS)
def test_a_closure_is_closed(graph: dict[str, GateSpec], seeds: list[str]) -> None:
    once = closure(seeds, graph)
    assert closure(once, graph) == once
    assert set(seeds) <= once
    assert all(set(graph[name].upstream_gate_dependencies) <= once for name in once)


@given(GRAPHS)
def test_a_cycle_that_is_reported_is_one_and_none_is_missed(graph: dict[str, GateSpec]) -> None:
    cycle = find_cycle(graph, graph)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(b in graph[a].upstream_gate_dependencies for a, b in itertools.pairwise(cycle))
    else:  # a graph without a cycle can be emptied from its ends
        left = dict(graph)
        while left:
            ends = [name for name, one in left.items() if not set(one.upstream_gate_dependencies) & set(left)]
            assert ends
            for name in ends:
                del left[name]


def test_a_long_chain_needs_no_deep_stack() -> None:
    graph = {f"n{i}": gate(f"n{i}", [f"n{i + 1}"]) for i in range(20_000)}
    assert find_cycle(graph, graph) == ()
    assert len(closure(["n0"], graph)) == 20_001


def test_an_output_is_covered_by_gates_that_authorise_it_and_gates_it_names() -> None:
    outputs = [OutputSpec("a", "a"), OutputSpec("b", "b", read_requires_gates=("g2",)), OutputSpec("c", "c")]
    gates = {"g1": gate("g1", [], ("a", "b")), "g2": gate("g2", [])}
    assert covers(outputs, gates) == {"a": {"g1"}, "b": {"g1", "g2"}, "c": frozenset()}
