"""The governance facts of a store's records, each with what proves it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sr_domain.encoding.canonical import sha256_hex
from sr_domain.encoding.times import parse_instant
from sr_domain.record.actors import proofs
from sr_domain.record.events import kind_of
from sr_domain.record.kinds import PROOF
from sr_domain.record.layout import STORE_RECORDS, run_of
from sr_domain.record.ledger import Event, Ledger, read_ledger
from sr_domain.run.context import Context
from sr_domain.run.platform_runs import record_refs
from sr_domain.run.trouble import Trouble, each
from sr_ports import NotFound, ReasonCode

Facts = list[dict[str, Any]]


def governance_facts(context: Context, since: datetime | None = None) -> Iterator[tuple[str, Facts | Trouble]]:
    """By ref of a record: its governance facts in order, from `since` on; what was wrong with a record in their place.

    Runs of every platform run, the newest first, then the identities of the store. A record is read when it is asked
    for, and every line of it is held against its chain first.
    """
    refs = _refs(context)
    for ref, found in each(refs, lambda ref: _facts(context, ref, since)):
        if found:
            yield ref, found


def _refs(context: Context) -> Iterator[str]:
    yield from record_refs(context.ports)
    yield from (one.key for one in context.ports.store.list(STORE_RECORDS) if one.key.endswith(".jsonl"))


def _facts(context: Context, ref: str, since: datetime | None) -> Facts:
    blob = context.ports.store.read(ref)
    if blob is None:
        raise NotFound(ReasonCode.TRUTH_MISSING, f"{ref} was listed and is gone")
    home = run_of(ref)
    ledger = read_ledger(ref.removeprefix(STORE_RECORDS).removesuffix(".jsonl") if home is None else home[1], blob.data)
    where = {"platform_run_id": None if home is None else home[0].platform_run_id, "record_ref": ref}
    told = zip(ledger.events, proofs(ledger.events), strict=True)
    wanted = ((one, proof) for one, proof in told if kind_of(one.event_kind).governance)
    return [
        _fact(ledger, one, proof, where) for one, proof in wanted if since is None or parse_instant(one.ts_utc) >= since
    ]


def _fact(ledger: Ledger, event: Event, proof: str | None, where: dict[str, Any]) -> dict[str, Any]:
    """A fact: what the record says, and the digests by which anybody finds it there.

    `line_sha256`: of the event's line, which is the next line's `prev_hash`; `record_sha256`: of the last line, which
    binds all before it.
    """
    return {
        **where,
        "run_id": event.run_id,
        "event_kind": event.event_kind,
        "ts_utc": event.ts_utc,
        "actor": event.actor,
        **({} if proof is None else {PROOF: proof}),
        "policy_rev": event.policy_rev,
        "details": event.details,
        "seq": event.seq,
        "event_id": event.event_id,
        "prev_hash": event.prev_hash,
        "line_sha256": sha256_hex(ledger.data.split(b"\n")[event.seq]),
        "record_sha256": ledger.tail_hash,
    }
