"""What a run's page shows, ready for its template. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.answers import spelled
from sr_adapters.console.gate_graph import GateGraph, gate_graph
from sr_adapters.console.time_axis import TimeAxis, time_axis
from sr_adapters.console.words import FAULTY, short_names, state_mark, verdict_mark

if TYPE_CHECKING:
    from sr_domain.evidence.digests import FileDigest
    from sr_domain.plan.sealed import SealedGate
    from sr_domain.queries.dossier import Dossier
    from sr_domain.queries.explain_items import Item
    from sr_domain.record.proofs import OutputProof

_LONG = frozenset({"manifest_fingerprint", "parameter_hash", "plan_hash", "engine root", "supersedes"})
"""Pins whose values are digests, ids or paths."""
_PRINTED = 24
"""Outputs that a printed page lists; those at fault come first."""


@attrs.frozen
class GateRow:
    """A gate, or one day of it. `short`: what tells it from the others. `word`: its verdict."""

    anchor: str
    short: str
    mark: str
    word: str
    item: Item
    look: SealedGate
    upstream: tuple[str, ...]

    @property
    def faulty(self) -> bool:
        """Whether it holds the run up."""
        return self.item.verdict in FAULTY or (self.item.verdict == "UNKNOWN" and bool(self.item.detail))


@attrs.frozen
class OutputRow:
    """An output, or one day of it. `gates`: ids of those that authorise it. `beyond`: not on paper."""

    anchor: str
    mark: str
    word: str
    item: Item
    day: str | None
    gates: tuple[str, ...]
    gate_names: tuple[str, ...]
    proof: OutputProof | None
    parts: tuple[FileDigest, ...]
    beyond: bool = False


@attrs.frozen
class RunPage:
    """A run's page. `pins`: names and values of what identifies it. `next`: what to do, in words."""

    told: Dossier
    mark: str
    word: str
    next: str
    pins: tuple[tuple[str, Any], ...]
    gates: tuple[GateRow, ...]
    outputs: tuple[OutputRow, ...]
    axis: TimeAxis
    graph: GateGraph | None
    logs: Mapping[int, Sequence[str]]

    @property
    def run_id(self) -> str:
        """The run's."""
        return self.told.explanation.run_id

    @property
    def long(self) -> frozenset[str]:
        """Names of the pins whose values are digests, ids or paths."""
        return _LONG

    @property
    def beyond(self) -> int:
        """Outputs that a printed page does not list."""
        return sum(one.beyond for one in self.outputs)

    @property
    def passed(self) -> int:
        """Gates that passed."""
        return sum(one.item.verdict == "PASS" for one in self.gates)

    @property
    def proven(self) -> int:
        """Outputs that are proven."""
        return sum(one.item.verdict == "PROVEN" for one in self.outputs)

    @property
    def read(self) -> int | None:
        """Outputs whose very bytes a law of a gate hashed; None where that is not known."""
        known = [one.item.hashed for one in self.outputs if one.item.hashed is not None]
        return sum(known) if known else None


def run_page(told: Dossier) -> RunPage:
    """The page of a run."""
    why = told.explanation
    mark, word = state_mark(why.state, why.superseded_by)
    gates = tuple(_gates(told))
    outputs = tuple(_outputs(told, {one.look.gate_id: one.short for one in gates}))
    return RunPage(
        told=told,
        mark=mark,
        word=word,
        next=spelled(why.next),
        pins=tuple((name, value) for name, value in _pins(told) if value is not None),
        gates=gates,
        outputs=outputs,
        axis=time_axis(told),
        graph=gate_graph(gates, outputs),
        logs={int(one["attempt_no"]): tuple(one.get("last_lines", ())) for one in why.attempts},
    )


def _gates(told: Dossier) -> Iterator[GateRow]:
    ids = list(dict.fromkeys(look.gate_id for look in told.looks))
    short = short_names(ids) if ids else {}
    for number, (look, item) in enumerate(zip(told.looks, told.explanation.gates, strict=True), 1):
        mark, word = verdict_mark(item.verdict)
        name = short[look.gate_id] + (f" {look.day}" if look.day else "")
        upstream = tuple(short.get(one, one) for one in look.upstream)
        yield GateRow(f"gate-{number}", name, mark, word, item, look, upstream)


def _outputs(told: Dossier, gates: Mapping[str, str]) -> Iterator[OutputRow]:
    """Those at fault first, then in the plan's order; what is beside the outputs (a run receipt) leads."""
    proofs = {} if told.found is None else {(one.output_id, one.day): one for one in told.found.outputs}
    items = told.explanation.outputs
    beside = len(items) - len(told.planned)
    rows: list[OutputRow] = []
    for number, item in enumerate(items, 1):
        part = told.planned[number - 1 - beside] if number > beside else None
        mark, word = verdict_mark(item.verdict)
        day = None if part is None else part.day
        proof = None if part is None else proofs.get((item.id, day)) or proofs.get((item.id, None))
        ref = None if proof is None else proof.manifest_ref
        own = () if part is None else tuple(one for one in part.output.gates if one in gates)
        names, parts = tuple(gates[one] for one in own), told.parts.get(ref or "", ())
        rows.append(OutputRow(f"output-{number}", mark, word, item, day, own, names, proof, parts))
    rows.sort(key=lambda one: one.item.verdict not in FAULTY)
    for number, row in enumerate(rows):
        yield attrs.evolve(row, beyond=number >= _PRINTED)


def _pins(told: Dossier) -> Iterator[tuple[str, Any]]:
    intent = told.intent or {}
    yield "key", told.key
    yield "scenario", intent.get("scenario_id")
    yield "window", _window(intent)
    yield "manifest_fingerprint", intent.get("manifest_fingerprint")
    yield "parameter_hash", intent.get("parameter_hash")
    yield "seed", intent.get("seed")
    yield "platform run", told.platform_run_id
    yield "admitted by", told.admitted_by
    if told.plan is not None:
        policy = told.plan.policy_rev
        yield "policy", f"{policy.policy_id}, revision {policy.revision}"
        yield "strategy", told.plan.strategy.value
        yield "plan_hash", told.plan.plan_hash
    yield "engine root", told.explanation.engine_run_root
    yield "supersedes", intent.get("supersedes")


def _window(intent: Mapping[str, Any]) -> str | None:
    start, end = intent.get("window_start_utc"), intent.get("window_end_utc")
    return None if start is None else f"{start} to {end}, {intent.get('window_tz')}"
