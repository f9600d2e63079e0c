"""A run's record as a story in time: steps, holders, engine attempts. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_domain.encoding.times import parse_instant
from sr_domain.record.ledger import Event, Ledger
from sr_domain.run.answers import successor_of
from sr_domain.run.telemetry import story

_HASH = re.compile(r"[0-9a-f]{32,64}")
_SHOWN = 48
_HASH_SHOWN = 12
_FIRST = 2
_TOLD_ELSEWHERE = frozenset({"reason_code", "attempt_id"})


@attrs.frozen
class Step:
    """One event. `after_s`: seconds since the one before; None for the first. `gist`: its details, abridged."""

    seq: int
    at_utc: str
    after_s: float | None
    event_kind: str
    story: str
    actor: str
    fence: int
    gist: str


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
    for before, event in zip((None, *events), events, strict=False):
        after = None if before is None else _between(before, event)
        told = story(event.event_kind, event.details)
        yield Step(event.seq, event.ts_utc, after, event.event_kind, told, event.actor, event.fence, _gist(event))


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
    ends = {one.details["attempt_id"]: one for one in ledger.all("ENGINE_ATTEMPT_FINISHED", "ENGINE_ATTEMPT_ABANDONED")}
    for launch in ledger.all("ENGINE_ATTEMPT_LAUNCH_REQUESTED"):
        end = ends.get(launch.details["attempt_id"])
        details: Mapping[str, Any] = {} if end is None else end.details
        abandoned = end is not None and end.event_kind == "ENGINE_ATTEMPT_ABANDONED"
        yield {
            "attempt_no": launch.details["attempt_no"],
            "outcome": "RUNNING" if end is None else "ABANDONED" if abandoned else details["outcome"],
            "started_at_utc": launch.ts_utc,
            "seconds": None if end is None else _between(launch, end),
            "reason_code": details.get("reason_code"),
            "engine_run_root": details.get("engine_run_root"),
        }


def _between(one: Event, other: Event) -> float:
    """Seconds from one event to another; clocks may differ, so it may be below zero."""
    return (parse_instant(other.ts_utc) - parse_instant(one.ts_utc)).total_seconds()


def _gist(event: Event) -> str:
    plain = {
        key: value
        for key, value in event.details.items()
        if isinstance(value, str | int | float) and key not in _TOLD_ELSEWHERE
    }
    missing = event.details.get("missing") or ()
    parts = [f"{key}={_short(str(value))}" for key, value in list(plain.items())[:_FIRST]]
    return ", ".join([*parts, *([f"missing={_short(', '.join(missing))}"] if missing else [])])


def _short(text: str) -> str:
    if _HASH.fullmatch(text):
        return text[:_HASH_SHOWN] + "…"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
