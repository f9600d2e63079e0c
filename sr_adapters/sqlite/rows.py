"""Rows of the SQLite file as values of the port, and values as the parameters of statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sr_ports import Admission, Binding, Due, DueClaim, IndexedRun, IndexNote, Lease, Tail

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def values_of(binding: Binding) -> dict[str, Any]:
    """What is bound, by the names of the statements."""
    return {
        "key": binding.run_equivalence_key,
        "run_id": binding.run_id,
        "fingerprint": binding.intent_fingerprint,
        "intent": binding.intent,
        "platform": binding.platform_run_id,
        "store_id": binding.store_id,
    }


def admission_of(row: Sequence[Any], *, is_new: bool) -> Admission:
    settled, *parts = row
    return Admission(Binding(*parts), is_new, settled=bool(settled))


def binding_of(row: Sequence[Any]) -> Binding:
    key, run_id, fingerprint, intent, platform, store_id, settled, state, seq, event_id = row
    return Binding(key, run_id, fingerprint, intent, platform, store_id, bool(settled), state, tail_of(seq, event_id))


def tail_of(seq: int | None, event_id: str | None) -> Tail | None:
    return None if seq is None or event_id is None else Tail(seq, event_id)


def noted(note: IndexNote) -> dict[str, Any]:
    seq, event_id = (None, None) if note.tail is None else (note.tail.seq, note.tail.event_id)
    return {"state": note.state, "settled": note.settled, "seq": seq, "event_id": event_id, **due_parts(note.due)}


def due_parts(due: Due) -> dict[str, int | None]:
    """When a run is next worth a look, by the names of the statements."""
    return {"due_in_ms": round(due.in_s * 1000), "due_by_ms": None if due.by is None else unix_ms(due.by)}


def indexed_run(row: Sequence[Any]) -> IndexedRun:
    run_id, platform, state, settled, updated_ms, store_id, due_ms, *tail = row
    due_at = None if settled else instant_of(due_ms)
    at = instant_of(updated_ms)
    return IndexedRun(run_id, platform, state, bool(settled), at, store_id, tail_of(*tail), due_at)


def this_lease(lease: Lease) -> dict[str, Any]:
    return {
        "resource": lease.resource,
        "store_id": lease.store_id,
        "owner": lease.owner,
        "fence": lease.fence,
    }


def this_claim(claim: DueClaim) -> dict[str, str]:
    return {"run_id": claim.run_id, "store_id": claim.store_id, "token": claim.token}


def in_ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def unix_ms(at: datetime) -> int:
    """The first whole millisecond that is not before an instant."""
    return -((_EPOCH - at) // timedelta(milliseconds=1))


def instant_of(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
