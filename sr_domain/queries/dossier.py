"""Everything that a page about one run shows, of one reading of its record. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.evidence.digests import FileDigest
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedPlan
from sr_domain.queries.explain import Explanation, engine_run_id, explain
from sr_domain.queries.timeline import Timeline, timeline
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.proofs import Found, OutputProof
from sr_domain.record.read import Record
from sr_domain.record.spans import ENDS, RUN, ended_by
from sr_domain.run.answers import refs
from sr_domain.run.context import Context
from sr_domain.run.lookup import recorded, told_of_more
from sr_domain.run.part_lists import PartList, part_list_at
from sr_ports import EvidenceFault, Fault, ObjectStore

_PARTS = 400
"""Parts of all outputs together that a page names; of the others it names the list."""
_SHOWN = 1 << 18
"""Bytes of an artifact that is shown whole."""


@attrs.frozen
class Artifact:
    """What stands of a run in the store. `sha256`: hex64. `data`: None where it is too long to be shown whole."""

    name: str
    key: str
    size: int
    sha256: str
    data: bytes | None


@attrs.frozen
class Span:
    """A step that took time. `name`: as of `record.spans`. `ended_utc`, `ended_with`: None while it goes on."""

    name: str
    begun_utc: str
    ended_utc: str | None = None
    ended_with: str | None = None


@attrs.frozen
class Dossier:
    """A run as a page shows it. `read_at`: when its record was read, aware UTC, by this process's clock.

    `intent`, `request`: what was asked for, in JSON form; None where the record has lost its admission. `plan`: None
    before there is one. `looks`, `planned`: its gates as they are judged and its outputs as they are digested, each
    once or once a day, every token filled. `spans`: in the order of their ends, those that go on last. `found`: what
    passed; None before evidence was judged. `parts`: by the key of a part list its files, as many as a page has room
    for. `artifacts`: those of the run that stand now, the record among them.
    """

    read_at: datetime
    platform_run_id: str
    key: str | None
    admitted_by: str | None
    intent: Mapping[str, Any] | None
    request: Mapping[str, Any] | None
    explanation: Explanation
    timeline: Timeline
    plan: SealedPlan | None
    looks: tuple[SealedGate, ...]
    planned: tuple[OutputPart, ...]
    spans: tuple[Span, ...]
    found: Found | None
    parts: Mapping[str, tuple[FileDigest, ...]]
    artifacts: tuple[Artifact, ...]
    published: bool


def dossier(context: Context, run: str) -> Dossier:
    """The dossier of the run of this name. Raises as `record_of`."""
    place, ledger = recorded(context, run)
    layout, record = place.layout, Record(ledger)
    ports = context.ports.at(layout.platform_run_id)
    accepted, found = record.accepted, record.found
    plan = None if record.plan is None else SealedPlan.of(record.plan.details.plan)
    run_id = engine_run_id(record)
    return Dossier(
        read_at=ports.clock.now(),
        platform_run_id=layout.platform_run_id,
        key=None if accepted is None else accepted.details.run_equivalence_key,
        admitted_by=None if accepted is None else accepted.event.actor,
        intent=record.intent,
        request=None if accepted is None else accepted.details.request,
        explanation=explain(ports, layout, ledger, told_of_more(context, place, ledger)),
        timeline=timeline(ledger),
        plan=plan,
        looks=() if plan is None else tuple(look for gate in plan.gates for look in gate.looks(run_id)),
        planned=() if plan is None else tuple(part for output in plan.outputs for part in output.parts(run_id)),
        spans=tuple(_spans(ledger)),
        found=found,
        parts={} if found is None else dict(_parts(ports.store, found.outputs)),
        artifacts=tuple(_artifacts(ports.store, layout, ledger)),
        published=record.published,
    )


def _spans(ledger: Ledger) -> Iterator[Span]:
    ended: set[tuple[str, str]] = set()
    for event in ledger.events:
        for name, begun in ended_by(ledger, event).items():
            ended.add((name, begun.event_id))
            if name != RUN:
                yield Span(name, begun.ts_utc, event.ts_utc, event.event_kind)
    if ledger.state is not None and ledger.state.terminal:
        return  # what was under way ended with the run
    for event in ledger.events:
        step = _BEGINS.get(event.event_kind)
        if step is not None and (step, event.event_id) not in ended:
            yield Span(step, event.ts_utc)


_BEGINS = {begun: name for ends in ENDS.values() for name, begun in ends.items() if name != RUN}


def _parts(store: ObjectStore, outputs: tuple[OutputProof, ...]) -> Iterator[tuple[str, tuple[FileDigest, ...]]]:
    """By key, the part lists that there is room for; one that is not what its name says is left out."""
    left = _PARTS
    for proof in outputs:
        if proof.manifest_ref is None or proof.files > left:
            continue
        try:
            listed = part_list_at(store, proof.manifest_ref, proof.digest)
            parts = tuple(listed) if isinstance(listed, PartList) else ()
        except (EvidenceFault, Fault):
            continue
        left -= len(parts)
        yield proof.manifest_ref, parts


def _artifacts(store: ObjectStore, layout: Layout, ledger: Ledger) -> Iterator[Artifact]:
    """Those that answers name, with the signature where one stands."""
    named = {**refs(layout, ledger.run_id, ledger), "attestation_ref": layout.attestation(ledger.run_id)}
    for name, key in named.items():
        data = ledger.data if name == "record_ref" else _read(store, key)
        if data is not None:
            shown = data if len(data) <= _SHOWN else None
            yield Artifact(name.removesuffix("_ref").replace("_", " "), key, len(data), sha256_hex(data), shown)


def _read(store: ObjectStore, key: str) -> bytes | None:
    blob = store.read(key)
    return None if blob is None else blob.data
