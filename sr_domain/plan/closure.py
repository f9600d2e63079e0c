"""Which gates a set of outputs rests on (spec: behaviour, "Plan")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sr_domain.plan.pack import GateSpec, OutputSpec


def covers(outputs: Iterable[OutputSpec], gates: Mapping[str, GateSpec]) -> dict[str, frozenset[str]]:
    """The gates that vouch for each output: those that authorise it, and those it says it needs."""
    wanted = {output.output_id: set(output.read_requires_gates) for output in outputs}
    for gate in gates.values():
        for output_id in gate.authorizes_outputs:
            if output_id in wanted:
                wanted[output_id].add(gate.gate_id)
    return {output_id: frozenset(ids) for output_id, ids in wanted.items()}


def closure(seeds: Iterable[str], gates: Mapping[str, GateSpec]) -> frozenset[str]:
    """`seeds` and everything upstream of them; ids without an entry are kept, and lead nowhere."""
    found: set[str] = set()
    queue = list(seeds)
    while queue:
        gate_id = queue.pop()
        if gate_id in found:
            continue
        found.add(gate_id)
        gate = gates.get(gate_id)
        if gate is not None:
            queue.extend(gate.upstream_gate_dependencies)
    return frozenset(found)


def find_cycle(ids: Iterable[str], gates: Mapping[str, GateSpec]) -> tuple[str, ...]:
    """One dependency cycle among `ids` as ``a, b, ..., a``; empty when there is none."""
    done: set[str] = set()
    for start in sorted(ids):
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(start, False)]
        while stack:
            gate_id, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(gate_id)
                done.add(gate_id)
            elif gate_id in on_path:
                return (*path[path.index(gate_id) :], gate_id)
            elif gate_id not in done and gate_id in gates:
                path.append(gate_id)
                on_path.add(gate_id)
                stack.append((gate_id, True))
                stack.extend((up, False) for up in reversed(gates[gate_id].upstream_gate_dependencies))
    return ()
