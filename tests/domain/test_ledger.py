"""The ledger: whatever is done to it, the laws of the record hold."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.record.events import EVENTS
from sr_domain.record.kinds import Draft, Kept
from sr_domain.record.ledger import GENESIS, Ledger, RecordFault, check_ledger, read_ledger, read_tail
from sr_domain.record.states import RunState
from sr_ports import Fault, LeaseLost, ReasonCode

RUN = "ab" * 16
NOW = datetime(2026, 1, 31, 13, 42, tzinfo=UTC)
REV = {"policy_id": "p", "revision": "1", "content_digest": "0" * 64}
MILESTONES = {name for name, kind in EVENTS.items() if kind.kept is Kept.ONCE}
SUBJECTS = {name: kind.subject for name, kind in EVENTS.items() if kind.subject is not None}
STATE_AFTER = {name: kind.after for name, kind in EVENTS.items() if kind.after is not None}
KINDS = [*sorted(MILESTONES), "LEASE_TAKEN", "REEMIT_REQUESTED", "READY_PUBLISH_FAILED"]


class LedgerMachine(RuleBasedStateMachine):
    """Random appends by random holders, beside the simplest model: a list of lines."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(RUN)
        self.lines: list[bytes] = []
        self.clock = NOW

    @rule(kind=st.sampled_from(KINDS), subject=st.sampled_from(["", "x"]), fence=st.integers(0, 6), value=st.integers())
    def append(self, kind: str, subject: str, fence: int, value: int) -> None:
        before = self.ledger
        draft = Draft(kind, {"v": value % 7, **dict.fromkeys(SUBJECTS.values(), subject)})
        self.clock -= timedelta(seconds=value % 3)  # a clock that runs backwards must not matter
        try:
            after = before.append([draft], fence=fence, actor="a", policy_rev=REV, now=self.clock)
        except LeaseLost as error:
            assert error.code is ReasonCode.FENCED
            assert fence < before.fence
            return
        except Fault:
            row = EVENTS[kind]
            assert before.state is not row.during if row.after is None else not row.after.may_follow(before.state)
            return
        assert fence >= before.fence
        same = [one for one in before.all(kind) if kind not in SUBJECTS or one.details[SUBJECTS[kind]] == subject]
        known = kind in MILESTONES and bool(same)
        assert len(after.events) == len(before.events) + (not known)
        self.ledger = after

    @invariant()
    def it_only_grows(self) -> None:
        lines = self.ledger.data.splitlines()
        assert lines[: len(self.lines)] == self.lines
        self.lines = lines

    @invariant()
    def it_reads_back_as_itself(self) -> None:
        assert check_ledger(RUN, self.ledger.data) == self.ledger

    @invariant()
    def its_end_says_where_it_is(self) -> None:
        tail = read_tail(RUN, self.ledger.data)
        assert tail.state == self.ledger.state
        assert tail.state_event in (self.ledger.state_event, None)
        assert tail.events == self.ledger.events[len(self.ledger.events) - len(tail.events) :]
        assert self.ledger.data.endswith(tail.data)
        assert tail.tail_hash == self.ledger.tail_hash

    @invariant()
    def fences_and_sequence_rise(self) -> None:
        events = self.ledger.events
        assert [event.seq for event in events] == list(range(len(events)))
        assert [event.fence for event in events] == sorted(event.fence for event in events)

    @invariant()
    def a_final_state_stays(self) -> None:
        states = [STATE_AFTER[event.event_kind] for event in self.ledger.events if event.event_kind in STATE_AFTER]
        assert not any(state.final for state in states[:-1])

    @precondition(lambda self: self.lines)
    @rule(data=st.data())
    def any_tampering_is_found(self, data: st.DataObject) -> None:
        lines = list(self.lines)
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["flip", "drop", "swap", "twice", "cut"])):
            case "flip":
                byte = data.draw(st.integers(0, len(lines[at]) - 1))
                lines[at] = lines[at][:byte] + bytes([lines[at][byte] ^ 1]) + lines[at][byte + 1 :]
            case "drop" if at < len(lines) - 1:  # a cut tail is a shorter record: only truth beside it can tell
                del lines[at]
            case "swap" if at > 0:
                lines[at - 1], lines[at] = lines[at], lines[at - 1]
            case "twice":
                lines.insert(at, lines[at])
            case "cut":
                text = b"".join(line + b"\n" for line in self.lines)[:-1]
                assert isinstance(check_ledger(RUN, text), RecordFault)
                return
            case _:
                return
        tampered = b"".join(line + b"\n" for line in lines)
        assert isinstance(check_ledger(RUN, tampered), RecordFault)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def accepted() -> Ledger:
    return Ledger(RUN).append([Draft("RUN_ACCEPTED")], fence=1, actor="a", policy_rev=REV, now=NOW)


