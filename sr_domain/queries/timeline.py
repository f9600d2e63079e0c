"""A run's record as a story in time: steps, holders, engine attempts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_domain.encoding.times import parse_instant
from sr_domain.record.actors import proofs
from sr_domain.record.events import kind_of
from sr_domain.record.kinds import SAID_ELSEWHERE, missing_in, scalars
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.read import Record
from sr_domain.run.answers import successor_of

_HASH = re.compile(r"[0-9a-f]{32,64}")
_SHOWN = 48
_HASH_SHOWN = 12
_FIRST = 2


@attrs.frozen
class Step:
    """One event. `after_s`: seconds since the one before; None for the first. `gist`: its details, abridged.

    `actor_proof`: how the actor was proven (`sr_ports.Identity.mode`); None where the record does not say.
    """

    seq: int
    at_utc: str
    after_s: float | None
    event_kind: str
    story: str
    actor: str
    fence: int
    gist: str
    actor_proof: str | None


@attrs.frozen
class Holder:
    """Who wrote under one fence: one lease. `seconds`: from its first event to its last."""

    fence: int
    actor: str
    from_utc: str
    to_utc: str
    seconds: float
    events: int


@attrs.frozen
class Timeline:
    """The whole story. `seconds`: from the first event to the last. `events`: the record itself.

    `superseded_by`: the run's successor.
    """

    run_id: str
    state: str | None
    seconds: float
    steps: tuple[Step, ...]
    holders: tuple[Holder, ...]
    attempts: tuple[Mapping[str, Any], ...]
    events: tuple[Event, ...]
    superseded_by: str | None = None

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        return attrs.asdict(self)


def timeline(ledger: Ledger) -> Timeline:
    """The timeline of a record that has at least one event."""
    state, events = ledger.state, ledger.events
    return Timeline(
        run_id=ledger.run_id,
        state=None if state is None else state.value,
        seconds=_between(events[0], events[-1]),
        steps=tuple(_steps(events)),
        holders=tuple(_holders(events)),
        attempts=tuple(_attempts(ledger)),
        events=events,
        superseded_by=successor_of(ledger),
    )


def _steps(events: tuple[Event, ...]) -> Iterator[Step]:
    for before, event, proof in zip((None, *events), events, proofs(events), strict=False):
        after = None if before is None else _between(before, event)
        told = kind_of(event.event_kind).story(event.details)
        who = event.actor, event.fence, _gist(event), proof
        yield Step(event.seq, event.ts_utc, after, event.event_kind, told, *who)


def _holders(events: tuple[Event, ...]) -> Iterator[Holder]:
    """Fences never fall, so each holder's events lie together; events from aside carry the fence that stood."""
    by_fence: dict[int, list[Event]] = {}
    for event in events:
        by_fence.setdefault(event.fence, []).append(event)
    for fence, own in by_fence.items():
        first, last = own[0], own[-1]
        if fence > 0:
            yield Holder(fence, first.actor, first.ts_utc, last.ts_utc, _between(first, last), len(own))


def _attempts(ledger: Ledger) -> Iterator[Mapping[str, Any]]:
    """Every engine attempt, the open ones too."""
    for attempt in Record(ledger).attempts:
        launch, end = attempt.launched, attempt.end
        finished = None if attempt.finished is None else attempt.finished.details
        yield {
            "attempt_no": launch.details.attempt_no,
            "outcome": attempt.outcome,
            "started_at_utc": launch.ts_utc,
            "seconds": None if end is None else _between(launch.event, end),
            "reason_code": None if finished is None else finished.reason_code,
            "engine_run_root": None if finished is None else finished.engine_run_root,
        }


def _between(one: Event, other: Event) -> float:
    """Seconds from one event to another; clocks may differ, so it may be below zero."""
    return (parse_instant(other.ts_utc) - parse_instant(one.ts_utc)).total_seconds()


def _gist(event: Event) -> str:
    plain = {
        name: value
        for name, value in scalars(event.details).items()
        if value is not None and name not in SAID_ELSEWHERE
    }
    missing = missing_in(event.details)
    parts = [f"{name}={_short(str(value))}" for name, value in list(plain.items())[:_FIRST]]
    return ", ".join([*parts, *([f"missing={_short(', '.join(missing))}"] if missing else [])])


def _short(text: str) -> str:
    if _HASH.fullmatch(text):
        return text[:_HASH_SHOWN] + "…"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
