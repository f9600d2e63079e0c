"""A run's timeline as a picture: where bars and ticks lie on a true axis of time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from sr_adapters.console.words import lasting
from sr_domain.encoding.times import parse_instant
from sr_domain.record import events, spans
from sr_domain.record.states import SUCCEEDED

if TYPE_CHECKING:
    from sr_domain.queries.dossier import Dossier, Span
    from sr_domain.queries.timeline import Step

_WHOLE = 100.0
_THIN = 0.35
"""Percent of the axis: the least that a bar is wide."""
_MARKS = 6
_DECADES = (0.0001, 0.001, 0.01, 0.1, 1.0)
_STEPS = (
    *(scale * decade for decade in _DECADES for scale in (1, 2, 5)),
    *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 21_600.0, 43_200.0),
    *(86_400.0 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)),
)
_SETTLED = frozenset(
    {events.READY_PUBLISHED.name, events.RUN_FAILED.name, events.RUN_QUARANTINED.name, events.TRUTH_LOST.name}
)
_LABELS = {
    spans.PLAN: "Plan",
    spans.ATTEMPT: "Engine",
    spans.EVIDENCE: "Evidence",
    spans.COMMIT: "Commit",
    spans.PUBLISH: "Publish",
    spans.REEMIT: "Re-emit",
}
_WAITS = frozenset({events.EVIDENCE_WAITING.name, events.RECEIPT_ORPHANED.name})
_BAD = frozenset({events.RUN_FAILED.name, events.RUN_QUARANTINED.name, events.ENGINE_ATTEMPT_ABANDONED.name})


@attrs.frozen
class Bar:
    """A phase. `left`, `width`: percent of the axis. `look`: how it ended: ok, bad, open; `ending`: in a word.

    `waits`: percent from where on it only waited; None where it did not. `took`: in words.
    """

    label: str
    left: float
    width: float
    look: str
    ending: str
    took: str
    begun_utc: str
    ended_utc: str | None
    waits: float | None = None


@attrs.frozen
class Tick:
    """An event on the axis. `left`: percent."""

    left: float
    step: Step
    bad: bool


@attrs.frozen
class TimeAxis:
    """The picture. `marks`: percent and label of the axis. `ticks`: those of the run's way to its end.

    `after`: how many events came later, such as re-emits: the axis ends where the run was settled.
    """

    begun_utc: str
    ended_utc: str
    open: bool
    marks: tuple[tuple[float, str], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    after: int


@attrs.frozen
class _Scale:
    begins: datetime
    ends: datetime

    @property
    def seconds(self) -> float:
        return max((self.ends - self.begins).total_seconds(), 0.001)

    def at(self, instant: str | datetime) -> float:
        """Percent of the axis, within it."""
        then = parse_instant(instant) if isinstance(instant, str) else instant
        part = (then - self.begins).total_seconds() / self.seconds
        return round(min(max(part, 0.0), 1.0) * _WHOLE, 3)


def time_axis(told: Dossier) -> TimeAxis:
    """The timeline of a run. Events of clocks that run backwards lie at the start."""
    steps = told.timeline.steps
    end = next((number for number, one in enumerate(steps) if one.event_kind in _SETTLED), None)
    own = steps if end is None else steps[: end + 1]
    first = parse_instant(steps[0].at_utc)
    last = max(first, told.read_at if end is None else max(parse_instant(one.at_utc) for one in own))
    scale = _Scale(first, last)
    return TimeAxis(
        begun_utc=steps[0].at_utc,
        ended_utc=steps[end].at_utc if end is not None else last.isoformat().replace("+00:00", "Z"),
        open=end is None,
        marks=tuple(_marks(scale)),
        bars=tuple(_bars(told, scale, last, own)),
        ticks=tuple(Tick(scale.at(one.at_utc), one, one.event_kind in _BAD) for one in own),
        after=len(steps) - len(own),
    )


def _bars(told: Dossier, scale: _Scale, last: datetime, own: Sequence[Step]) -> Iterator[Bar]:
    number = 0
    for span in sorted(told.spans, key=lambda one: (one.begun_utc, one.ended_utc or "~")):
        if parse_instant(span.begun_utc) > last or (span.name == spans.REEMIT):
            continue
        number += span.name == spans.ATTEMPT
        several = sum(one.name == spans.ATTEMPT for one in told.spans) > 1
        label = f"Engine, attempt {number}" if span.name == spans.ATTEMPT and several else _LABELS[span.name]
        ending = _ending(span, told, number)
        look = {"": "ok", "so far": "open"}.get(ending, "bad")
        yield _bar(label, look, ending, span, scale, own)


def _bar(label: str, look: str, ending: str, span: Span, scale: _Scale, own: Sequence[Step]) -> Bar:
    ended = scale.ends if span.ended_utc is None else parse_instant(span.ended_utc)
    left, right = scale.at(span.begun_utc), scale.at(ended)
    left = min(left, _WHOLE - _THIN)
    took = (ended - parse_instant(span.begun_utc)).total_seconds()
    waits = None
    if span.name == spans.EVIDENCE:
        waited = [scale.at(one.at_utc) for one in own if one.event_kind in _WAITS]
        waits = waited[0] if waited else None
    return Bar(
        label, left, max(right - left, _THIN), look, ending, lasting(took), span.begun_utc, span.ended_utc, waits
    )


def _ending(span: Span, told: Dossier, number: int) -> str:
    """How a phase ended, in a word where not well."""
    if span.ended_with is None:
        return "so far"
    if span.name == spans.ATTEMPT:
        outcome = str(told.timeline.attempts[number - 1]["outcome"])
        return "" if outcome == SUCCEEDED else outcome.lower()
    return {events.RUN_FAILED.name: "failed", events.RUN_QUARANTINED.name: "conflict"}.get(span.ended_with, "")


def _marks(scale: _Scale) -> Iterator[tuple[float, str]]:
    step = next((one for one in _STEPS if scale.seconds / one <= _MARKS), _STEPS[-1])
    number = 0
    while number * step <= scale.seconds * 1.0001:
        yield round(number * step / scale.seconds * _WHOLE, 3), _elapsed(number * step)
        number += 1


def _elapsed(seconds: float) -> str:
    """A mark of the axis: the least digits that say it."""
    for unit, word in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit and not seconds % unit:
            return f"{seconds / unit:.0f} {word}"
    if seconds >= 60:  # noqa: PLR2004 - a minute
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds:.4g} s" if seconds >= 1 else f"{seconds * 1000:.4g} ms" if seconds else "0"