def ready() -> Ledger:
    steps = [Draft(kind) for kind in ("PLAN_COMMITTED", "EVIDENCE_STARTED", "EVIDENCE_COMPLETE", "READY_COMMITTED")]
    return accepted().append(steps, fence=1, actor="a", policy_rev=REV, now=NOW)


def test_a_run_that_is_not_ready_was_not_published() -> None:
    published = Draft("READY_PUBLISHED")
    with pytest.raises(Fault, match="is OPEN and cannot take READY_PUBLISHED"):
        accepted().append([published], fence=1, actor="a", policy_rev=REV, now=NOW)
    done = ready().append([published], fence=1, actor="a", policy_rev=REV, now=NOW)
    assert [event.event_kind for event in read_tail(RUN, done.data).events] == ["READY_PUBLISHED"]


def test_a_lower_fence_is_refused() -> None:
    with pytest.raises(LeaseLost) as caught:
        accepted().append([Draft("LEASE_TAKEN")], fence=0, actor="b", policy_rev=REV, now=NOW)
    assert caught.value.code is ReasonCode.FENCED
    assert caught.value.what == f"lease on {RUN} (fence 0) is outdated: a newer holder has written"


def test_a_repeated_milestone_adds_nothing_and_a_repeated_operation_does() -> None:
    ledger = accepted()
    again = ledger.append([Draft("RUN_ACCEPTED", {"other": 1})], fence=2, actor="b", policy_rev=REV, now=NOW)
    assert again.data == ledger.data
    twice = ledger
    for _ in range(2):
        twice = twice.append([Draft("REEMIT_REQUESTED")], fence=1, actor="b", policy_rev=REV, now=NOW)
    assert [event.event_kind for event in twice.events] == ["RUN_ACCEPTED", "REEMIT_REQUESTED", "REEMIT_REQUESTED"]
    assert len({event.event_id for event in twice.events}) == 3


@pytest.mark.parametrize("kind", sorted(MILESTONES - set(STATE_AFTER)))
def test_a_milestone_is_recorded_once_for_each_subject_that_its_kind_has(kind: str) -> None:
    ledger = accepted() if EVENTS[kind].during is None else ready()
    for subject in ("x", "x", "y", "x"):
        draft = Draft(kind, dict.fromkeys(SUBJECTS.values(), subject))
        ledger = ledger.append([draft], fence=1, actor="a", policy_rev=REV, now=NOW)
    assert len(ledger.all(kind)) == (2 if kind in SUBJECTS else 1)


def test_every_kind_that_has_subjects_is_a_milestone() -> None:
    assert set(SUBJECTS) <= MILESTONES


def test_the_first_event_hangs_on_nothing_and_each_next_on_the_one_before() -> None:
    ledger = accepted().append([Draft("LEASE_TAKEN")], fence=2, actor="a", policy_rev=REV, now=NOW)
    assert ledger.events[0].prev_hash == GENESIS
    assert ledger.events[1].prev_hash != GENESIS
    assert [json.loads(line)["seq"] for line in ledger.data.splitlines()] == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        *({"event_kind": "BOGUS"}, {"fence": 9}, {"event_id": "0" * 32}, {"event_id": "x"}, {"event_id": 5}),
        *({"ts_utc": "2026-01-31T13:42:01.000000Z"}, {"actor": "b"}, {"policy_rev": None}, {"details": {"x": 1}}),
        *({"event_kind": ["x"]}, {"details": []}, {"details": {"event_id": "0" * 32}}),
    ],
    ids=str,
)
def test_an_edit_of_the_last_event_is_found_though_nothing_follows_it(change: dict[str, object]) -> None:
    ledger = accepted().append(
        [Draft("REEMIT_REQUESTED", {"event_id": "y"})], fence=1, actor="a", policy_rev=REV, now=NOW
    )
    *before, last = ledger.data.splitlines()
    edited = exact_json({**json.loads(last), **change})
    found = check_ledger(RUN, b"\n".join([*before, edited, b""]))
    assert isinstance(found, RecordFault)
    assert found.line == 2


def widths(ledger: Ledger) -> list[int]:
    assert check_ledger(RUN, ledger.data) == ledger
    return [len(event.event_id) for event in ledger.events]


def grown(ledger: Ledger, *drafts: Draft) -> Ledger:
    return ledger.append(drafts, fence=1, actor="a", policy_rev=REV, now=NOW)


