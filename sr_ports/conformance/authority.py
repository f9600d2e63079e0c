"""The laws of the authority port, A1 to A15, as tests.

Subclass `AuthorityLaws` and give it three fixtures:

``authority``  an empty authority, closed by the fixture afterwards.
``reopen``     a callable: a new, independent handle on that same authority.
``lapse``      a callable of seconds: when it returns, at least that much time has passed for
               the authority (a virtual clock moves; a real one is waited for, or the stored
               instants are moved back: when leases end, and when runs are due).

and, where they differ from the defaults, ``short_ttl`` (seconds a lease that is meant to
lapse is taken for), ``unreachable`` (an authority whose store cannot answer) and ``lapse_long`` (as ``lapse``, for
longer than a test may wait: where time is real, skip).

`PerPlatformRunLaws` is for an authority that is `PerPlatformRun`; its fixture ``current`` is a callable:
an independent handle with the platform run given as the current one, None for none.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import attrs
import pytest

from sr_ports.authority import (
    NO_STORE,
    AuthorityStore,
    IndexedRun,
    IndexNote,
    Lease,
    Newest,
    PerPlatformRun,
    StorePlace,
    Tail,
)
from sr_ports.conformance.authority_due import DueLaws, SoleServiceLaws
from sr_ports.conformance.authority_kit import CROWD, LONG_S, STORE, Lapse, Reopen, a_binding, at_once, bound, took
from sr_ports.conformance.authority_leases import LeaseLaws
from sr_ports.conformance.authority_meetings import MeetingLaws
from sr_ports.conformance.authority_model import check_against_model
from sr_ports.conformance.authority_stores import StoreLaws
from sr_ports.conformance.lawful import Laws
from sr_ports.errors import NotFound, Unreachable

Current = Callable[[str | None], PerPlatformRun]
ONE, TWO = "platform_20260131T134200Z", "platform_20260201T134200Z"


class AuthorityLaws(LeaseLaws, StoreLaws, MeetingLaws, DueLaws, SoleServiceLaws):
    """Exactly the laws of `sr_ports.authority.AuthorityStore`, and of what only some of them are."""

    # A1: one binding a key

    def test_a1_the_first_admission_binds_and_later_ones_get_that_binding(self, authority: AuthorityStore) -> None:
        first = authority.admit(a_binding("k"))
        again = authority.admit(a_binding("k"))
        assert first.is_new and not again.is_new
        assert first.binding == again.binding == a_binding("k")

    def test_a1_another_intent_gets_the_binding_that_stands(self, authority: AuthorityStore) -> None:
        authority.admit(a_binding("k", "one"))
        other = authority.admit(a_binding("k", "two"))
        assert not other.is_new
        assert other.binding == a_binding("k", "one")

    def test_a1_keys_do_not_mix(self, authority: AuthorityStore) -> None:
        keys = ["k", "K", "k ", " k", "k\x00", "k\x00x", "k%", "k_", "κ", "e\u0301", "\u00e9", "'; --", "k" * 20_000]
        assert all(authority.admit(a_binding(key)).is_new for key in keys)
        for key in keys:
            assert authority.admit(a_binding(key, "two")).binding == a_binding(key)

    def test_a1_find_knows_bound_runs_alone(self, authority: AuthorityStore) -> None:
        authority.admit(a_binding("k"))
        assert bound(authority, "k") == a_binding("k")
        assert bound(authority, "never") is None

    def test_a1_a_binding_outlives_its_handle(self, authority: AuthorityStore, reopen: Reopen) -> None:
        authority.admit(a_binding("k", "one"))
        authority.close()
        later = reopen()
        assert bound(later, "k") == a_binding("k", "one")
        again = later.admit(a_binding("k", "two"))
        assert not again.is_new
        assert again.binding == a_binding("k", "one")

    def test_a1_of_a_crowd_exactly_one_is_new(self, authority: AuthorityStore, reopen: Reopen) -> None:
        handles = [authority, *(reopen() for _ in range(CROWD - 1))]
        for turn in range(3):
            bindings = [a_binding(f"k{turn}", str(n)) for n in range(CROWD)]
            answers = at_once([partial(h.admit, b) for h, b in zip(handles, bindings, strict=True)])
            winners = [n for n, answer in enumerate(answers) if answer.is_new]
            assert len(winners) == 1
            assert {answer.binding for answer in answers} == {bindings[winners[0]]}

    # A6: no answer is no answer

    @pytest.mark.parametrize(
        "call",
        [
            lambda a: a.admit(a_binding("k")),
            lambda a: a.find("0" * 32),
            lambda a: a.serve(StorePlace("file:///srv/truth", STORE)),
            lambda a: a.claim(STORE),
            lambda a: a.acquire("r", "a", ttl_s=LONG_S),
            lambda a: a.renew(Lease("r", "a", 1, LONG_S), ttl_s=LONG_S),
            lambda a: a.release(Lease("r", "a", 1, LONG_S)),
            lambda a: a.holder("r"),
            lambda a: a.runs(),
            lambda a: a.now(),
        ],
        ids=["admit", "find", "serve", "claim", "acquire", "renew", "release", "holder", "runs", "now"],
    )
    def test_a6_an_unreachable_store_never_answers(
        self, unreachable: AuthorityStore, call: Callable[[AuthorityStore], object]
    ) -> None:
        with pytest.raises(Unreachable):
            call(unreachable)
        assert "\n" not in unreachable.describe()
        unreachable.close()

    # A7: the index

    def test_a7_a_new_binding_is_open_and_unsettled(self, authority: AuthorityStore) -> None:
        before = authority.now()
        authority.admit(a_binding("k"))
        (row,) = authority.runs()
        assert (row.run_id, row.state, row.settled) == (a_binding("k").run_id, "OPEN", False)
        assert row.platform_run_id == a_binding("k").platform_run_id
        assert before <= row.updated_at <= authority.now()
        assert row.updated_at.utcoffset() == timedelta(0)

    def test_a7_release_notes_the_state(self, authority: AuthorityStore, reopen: Reopen) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        authority.release(took(authority, "r"), note=IndexNote("READY", True), run_id=run_id)
        (row,) = reopen().runs()
        assert (row.run_id, row.state, row.settled) == (run_id, "READY", True)
        assert authority.admit(a_binding("k")).settled
        assert list(authority.runs()) == [row]

    def test_a7_release_without_a_note_notes_nothing(self, authority: AuthorityStore) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        rows = list(authority.runs())
        authority.release(took(authority, "r"), run_id=run_id)
        assert list(authority.runs()) == rows

    def test_a7_only_a_standing_lease_notes(self, authority: AuthorityStore, lapsed: Callable[[str], Lease]) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        rows = _noted(authority)
        released = took(authority, "r")
        authority.release(released)
        old = lapsed("r")
        took(authority, "r", "b")
        for lease in (released, old, lapsed("other"), Lease("never", "a", 1, LONG_S)):
            authority.release(lease, note=IndexNote("READY", True), run_id=run_id)
        assert _noted(authority) == rows

    def test_a7_settled_stays_settled(self, authority: AuthorityStore) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        for note in (IndexNote("READY", True), IndexNote("VERIFYING", False)):
            authority.release(took(authority, "r"), note=note, run_id=run_id)
        assert [row.run_id for row in authority.runs()] == [run_id]
        assert list(authority.runs(unsettled_only=True)) == []

    def test_a7_the_tail_of_the_record_is_noted(self, authority: AuthorityStore, reopen: Reopen) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        first, later = Tail(3, "e" * 64), Tail(2**40, "f" * 64)
        for note, noted in (
            (IndexNote("VERIFYING", False, first), first),
            (IndexNote("VERIFYING", False), first),
            (IndexNote("READY", True, later), later),
        ):
            authority.release(took(authority, "r"), note=note, run_id=run_id)
            assert [row.tail for row in reopen().runs()] == [noted]
            found = bound(reopen(), "k")
            assert found is not None
            assert (found.state, found.tail) == (note.state, noted)

    def test_a7_runs_are_filtered_ordered_and_paged(self, authority: AuthorityStore) -> None:
        ids = sorted(authority.admit(a_binding(f"k{n}")).binding.run_id for n in range(12))
        for run_id, state in zip(ids, itertools.cycle(["READY", "FAILED", "WAITING_EVIDENCE"]), strict=False):
            note = IndexNote(state, state != "WAITING_EVIDENCE")
            authority.release(took(authority, run_id), note=note, run_id=run_id)
        listed = partial(_ids, authority)
        assert listed() == ids
        assert listed(states=["READY"]) == ids[0::3]
        assert listed(states=["READY", "WAITING_EVIDENCE"]) == sorted(ids[0::3] + ids[2::3])
        assert listed(states=[]) == listed(states=["NO_SUCH"]) == []
        assert listed(unsettled_only=True) == ids[2::3]
        assert listed(unsettled_only=True, states=["FAILED"]) == []
        assert listed(limit=5) == ids[:5]
        assert listed(limit=5, after=ids[4]) == ids[5:10]
        assert listed(after=ids[-1]) == listed(limit=0) == []
        assert listed(states=["FAILED"], limit=2, after=ids[1]) == ids[4::3][:2]

    # A11: what was told last, where the authority is asked for it

    def test_a11_the_newest_are_those_that_were_told_of_last(
        self, authority: AuthorityStore, reopen: Reopen, lapse: Lapse
    ) -> None:
        if not isinstance(authority, Newest):
            pytest.skip("this authority is not `Newest`")
        assert (list(authority.newest().rows), authority.newest().total) == ([], 0)
        ids = [authority.admit(a_binding(f"k{n}")).binding.run_id for n in range(6)]
        for at in (3, 0, 5):
            lapse(0.005)
            time.sleep(0.005)  # where only leases are made to lapse, time has to pass
            note = IndexNote("READY" if at else "FAILED", True)
            authority.release(took(authority, ids[at]), note=note, run_id=ids[at])
        again = reopen()
        assert isinstance(again, Newest)
        every = sorted(authority.runs(), key=lambda row: (row.updated_at, row.run_id), reverse=True)
        assert [row.run_id for row in every[:3]] == [ids[5], ids[0], ids[3]]
        for states in (None, ["READY"], ["READY", "OPEN"], []):
            wanted = [row for row in every if states is None or row.state in states]
            for limit in (0, 1, 2, 100):
                found = again.newest(states=states, limit=limit)
                assert (list(found.rows), found.total) == (wanted[:limit], len(wanted))
        for since in (every[1].updated_at, every[1].updated_at + timedelta(microseconds=1), every[-1].updated_at):
            wanted = [row for row in every if row.updated_at >= since]
            found = again.newest(since=since, limit=2)
            assert (list(found.rows), found.total) == (wanted[:2], len(wanted))

    def test_a11_the_newest_are_asked_for_by_store(self, authority: AuthorityStore) -> None:
        if not isinstance(authority, Newest):
            pytest.skip("this authority is not `Newest`")
        for key, store_id in (("mine", STORE), ("theirs", "6" * 32), ("nobody's", NO_STORE)):
            authority.admit(a_binding(key, store_id=store_id))
        found = authority.newest(store_id=STORE)
        assert {row.store_id for row in found.rows} == {STORE, NO_STORE}
        assert (found.total, authority.newest(store_id=STORE, limit=1).total, authority.newest().total) == (2, 2, 3)

    # all of them together

    def test_any_history_agrees_with_the_model(
        self, authority: AuthorityStore, reopen: Reopen, lapse: Lapse, short_ttl: float
    ) -> None:
        """Of any history, three handles say what a few dicts would."""
        check_against_model([authority, reopen(), reopen()], lapse, short_ttl, LONG_S)


class PerPlatformRunLaws(Laws):
    """Law A8 of `sr_ports.authority.PerPlatformRun`."""

    states = (PerPlatformRun,)

    def test_a8_each_platform_run_has_keys_and_leases_of_its_own(self, current: Current) -> None:
        here = current(ONE)
        assert here.of(ONE) is here
        other = here.of(TWO)
        here.admit(a_binding("k"))
        assert bound(other, "k") is None
        assert other.admit(a_binding("k", "two")).is_new
        assert bound(here, "k") == a_binding("k")
        took(here, "r")
        assert other.holder("r") is None
        took(other, "r", "b")

    def test_a8_whoever_asks_gets_the_same_one(self, current: Current) -> None:
        current(ONE).admit(a_binding("k"))
        for handle in (current(TWO), current(None)):
            assert bound(handle.of(ONE), "k") == a_binding("k")
        lease = took(current(TWO).of(ONE), "r")
        assert current(ONE).acquire("r", "b", ttl_s=LONG_S) is None
        current(None).of(ONE).release(lease)
        assert current(ONE).holder("r") is None

    def test_a8_with_no_platform_run_the_others_still_answer(self, current: Current) -> None:
        nowhere = current(None)
        assert list(nowhere.of(TWO).runs()) == []
        with pytest.raises(NotFound):
            nowhere.find(a_binding("k").run_id)
        nowhere.close()


def _noted(authority: AuthorityStore) -> list[IndexedRun]:
    """The rows but for when they are due: where only stored instants are moved, that moves with time (A12 has it)."""
    return [attrs.evolve(row, due_at=None) for row in authority.runs()]


def _ids(authority: AuthorityStore, **choice: Any) -> list[str]:
    return [row.run_id for row in authority.runs(**choice)]
