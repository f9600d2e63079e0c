"""How two runs differ: pins, policy, laws, outputs and parts, from records and part lists alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sr_domain.evidence.digests import FileDigest
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.proofs import OutputProof
from sr_domain.record.read import Record
from sr_domain.run.context import Context
from sr_domain.run.lookup import record_of
from sr_domain.run.part_changes import part_changes
from sr_domain.run.part_lists import PartList, part_list_at
from sr_ports import EvidenceFault, ObjectStore

_Pair = dict[str, Any]
NAMED = 16 << 20
"""Bytes of what is named of the parts of one output."""


def run_diff(context: Context, first: str, second: str) -> dict[str, Any]:
    """The differences of two runs, named in any way. Raises `NotFound`, `BadInput`, `Unreachable`.

    What neither decided has no outputs to compare. Parts are told where both part lists stand.
    """
    one, other = (_Side(context.ports.store, *record_of(context, run)) for run in (first, second))
    return {
        "first": one.told(),
        "second": other.told(),
        "pins": _differences(one.pins, other.pins),
        "policy": _differences(one.policy, other.policy),
        "laws": _differences(one.laws, other.laws),
        "outputs": _outputs(one, other),
    }


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, _Pair]:
    names = sorted({*one, *other})
    return {
        name: {"first": one.get(name), "second": other.get(name)} for name in names if one.get(name) != other.get(name)
    }


@attrs.frozen
class _Side:
    """One of the two runs."""

    store: ObjectStore
    layout: Layout
    ledger: Ledger

    @property
    def record(self) -> Record:
        return Record(self.ledger)

    def told(self) -> dict[str, Any]:
        """Which run it is."""
        accepted, state = self.record.accepted, self.ledger.state
        key = None if accepted is None else accepted.details.run_equivalence_key
        state_word = None if state is None else state.value
        return {"run_id": self.ledger.run_id, "run_equivalence_key": key, "state": state_word}

    @property
    def pins(self) -> dict[str, Any]:
        """What it was asked for, and where its bytes were."""
        return {**(self.record.intent or {}), "engine_run_root": self.record.root}

    @property
    def policy(self) -> dict[str, Any]:
        """The policy that it was admitted under."""
        accepted = self.record.accepted
        return {} if accepted is None else dict(accepted.event.policy_rev or {})

    @property
    def laws(self) -> dict[str, Any]:
        """By gate, which law judged it, and whose."""
        found = self.record.found
        judged = {} if found is None else found.laws
        return {gate: f"{law['kind']} of {law['distribution']} {law['version']}" for gate, law in judged.items()}

    @property
    def outputs(self) -> dict[tuple[str, str], OutputProof]:
        """By output and day, what was proven."""
        found = self.record.found
        return {} if found is None else {(one.output_id, one.day or ""): one for one in found.outputs}

    def parts(self, proof: OutputProof) -> Iterable[FileDigest] | None:
        """Its parts, in order of path; None where its list is not there."""
        if proof.files == 1 and proof.manifest_ref is None:
            return (FileDigest((proof.path or proof.output_id).rpartition("/")[2], proof.size, proof.digest),)
        ref = proof.manifest_ref
        found = None if ref is None else part_list_at(self.store, ref, proof.digest)
        return found if isinstance(found, PartList) else None


def _outputs(one: _Side, other: _Side) -> dict[str, Any]:
    old, new = one.outputs, other.outputs
    both = sorted(old.keys() & new.keys())
    differ = [at for at in both if old[at].digest != new[at].digest]
    return {
        "same": len(both) - len(differ),
        "only_first": [_name(at) for at in sorted(old.keys() - new.keys())],
        "only_second": [_name(at) for at in sorted(new.keys() - old.keys())],
        "differ": [
            {"output": _name(at), "first": old[at].digest, "second": new[at].digest}
            | _changes(one.parts(old[at]), other.parts(new[at]))
            for at in differ
        ],
    }


def _changes(old: Iterable[FileDigest] | None, new: Iterable[FileDigest] | None) -> dict[str, Any]:
    """Which parts were added, removed and changed; nothing where a list is not there, or is none."""
    if old is None or new is None:
        return {}
    try:
        return part_changes(old, new, most=NAMED)
    except EvidenceFault:
        return {}


def _name(at: tuple[str, str]) -> str:
    return f"{at[0]}@{at[1]}" if at[1] else at[0]
