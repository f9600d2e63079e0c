"""The laws of runs that are due, A12 to A14, and of the one service, A15: part of `AuthorityLaws`.

They are those of `Scheduling` and `SoleService`, and left out for an authority that is neither.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import attrs
import pytest

from sr_ports.authority import (
    ADMITTED_S,
    AT_ONCE,
    NO_STORE,
    AuthorityStore,
    Due,
    DueClaim,
    IndexNote,
    Scheduling,
    SoleService,
)
from sr_ports.conformance.authority_kit import (
    CROWD,
    LONG_S,
    OTHER,
    STORE,
    AuthorityFixtures,
    Lapse,
    Reopen,
    a_binding,
    at_once,
    took,
)
from sr_ports.conformance.outside import wall_clock_ahead
from sr_ports.errors import Unreachable
from sr_ports.reasons import ReasonCode

FAR_S = 100 * LONG_S
SLACK = timedelta(seconds=1)
LATER = Due(LONG_S)


def claimed(authority: AuthorityStore, limit: int = 100, for_s: float = LONG_S, store_id: str = STORE) -> list[str]:
    """The run ids that a claim gives, in its order."""
    return [one.run_id for one in claims(authority, limit, for_s, store_id)]


def claims(authority: AuthorityStore, limit: int = 100, for_s: float = LONG_S, store_id: str = STORE) -> list[DueClaim]:
    return list(scheduling(authority).claim_due(limit=limit, for_s=for_s, store_id=store_id))


def scheduling(authority: AuthorityStore) -> Scheduling:
    """The authority, as one that shares out what is due; skips the test where it does not."""
    if not isinstance(authority, Scheduling):
        pytest.skip("this authority is not `Scheduling`")
    return authority


def told(
    authority: AuthorityStore, key: str, due: Due = AT_ONCE, *, store_id: str = STORE, settled: bool = False
) -> str:
    """A run of the store that a release has told of; its id."""
    run_id = authority.admit(a_binding(key, store_id=store_id)).binding.run_id
    note = IndexNote("READY" if settled else "WAITING_EVIDENCE", settled, due=due)
    authority.release(took(authority, run_id, store_id=store_id), note=note, run_id=run_id)
    return run_id


class DueLaws(AuthorityFixtures):
    """What is due, to whom it is given, and what becomes of a claim."""

    @pytest.fixture
    def lapse_long(self, lapse: Lapse) -> Lapse:
        """As `lapse`, for longer than a test may wait: an adapter whose time is real skips."""
        return lapse

    # A12: when a run is due

    def test_a12_a_run_just_admitted_is_its_submitter_s(self, authority: AuthorityStore) -> None:
        scheduling(authority).claim_due(limit=0, for_s=LONG_S, store_id=STORE)
        authority.admit(a_binding("k", store_id=STORE))
        (row,) = authority.runs()
        assert row.due_at is not None
        assert abs(row.due_at - row.updated_at - timedelta(seconds=ADMITTED_S)) < SLACK
        assert claimed(authority) == []

    def test_a12_a_run_that_nobody_told_of_is_due_in_the_end(
        self, authority: AuthorityStore, reopen: Reopen, lapse_long: Lapse
    ) -> None:
        run_id = authority.admit(a_binding("k", store_id=STORE)).binding.run_id
        lapse_long(ADMITTED_S * 1.5)
        assert claimed(reopen()) == [run_id]

    def test_a12_a_note_says_when_a_run_is_due(self, authority: AuthorityStore, reopen: Reopen) -> None:
        before = authority.now()
        now, later = told(authority, "now"), told(authority, "later", LATER)
        by = told(authority, "by", Due(FAR_S, before))
        sooner = told(authority, "sooner", Due(0.0, before + timedelta(seconds=LONG_S)))
        assert set(claimed(reopen())) == {now, by, sooner}
        due_at = {row.run_id: row.due_at for row in reopen().runs()}[later]
        assert due_at is not None
        assert before + timedelta(seconds=LONG_S) - SLACK < due_at < authority.now() + timedelta(seconds=LONG_S) + SLACK

    def test_a12_only_a_standing_lease_says_so(self, authority: AuthorityStore) -> None:
        run_id = told(authority, "k", LATER)
        released = took(authority, run_id, store_id=STORE)
        authority.release(released)
        authority.release(released, note=IndexNote("VERIFYING", False), run_id=run_id)
        authority.release(took(authority, run_id, store_id=OTHER), note=IndexNote("VERIFYING", False), run_id=run_id)
        assert claimed(authority) == []

    def test_a12_a_note_without_a_word_makes_a_run_due_at_once(self, authority: AuthorityStore) -> None:
        run_id = authority.admit(a_binding("k", store_id=STORE)).binding.run_id
        lease = took(authority, run_id, store_id=STORE)
        authority.release(lease, note=IndexNote("VERIFYING", False), run_id=run_id)
        assert claimed(authority) == [run_id]

    def test_a12_time_makes_a_run_due(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> None:
        run_id = told(authority, "k", Due(short_ttl))
        told(authority, "later", LATER)
        lapse(short_ttl * 1.5)
        assert claimed(authority) == [run_id]

    def test_a12_nothing_settled_is_due(self, authority: AuthorityStore) -> None:
        run_id = told(authority, "k", settled=True)
        authority.release(took(authority, "r", store_id=STORE), note=IndexNote("VERIFYING", False), run_id=run_id)
        assert claimed(authority) == []
        assert [row.due_at for row in authority.runs()] == [None]

    @pytest.mark.parametrize("store_id", [STORE, NO_STORE])
    def test_a12_a_run_that_somebody_works_on_is_not_due(
        self, authority: AuthorityStore, reopen: Reopen, store_id: str
    ) -> None:
        run_id = told(authority, "k")
        took(authority, "another resource", store_id=STORE)
        took(authority, f"{run_id} not", store_id=STORE)
        lease = took(authority, run_id, store_id=store_id)
        assert claimed(reopen()) == []
        authority.release(lease)
        assert claimed(reopen()) == [run_id]

    def test_a12_a_run_is_due_once_its_worker_s_lease_lapsed(
        self, authority: AuthorityStore, lapse: Lapse, short_ttl: float
    ) -> None:
        run_id = told(authority, "k")
        took(authority, run_id, ttl_s=short_ttl, store_id=STORE)
        took(authority, run_id, store_id=OTHER)
        lapse(short_ttl * 1.5)
        assert claimed(authority) == [run_id]

    @pytest.mark.parametrize("ahead_s", [FAR_S, -FAR_S], ids=["ahead", "behind"])
    def test_a12_no_worker_s_clock_counts(self, authority: AuthorityStore, reopen: Reopen, ahead_s: float) -> None:
        told(authority, "later", LATER)
        now = told(authority, "now")
        with wall_clock_ahead(authority, ahead_s):
            worker = reopen()
            assert claimed(worker) == [now], "a worker's clock says what is due"
            told(worker, "later still", LATER)
            again = told(worker, "now again")
        assert claimed(authority) == [again], "a worker's clock says when a run will be due"

    # A13: who is given it

    def test_a13_what_is_due_longest_comes_first(self, authority: AuthorityStore) -> None:
        now = authority.now()
        ids = {ago: told(authority, f"k{ago}", Due(0.0, now - timedelta(seconds=ago))) for ago in (30, 90, 10, 60)}
        assert claimed(authority, 0) == claimed(authority, -1) == []
        assert claimed(authority, 3) == [ids[90], ids[60], ids[30]]
        assert claimed(authority, 3) == [ids[10]]

    def test_a13_a_claimed_run_is_given_to_nobody_else(self, authority: AuthorityStore, reopen: Reopen) -> None:
        told(authority, "k")
        (claim,) = claims(reopen())
        assert (claim.run_id, claim.store_id) == (a_binding("k").run_id, STORE)
        assert claim.platform_run_id == a_binding("k").platform_run_id
        assert claimed(reopen()) == claimed(authority) == []

    def test_a13_a_claim_lapses_with_its_time(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> None:
        run_id = told(authority, "k")
        assert claimed(authority, for_s=short_ttl) == [run_id]
        lapse(short_ttl * 1.5)
        assert claimed(authority) == [run_id]

    def test_a13_a_claim_outlives_its_handle(self, authority: AuthorityStore, reopen: Reopen) -> None:
        told(authority, "k")
        first = reopen()
        assert len(claims(first)) == 1
        first.close()
        assert claimed(reopen()) == []

    def test_a13_runs_of_the_store_and_of_none_are_given(self, authority: AuthorityStore) -> None:
        now = authority.now()
        for ago, store_id in ((30, NO_STORE), (20, STORE), (40, OTHER), (10, NO_STORE)):
            told(authority, f"k{ago}", Due(0.0, now - timedelta(seconds=ago)), store_id=store_id)
        ids = {ago: a_binding(f"k{ago}").run_id for ago in (10, 20, 30, 40)}
        assert claimed(authority, 2) == [ids[30], ids[20]]
        assert claimed(authority) == [ids[10]]
        assert claimed(authority, store_id=OTHER) == [ids[40]]
        assert claimed(authority, store_id=NO_STORE) == []

    def test_a13_runs_of_no_store_are_given_once(self, authority: AuthorityStore) -> None:
        run_id = told(authority, "k", store_id=NO_STORE)
        assert claimed(authority, store_id=NO_STORE) == [run_id]

    def test_a13_of_a_crowd_nobody_is_given_what_another_has(self, authority: AuthorityStore, reopen: Reopen) -> None:
        ids = {told(authority, f"k{n}") for n in range(20)}
        handles = [reopen() for _ in range(CROWD)]
        given = [one for some in at_once([partial(claimed, handle, 2) for handle in handles]) for one in some]
        given += claimed(authority)
        assert sorted(given) == sorted(ids)

    # A14: giving back

    def test_a14_a_claim_that_is_given_back_is_due_when_it_was_said(
        self, authority: AuthorityStore, reopen: Reopen, lapse: Lapse, short_ttl: float
    ) -> None:
        run_id = told(authority, "k")
        for due in (AT_ONCE, Due(FAR_S, authority.now())):
            (claim,) = claims(authority)
            _postpone(reopen(), claim, due)
        (claim,) = claims(reopen())
        _postpone(authority, claim, Due(short_ttl))
        lapse(short_ttl * 1.5)
        (claim,) = claims(authority, for_s=short_ttl)
        _postpone(authority, claim, LATER)
        lapse(short_ttl * 1.5)
        assert claimed(authority) == []
        assert [row.run_id for row in authority.runs(unsettled_only=True)] == [run_id]

    def test_a14_a_claim_that_lapsed_gives_nothing_back(
        self, authority: AuthorityStore, lapse: Lapse, short_ttl: float
    ) -> None:
        told(authority, "k")
        (old,) = claims(authority, for_s=short_ttl)
        lapse(short_ttl * 1.5)
        (new,) = claims(authority)
        _postpone(authority, old, AT_ONCE)
        _postpone(authority, attrs.evolve(new, store_id=OTHER), AT_ONCE)
        _postpone(authority, attrs.evolve(new, token="0" * 32), AT_ONCE)
        assert claimed(authority) == []
        _postpone(authority, new, AT_ONCE)
        assert claimed(authority) == [new.run_id]

    def test_a14_what_a_note_said_later_stands(self, authority: AuthorityStore) -> None:
        told(authority, "k")
        (claim,) = claims(authority)
        told(authority, "k", LATER)
        _postpone(authority, claim, AT_ONCE)
        assert claimed(authority) == []

    def test_a14_what_is_given_back_twice_is_given_back_once(self, authority: AuthorityStore) -> None:
        told(authority, "k")
        (claim,) = claims(authority)
        _postpone(authority, claim, LATER)
        _postpone(authority, claim, AT_ONCE)
        assert claimed(authority) == []

    # A6: no answer is no answer

    @pytest.mark.parametrize("call", ["claim_due", "postpone"])
    def test_a6_nothing_is_due_by_guess(self, unreachable: AuthorityStore, call: str) -> None:
        away = scheduling(unreachable)
        with pytest.raises(Unreachable):
            if call == "claim_due":
                away.claim_due(limit=1, for_s=LONG_S, store_id=STORE)
            else:
                away.postpone(DueClaim("0" * 32, "p", STORE, "0" * 32), AT_ONCE)


def _postpone(authority: AuthorityStore, claim: DueClaim, due: Due) -> None:
    scheduling(authority).postpone(claim, due)


class SoleServiceLaws(AuthorityFixtures):
    """One service at a time, in nobody else's way."""

    @pytest.fixture
    def services(self, authority: AuthorityStore, reopen: Reopen) -> Callable[[], SoleService]:
        """Makes handles, each as a service of its own has one."""

        def make() -> SoleService:
            handle = reopen()
            if not isinstance(handle, SoleService):
                pytest.skip("this authority is not `SoleService`")
            return handle

        return make

    def test_a15_one_service_at_a_time(self, services: Callable[[], SoleService]) -> None:
        one, two = services(), services()
        for _ in range(2):
            with one.sole_service():
                with pytest.raises(Unreachable) as refused, two.sole_service():
                    """Never."""
                assert refused.value.code is ReasonCode.SERVICE_BUSY
            with two.sole_service(), pytest.raises(Unreachable), one.sole_service():
                """Never."""

    def test_a15_a_service_is_in_nobody_else_s_way(
        self, services: Callable[[], SoleService], authority: AuthorityStore, reopen: Reopen
    ) -> None:
        with services().sole_service():
            assert authority.admit(a_binding("k")).is_new
            took(reopen(), "r")

    def test_a15_a_service_that_fails_lets_go(self, services: Callable[[], SoleService]) -> None:
        with pytest.raises(ValueError, match="over"), services().sole_service():
            raise ValueError("over")
        with services().sole_service():
            """It was free."""
