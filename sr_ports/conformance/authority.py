"""The laws of the authority port, A1 to A7, as tests.

Subclass `AuthorityLaws` and give it three fixtures:

``authority``  an empty authority, closed by the fixture afterwards.
``reopen``     a callable: a new, independent handle on that same authority.
``lapse``      a callable of seconds: when it returns, at least that much time has passed for
               the authority (a virtual clock moves; a real one is waited for, or the stored
               instants are moved back).

and, where they differ from the defaults, ``short_ttl`` (seconds a lease that is meant to
lapse is taken for) and ``unreachable`` (an authority whose store cannot answer).
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import attrs
import pytest

from sr_ports.authority import AuthorityStore, Binding, IndexNote, Lease
from sr_ports.conformance.authority_model import check_against_model
from sr_ports.errors import LeaseLost, Unreachable

T = TypeVar("T")
Reopen = Callable[[], AuthorityStore]
Lapse = Callable[[float], None]

LONG_S = 3600.0
"""A lease of this many seconds outlives any test."""
CROWD = 16


def a_binding(key: str, asked_for: str = "one") -> Binding:
    """A binding for `key`, with ids that depend on the key alone and an intent on both."""
    intent = f'{{"asked_for":"{asked_for}"}}'
    return Binding(
        run_equivalence_key=key,
        run_id=hashlib.sha256(f"sr_run|{key}".encode()).hexdigest()[:32],
        intent_fingerprint=hashlib.sha256(intent.encode()).hexdigest(),
        intent=intent,
        platform_run_id="platform_20260131T134200Z",
    )


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Start all calls together, each in a thread of its own; their results in order."""
    gate = threading.Barrier(len(calls), timeout=60)

    def run(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def took(authority: AuthorityStore, resource: str, owner: str = "a", ttl_s: float = LONG_S, above: int = 0) -> Lease:
    """Acquire where nothing can be in the way."""
    lease = authority.acquire(resource, owner, ttl_s=ttl_s, above=above)
    assert lease is not None
    return lease


class AuthorityLaws:
    """Exactly the laws of `sr_ports.authority.AuthorityStore`."""

    @pytest.fixture
    def short_ttl(self) -> float:
        return 0.2

    @pytest.fixture
    def unreachable(self) -> AuthorityStore:
        pytest.skip("this authority has no store that could be out of reach")

    @pytest.fixture
    def lapsed(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> Callable[[str], Lease]:
        """Makes a lease on the named resource that has lapsed."""

        def make(resource: str) -> Lease:
            lease = took(authority, resource, "sleeper", short_ttl)
            lapse(short_ttl * 1.5)
            return lease

        return make

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
        assert authority.find(a_binding("k").run_id) == a_binding("k")
        assert authority.find(a_binding("never").run_id) is None

    def test_a1_a_binding_outlives_its_handle(self, authority: AuthorityStore, reopen: Reopen) -> None:
        authority.admit(a_binding("k", "one"))
        authority.close()
        later = reopen()
        assert later.find(a_binding("k").run_id) == a_binding("k", "one")
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

    # A2: one unexpired lease a resource

    def test_a2_a_held_resource_is_refused_to_all(self, authority: AuthorityStore, reopen: Reopen) -> None:
        lease = took(authority, "r", "a")
        assert reopen().acquire("r", "b", ttl_s=LONG_S) is None
        assert authority.acquire("r", "a", ttl_s=LONG_S) is None, "not even its own holder gets a second one"
        held = authority.holder("r")
        assert held is not None
        assert (held.owner, held.fence) == ("a", lease.fence)

    def test_a2_resources_do_not_mix(self, authority: AuthorityStore) -> None:
        took(authority, "r")
        took(authority, "R")
        assert authority.holder("r2") is None

    def test_a2_a_lapsed_lease_gives_way(self, authority: AuthorityStore, lapsed: Callable[[str], Lease]) -> None:
        old = lapsed("r")
        assert authority.holder("r") is None
        new = took(authority, "r", "b")
        assert new.fence > old.fence

    def test_a2_a_lease_says_how_long_it_has(self, authority: AuthorityStore) -> None:
        lease = took(authority, "r", ttl_s=LONG_S)
        assert 0 < lease.expires_in_s <= LONG_S
        longer = authority.renew(lease, ttl_s=LONG_S * 2)
        assert LONG_S < longer.expires_in_s <= LONG_S * 2
        held = authority.holder("r")
        assert held is not None
        assert LONG_S < held.expires_in_s <= LONG_S * 2

    def test_a2_renewal_keeps_others_out(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> None:
        lease = took(authority, "r", ttl_s=LONG_S)
        authority.renew(lease, ttl_s=LONG_S)
        lapse(short_ttl * 1.5)
        assert authority.acquire("r", "b", ttl_s=LONG_S) is None

    def test_a2_renewal_counts_from_now(self, authority: AuthorityStore, lapse: Lapse, short_ttl: float) -> None:
        lease = took(authority, "r", ttl_s=LONG_S)
        authority.renew(lease, ttl_s=short_ttl)
        lapse(short_ttl * 1.5)
        assert authority.acquire("r", "b", ttl_s=LONG_S) is not None

    def test_a2_of_a_crowd_exactly_one_acquires(
        self, authority: AuthorityStore, reopen: Reopen, lapsed: Callable[[str], Lease]
    ) -> None:
        handles = [authority, *(reopen() for _ in range(CROWD - 1))]
        lapsed("r-lapsed")
        authority.release(took(authority, "r-released"))
        for resource in ("r-fresh", "r-lapsed", "r-released"):
            calls = [partial(h.acquire, resource, f"w{n}", ttl_s=LONG_S) for n, h in enumerate(handles)]
            won = [lease for lease in at_once(calls) if lease is not None]
            assert len(won) == 1
            held = authority.holder(resource)
            assert held is not None
            assert (held.owner, held.fence) == (won[0].owner, won[0].fence)

    def test_a2_holders_never_overlap(self, authority: AuthorityStore, reopen: Reopen) -> None:
        inside = threading.Semaphore(1)
        fences: list[int] = []
        handles = [authority, *(reopen() for _ in range(3))]

        def work(handle: AuthorityStore, owner: str) -> int:
            done = 0
            for _ in range(400):
                lease = handle.acquire("r", owner, ttl_s=LONG_S)
                if lease is None:
                    continue
                assert inside.acquire(blocking=False), "two holders at once"
                fences.append(lease.fence)
                inside.release()
                handle.release(lease)
                done += 1
                if done == 8:
                    break
            return done

        totals = at_once([partial(work, h, f"w{n}") for n, h in enumerate(handles)])
        assert len(fences) == sum(totals) > 0
        assert fences == sorted(set(fences))

    # A3: fences rise

    def test_a3_fences_rise_across_release_and_expiry(
        self, authority: AuthorityStore, lapsed: Callable[[str], Lease]
    ) -> None:
        fences = []
        for _ in range(2):
            lease = took(authority, "r")
            authority.release(lease)
            fences += [lease.fence, lapsed("r").fence]
        assert fences == sorted(set(fences))
        assert fences[0] > 0

    def test_a3_fences_rise_across_restart(self, authority: AuthorityStore, reopen: Reopen) -> None:
        lease = took(authority, "r")
        authority.release(lease)
        authority.close()
        assert took(reopen(), "r").fence > lease.fence

    @pytest.mark.parametrize("above", [0, 1, 7, 2**40])
    def test_a3_a_new_fence_is_above_the_floor(self, authority: AuthorityStore, above: int) -> None:
        first = took(authority, "r", above=above)
        assert first.fence > above
        authority.release(first)
        assert took(authority, "r", above=above).fence > first.fence

    def test_a3_a_low_floor_lowers_nothing(self, authority: AuthorityStore) -> None:
        first = took(authority, "r", above=100)
        authority.release(first)
        assert took(authority, "r", above=3).fence > first.fence

    def test_a3_a_higher_floor_raises_a_fence_that_was_low(self, authority: AuthorityStore) -> None:
        authority.release(took(authority, "r"))
        assert took(authority, "r", above=50).fence > 50

    def test_a3_renewal_keeps_the_fence(self, authority: AuthorityStore) -> None:
        lease = took(authority, "r")
        renewed = authority.renew(lease, ttl_s=LONG_S)
        assert attrs.evolve(renewed, expires_in_s=lease.expires_in_s) == lease

    # A4: what is over cannot be renewed

    def test_a4_a_lapsed_lease_cannot_be_renewed(
        self, authority: AuthorityStore, lapsed: Callable[[str], Lease]
    ) -> None:
        lease = lapsed("r")
        with pytest.raises(LeaseLost) as lost:
            authority.renew(lease, ttl_s=LONG_S)
        assert (lost.value.resource, lost.value.fence) == ("r", lease.fence)
        assert authority.holder("r") is None

    def test_a4_a_released_lease_cannot_be_renewed(self, authority: AuthorityStore) -> None:
        lease = took(authority, "r")
        authority.release(lease)
        with pytest.raises(LeaseLost):
            authority.renew(lease, ttl_s=LONG_S)
        assert authority.holder("r") is None

    def test_a4_a_superseded_lease_cannot_be_renewed(
        self, authority: AuthorityStore, lapsed: Callable[[str], Lease]
    ) -> None:
        old = lapsed("r")
        new = took(authority, "r", old.owner)
        with pytest.raises(LeaseLost):
            authority.renew(old, ttl_s=LONG_S)
        assert authority.renew(new, ttl_s=LONG_S).fence == new.fence

    @pytest.mark.parametrize("change", [{"fence": 99}, {"owner": "b"}, {"resource": "r2"}])
    def test_a4_only_the_very_lease_is_renewed(self, authority: AuthorityStore, change: dict[str, Any]) -> None:
        lease = took(authority, "r")
        with pytest.raises(LeaseLost):
            authority.renew(attrs.evolve(lease, **change), ttl_s=LONG_S)

    def test_a4_any_handle_renews_a_lease_that_stands(self, authority: AuthorityStore, reopen: Reopen) -> None:
        lease = took(authority, "r")
        assert reopen().renew(lease, ttl_s=LONG_S).fence == lease.fence

    # A5: release ends the very lease

    def test_a5_a_released_resource_is_free(self, authority: AuthorityStore, reopen: Reopen) -> None:
        authority.release(took(authority, "r"))
        assert authority.holder("r") is None
        took(reopen(), "r", "b")

    def test_a5_release_of_a_superseded_lease_changes_nothing(
        self, authority: AuthorityStore, lapsed: Callable[[str], Lease]
    ) -> None:
        old = lapsed("r")
        new = took(authority, "r", old.owner)
        authority.release(old)
        held = authority.holder("r")
        assert held is not None
        assert held.fence == new.fence

    @pytest.mark.parametrize("change", [{"fence": 99}, {"owner": "b"}, {"resource": "r2"}])
    def test_a5_release_of_another_lease_changes_nothing(
        self, authority: AuthorityStore, change: dict[str, Any]
    ) -> None:
        lease = took(authority, "r")
        authority.release(attrs.evolve(lease, **change))
        assert authority.renew(lease, ttl_s=LONG_S).fence == lease.fence

    def test_a5_release_twice_is_release_once(self, authority: AuthorityStore) -> None:
        lease = took(authority, "r")
        authority.release(lease)
        authority.release(lease)
        took(authority, "r", "b")

    # A6: no answer is no answer

    @pytest.mark.parametrize(
        "call",
        [
            lambda a: a.admit(a_binding("k")),
            lambda a: a.find("0" * 32),
            lambda a: a.acquire("r", "a", ttl_s=LONG_S),
            lambda a: a.renew(Lease("r", "a", 1, LONG_S), ttl_s=LONG_S),
            lambda a: a.release(Lease("r", "a", 1, LONG_S)),
            lambda a: a.holder("r"),
            lambda a: a.runs(),
            lambda a: a.now(),
        ],
        ids=["admit", "find", "acquire", "renew", "release", "holder", "runs", "now"],
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
        authority.admit(a_binding("k"))
        assert list(authority.runs()) == [row]

    def test_a7_release_without_a_note_notes_nothing(self, authority: AuthorityStore) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        rows = list(authority.runs())
        authority.release(took(authority, "r"), run_id=run_id)
        assert list(authority.runs()) == rows

    def test_a7_only_a_standing_lease_notes(self, authority: AuthorityStore, lapsed: Callable[[str], Lease]) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        rows = list(authority.runs())
        released = took(authority, "r")
        authority.release(released)
        old = lapsed("r")
        took(authority, "r", "b")
        for lease in (released, old, lapsed("other"), Lease("never", "a", 1, LONG_S)):
            authority.release(lease, note=IndexNote("READY", True), run_id=run_id)
        assert list(authority.runs()) == rows

    def test_a7_settled_stays_settled(self, authority: AuthorityStore) -> None:
        run_id = authority.admit(a_binding("k")).binding.run_id
        for note in (IndexNote("READY", True), IndexNote("VERIFYING", False)):
            authority.release(took(authority, "r"), note=note, run_id=run_id)
        assert [row.run_id for row in authority.runs()] == [run_id]
        assert list(authority.runs(unsettled_only=True)) == []

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

    # all of them together

    def test_any_history_agrees_with_the_model(
        self, authority: AuthorityStore, reopen: Reopen, lapse: Lapse, short_ttl: float
    ) -> None:
        check_against_model([authority, reopen(), reopen()], lapse, short_ttl, LONG_S)


def _ids(authority: AuthorityStore, **choice: Any) -> list[str]:
    return [row.run_id for row in authority.runs(**choice)]
