"""When a run is next worth a look: the rule, over records alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from sr_domain.encoding.times import format_instant
from sr_domain.plan.request import RunRequest, parse_request
from sr_domain.record import events
from sr_domain.record.details import Accepted, ArtifactRefused, LeaseTaken, Published, Refused, Rest, RootUnreadable
from sr_domain.record.kinds import Draft
from sr_domain.record.ledger import Event, Ledger
from sr_domain.record.read import Record
from sr_domain.run.next_look import next_look
from sr_ports import Due, ReasonCode
from tests.kit import START, request

R = ReasonCode
DEADLINE = START + timedelta(seconds=600)
REQUEST: RunRequest = parse_request(request(), lambda _: True)
Told = tuple[float, Draft]


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


ACCEPTED: Told = (
    0.0,
    events.RUN_ACCEPTED(
        Accepted(
            run_equivalence_key="key",
            platform_run_id="platform_20260131T134200Z",
            intent=REQUEST.intent(),
            intent_fingerprint=REQUEST.fingerprint,
            evidence_deadline_utc=format_instant(DEADLINE),
            engine_run_root=None,
            request=REQUEST.document(),
        )
    ),
)


def record(*told: Told) -> Record:
    """A record with these events, each so many seconds after the start. States are taken as they are told."""
    made: list[Event] = []
    for at, draft in (ACCEPTED, *told):
        stamp = format_instant(after(at))
        made.append(
            Event("0" * 64, draft.event_kind, REQUEST.run_id, len(made), 1, "0" * 64, stamp, "a", {}, draft.details)
        )
    return Record(Ledger(REQUEST.run_id, tuple(made)))


def waits(code: ReasonCode = R.EVIDENCE_WAITING, at: float = 10.0) -> Told:
    return at, events.EVIDENCE_WAITING(Rest(code.value, "missing"))


def orphan(at: float = 10.0) -> Told:
    return at, events.RECEIPT_ORPHANED(Rest(R.INSTANCE_RECEIPT_ORPHAN.value, "in the way"))


def ready(at: float = 10.0) -> Told:
    return at, Draft("READY_COMMITTED", {"facts_view_ref": "f", "bundle_hash": "b"})


def failed_to_publish(at: float) -> Told:
    return at, events.READY_PUBLISH_FAILED(Refused(R.BUS_UNREACHABLE, "away"))


def published(at: float) -> Told:
    return at, events.READY_PUBLISHED(Published("m", "t"))


def fault(code: ReasonCode = R.ENGINE_ROOT_UNREACHABLE, at: float = 10.0) -> Told:
    kind = events.ENGINE_HELD_BACK if code.value.startswith("ENGINE_AB") else events.ENGINE_ROOT_UNREADABLE
    return at, kind(RootUnreadable(code.value, "away", "mend it"))


def lease(at: float) -> Told:
    return at, events.LEASE_TAKEN(LeaseTaken(2))


# what waits


@pytest.mark.parametrize(
    ("now", "in_s"), [(10, 1.0), (12, 1.0), (50, 10.0), (210, 50.0), (500, 60.0), (5_000, 60.0), (-90_000, 1.0)]
)
def test_what_waits_is_looked_at_after_a_quarter_of_its_wait_and_at_its_deadline(now: float, in_s: float) -> None:
    assert next_look(record(waits()), after(now)) == Due(in_s, DEADLINE)


@pytest.mark.parametrize(("now", "in_s"), [(10, 1.0), (50, 10.0), (500, 122.5), (5_000, 300.0)])
def test_what_changes_while_it_is_read_is_read_less_often(now: float, in_s: float) -> None:
    assert next_look(record(waits(R.EVIDENCE_UNSTABLE)), after(now)) == Due(in_s, DEADLINE)


@pytest.mark.parametrize(("now", "in_s"), [(10, 5.0), (110, 100.0), (90_000, 3600.0)])
def test_an_orphan_receipt_knows_no_deadline(now: float, in_s: float) -> None:
    assert next_look(record(orphan()), after(now)) == Due(in_s)


def test_that_somebody_took_the_lease_is_no_news() -> None:
    assert next_look(record(waits(), lease(200)), after(210)) == Due(50.0, DEADLINE)


# what is READY


def test_what_was_never_published_is_due_at_once() -> None:
    assert next_look(record(ready()), after(10)) == Due(0.0)


@pytest.mark.parametrize(("failures", "in_s"), [(1, 1.0), (2, 2.0), (5, 16.0), (9, 256.0), (10, 300.0), (90, 300.0)])
def test_a_bus_that_is_away_is_asked_less_and_less_often(failures: int, in_s: float) -> None:
    tries = [failed_to_publish(20.0)] * failures
    assert next_look(record(ready(), *tries), after(20)) == Due(in_s)


@pytest.mark.parametrize(("now", "in_s"), [(21.5, 0.5), (90, 0.0), (-90_000, 2.0)])
def test_a_pause_is_from_the_last_try_and_no_clock_makes_it_longer(now: float, in_s: float) -> None:
    tries = [failed_to_publish(15.0), failed_to_publish(20.0)]
    assert next_look(record(ready(), *tries), after(now)) == Due(in_s)


# what rests by a fault, and what broke off


@pytest.mark.parametrize(("now", "in_s"), [(10, 5.0), (110, 100.0), (90_000, 900.0), (-90_000, 5.0)])
@pytest.mark.parametrize(
    "told", [[fault()], [waits(at=5), fault()], [fault(), lease(50)]], ids=["new", "waited", "lease"]
)
def test_what_rests_by_a_fault_is_looked_at_less_and_less_often_and_at_no_deadline(
    told: Sequence[Told], now: float, in_s: float
) -> None:
    assert next_look(record(*told), after(now)) == Due(in_s)
    assert next_look(record(*told), after(now), finished=False) == Due(in_s)


def test_what_only_a_person_mends_is_looked_at_by_the_hour() -> None:
    repeatedly, refused = (
        fault(R.ENGINE_ABANDONED_REPEATEDLY),
        ArtifactRefused("TRUTH_ALTERED", "x", "y", "k", "0" * 64),
    )
    for told in ([repeatedly], [ready(5), (10.0, events.ARTIFACT_REFUSED(refused))]):
        assert next_look(record(*told), after(90_000)) == Due(3600.0)
        assert next_look(record(*told), after(15)) == Due(5.0)


@pytest.mark.parametrize(
    "told", [[], [waits()], [ready()], [ready(), published(11)]], ids=["new", "waits", "ready", "done"]
)
def test_what_broke_off_is_looked_at_soon_and_never_at_once(told: Sequence[Told]) -> None:
    assert next_look(record(*told), after(11), finished=False) in (Due(5.0), Due(11.0))


# what is settled


@pytest.mark.parametrize(
    "told",
    [
        [ready(), published(11)],
        [(10.0, events.RUN_FAILED(Rest("EVIDENCE_MISSING_DEADLINE")))],
        [waits(), (20.0, events.RUN_QUARANTINED(Rest("EVIDENCE_CONFLICT")))],
    ],
    ids=["ready", "failed", "quarantined"],
)
def test_nothing_is_left_to_do_for_what_is_settled(told: Sequence[Told]) -> None:
    assert next_look(record(*told), after(100)) is None