def test_ids_are_whole_digests_from_revision_2_on_and_a_record_of_revision_1_keeps_its_own_until_then() -> None:
    today = grown(Ledger(RUN), Draft("AUTH_DENIED"), Draft("RUN_ACCEPTED", {"revision": 2}), Draft("LEASE_TAKEN"))
    assert widths(today) == [64, 64, 64]
    first = grown(Ledger(RUN), Draft("RUN_ACCEPTED"), Draft("LEASE_TAKEN"))
    assert widths(first) == [32, 32]
    gone_on = grown(first, Draft("REEMIT_REQUESTED"), Draft("PLAN_COMMITTED", {"revision": 2}), Draft("LEASE_TAKEN"))
    assert widths(gone_on) == [32, 32, 32, 64, 64]


def reforged(ledger: Ledger, at: int, width: int) -> bytes:
    """The record with the id of one line cut to a width, or whole, and all that follows chained to it again."""
    lines, tail = [], GENESIS
    for number, event in enumerate(ledger.events):
        node = {**json.loads(event.line()), "prev_hash": tail, "event_id": ""}
        digest = sha256_hex(exact_json(node))
        line = exact_json({**node, "event_id": digest[: width if number == at else len(event.event_id)]})
        lines.append(line + b"\n")
        tail = sha256_hex(line)
    return b"".join(lines)


def test_an_id_of_the_other_width_is_found_even_where_the_whole_chain_was_forged() -> None:
    today = grown(Ledger(RUN), Draft("AUTH_DENIED"), Draft("RUN_ACCEPTED", {"revision": 2}), Draft("LEASE_TAKEN"))
    first = grown(Ledger(RUN), Draft("RUN_ACCEPTED"), Draft("LEASE_TAKEN"))
    for ledger, at, width, other in ((today, 1, 64, 32), (today, 2, 64, 32), (first, 0, 32, 64), (first, 1, 32, 64)):
        assert reforged(ledger, at, width) == ledger.data
        found = check_ledger(RUN, reforged(ledger, at, other))
        assert isinstance(found, RecordFault)
        assert (found.line, found.code) == (at + 1, ReasonCode.RECORD_INVALID)


def test_a_denial_that_the_first_release_recorded_stays_as_it_is() -> None:
    today = grown(Ledger(RUN), Draft("AUTH_DENIED"))
    of_the_first = check_ledger(RUN, reforged(today, 0, 32))
    assert isinstance(of_the_first, Ledger)
    assert widths(grown(of_the_first, Draft("RUN_ACCEPTED", {"revision": 2}))) == [32, 64]


@given(st.binary(max_size=200))
def test_garbage_is_one_clear_fault(data: bytes) -> None:
    found = check_ledger(RUN, data)
    if isinstance(found, RecordFault):
        with pytest.raises(Fault, match="line"):
            read_ledger(RUN, data)
    else:
        assert data == b""


@given(st.sampled_from([None, *RunState]), st.sampled_from(list(RunState)))
def test_status_only_moves_forward(before: RunState | None, after: RunState) -> None:
    rank = {state: at for at, state in enumerate([None, *RunState])}
    if after.may_follow(before):
        loop = {before, after} <= {RunState.VERIFYING, RunState.WAITING_EVIDENCE} or before is after
        assert loop or rank[after] > rank[before]
        assert before is None or not before.final


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 10_000), data=st.data())
def test_an_edit_of_the_end_of_a_record_is_found(at: int, data: st.DataObject) -> None:
    """Any byte of the lines since the last step. What lies before it the chain binds, for whoever recomputes it."""
    ledger = Ledger(RUN)
    for kind in ("RUN_ACCEPTED", "RUN_FAILED", "REEMIT_REQUESTED", "REEMIT_REQUESTED"):
        ledger = ledger.append([Draft(kind, {"v": 1})], fence=1, actor="a", policy_rev=REV, now=NOW)
    start = len(ledger.data) - len(read_tail(RUN, ledger.data).data)
    place = start + at % (len(ledger.data) - start)
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != ledger.data[place]))
    edited = ledger.data[:place] + bytes([other]) + ledger.data[place + 1 :]
    with pytest.raises(Fault):
        read_tail(RUN, edited)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"[]\n", b"1", b'{"run_id":1}\n'])
def test_what_is_no_record_has_no_end(data: bytes) -> None:
    if not data:
        assert read_tail(RUN, data) == Ledger(RUN)
        return
    with pytest.raises(Fault):
        read_tail(RUN, data)
