"""What an interface pack covers, ready for its template. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from sr_adapters.console.words import short_names

if TYPE_CHECKING:
    from sr_domain.plan.pack import GateSpec, InterfacePack, OutputSpec


@attrs.frozen
class PackGate:
    """A gate of a pack. `name`: what tells it from the others. `needs`: names of gates."""

    anchor: str
    name: str
    spec: GateSpec
    needs: tuple[str, ...]


@attrs.frozen
class PackOutput:
    """An output of a pack. `by`: names of the gates that authorise it. `needs`: of those it is read behind."""

    spec: OutputSpec
    by: tuple[str, ...]
    needs: tuple[str, ...]
    laws: tuple[str, ...]


@attrs.frozen
class PackPage:
    """A pack, narrowed by `words`. `all_gates`, `all_outputs`: how many there are in all."""

    words: str
    digest: str
    gates: tuple[PackGate, ...]
    outputs: tuple[PackOutput, ...]
    all_gates: int
    all_outputs: int

    @property
    def ungated(self) -> int:
        """Outputs that no gate covers."""
        return sum(not (one.by or one.needs) for one in self.outputs)


def pack_page(pack: InterfacePack, words: str) -> PackPage:
    """The page of a pack. `words`: gates and outputs whose ids, laws or paths have them."""
    names = short_names(list(pack.gates)) if pack.gates else {}
    found = words.casefold()
    gates = [
        PackGate(
            f"gate-{number}",
            names[gate_id],
            spec,
            tuple(names.get(one, one) for one in spec.upstream_gate_dependencies),
        )
        for number, (gate_id, spec) in enumerate(pack.gates.items(), 1)
    ]
    outputs = [_output(pack, names, one) for one in pack.outputs.values()]
    return PackPage(
        words,
        pack.digest,
        tuple(
            one for one in gates if _fits(found, one.spec.gate_id, one.spec.method.kind, *one.spec.authorizes_outputs)
        ),
        tuple(one for one in outputs if _fits(found, one.spec.output_id, one.spec.path_template, *one.by)),
        len(gates),
        len(outputs),
    )


def _output(pack: InterfacePack, names: Mapping[str, str], spec: OutputSpec) -> PackOutput:
    by = [gate_id for gate_id, gate in pack.gates.items() if spec.output_id in gate.authorizes_outputs]
    laws = dict.fromkeys(pack.gates[one].method.kind for one in by)
    needs = tuple(names.get(one, one) for one in spec.read_requires_gates)
    return PackOutput(spec, tuple(names[one] for one in by), needs, tuple(laws))


def _fits(words: str, *texts: str) -> bool:
    return not words or any(words in one.casefold() for one in texts)
