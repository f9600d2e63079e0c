"""The laws of stores, A9, A10 and what A1, A2, A3 and A7 say of them: part of `AuthorityLaws`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import pytest

from sr_ports.authority import NO_STORE, AuthorityStore, IndexNote, Lease, StorePlace, Tail
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
    bound,
    took,
)
from sr_ports.errors import LeaseLost

HERE, THERE = "file:///srv/truth%20of%20all", "s3+https://store.example:9000/bucket/prefix"


class StoreLaws(AuthorityFixtures):
    """Stores that share an authority share nothing else, and each is where it was."""

    # A1, A2, A3, A7: keys, leases and the index are per store

    def test_a1_each_store_has_keys_of_its_own(self, authority: AuthorityStore, reopen: Reopen) -> None:
        mine, theirs = a_binding("k", "one", STORE), a_binding("k", "two", OTHER)
        assert authority.admit(mine).is_new
        assert authority.admit(theirs).is_new
        assert not authority.admit(theirs).is_new
        assert authority.admit(attrs.evolve(theirs, intent="{}")).binding == theirs
        assert reopen().find(mine.run_id).bindings == (mine, theirs)

    def test_a2_each_store_has_leases_of_its_own(self, authority: AuthorityStore, reopen: Reopen) -> None:
        mine = took(authority, "r", "a", store_id=STORE)
        theirs = took(reopen(), "r", "b", store_id=OTHER)
        assert authority.acquire("r", "c", ttl_s=LONG_S, store_id=STORE) is None
        assert (mine.store_id, theirs.store_id) == (STORE, OTHER)
        for store_id, owner in ((STORE, "a"), (OTHER, "b")):
            held = authority.holder("r", store_id=store_id)
            assert held is not None
            assert (held.owner, held.store_id) == (owner, store_id)
        authority.release(theirs)
        assert authority.renew(mine, ttl_s=LONG_S).store_id == STORE
        with pytest.raises(LeaseLost):
            authority.renew(attrs.evolve(mine, store_id=OTHER), ttl_s=LONG_S)

    def test_a2_a_lease_of_no_store_is_waited_for(
        self, authority: AuthorityStore, lapse: Lapse, short_ttl: float
    ) -> None:
        old = took(authority, "r", "sleeper")
        assert authority.acquire("r", "a", ttl_s=LONG_S, store_id=STORE) is None
        held = authority.holder("r", store_id=STORE)
        assert held is not None
        assert (held.owner, held.store_id) == ("sleeper", NO_STORE)
        authority.renew(old, ttl_s=short_ttl)
        lapse(short_ttl * 1.5)
        assert took(authority, "r", store_id=STORE).fence > old.fence

    def test_a3_fences_rise_across_stores(self, authority: AuthorityStore) -> None:
        fences = [took(authority, "r", above=above, store_id=store).fence for above, store in ((7, STORE), (0, OTHER))]
        assert fences == sorted(set(fences))

    def test_a7_a_note_is_of_its_own_store(self, authority: AuthorityStore) -> None:
        for store_id in (STORE, OTHER):
            authority.admit(a_binding("k", store_id=store_id))
        run_id, note = a_binding("k").run_id, IndexNote("READY", True, Tail(9, "e" * 64))
        authority.release(took(authority, run_id, store_id=STORE), note=note, run_id=run_id)
        rows = {row.store_id: (row.state, row.settled, row.tail) for row in authority.runs()}
        assert rows == {STORE: ("READY", True, note.tail), OTHER: ("OPEN", False, None)}
        assert authority.admit(a_binding("k", store_id=STORE)).settled
        assert not authority.admit(a_binding("k", store_id=OTHER)).settled

    def test_a7_rows_are_asked_for_by_store(self, authority: AuthorityStore) -> None:
        for key, store_id in (("mine", STORE), ("theirs", OTHER), ("nobody's", NO_STORE)):
            authority.admit(a_binding(key, store_id=store_id))
        listed = {row.store_id for row in authority.runs(store_id=STORE)}
        assert (
            listed == {STORE, NO_STORE} == {row.store_id for row in authority.runs(unsettled_only=True, store_id=STORE)}
        )
        assert {row.store_id for row in authority.runs()} == {STORE, OTHER, NO_STORE}

    # A9: where stores are served

    def test_a9_a_store_is_served_where_it_first_was(self, authority: AuthorityStore, reopen: Reopen) -> None:
        place = StorePlace(HERE, STORE)
        assert authority.find("0" * 32).places == ()
        assert list(authority.serve(place)) == [place] == list(reopen().serve(place))
        assert list(reopen().serve(StorePlace(HERE, OTHER))) == [place]
        assert list(authority.serve(StorePlace(THERE, STORE))) == [place]
        other = StorePlace(THERE, OTHER)
        assert list(authority.serve(other)) == [other]
        assert set(authority.serve(StorePlace(HERE, OTHER))) == {place, other}
        assert set(reopen().find("0" * 32).places) == {place, other}
        assert reopen().find("0" * 32, location="file:///elsewhere", store_id=STORE).places == (place,)
        assert set(reopen().find("0" * 32, location=THERE, store_id=STORE).places) == {place, other}

    def test_a9_a_decision_retires_what_stands_in_the_way(self, authority: AuthorityStore, reopen: Reopen) -> None:
        authority.serve(StorePlace(HERE, STORE))
        moved, another = StorePlace(THERE, STORE), StorePlace(HERE, OTHER)
        assert list(authority.serve(moved, decided=True)) == [moved] == list(reopen().serve(moved, decided=True))
        assert list(authority.serve(another)) == [another]
        back = StorePlace(HERE, STORE)
        assert list(authority.serve(back, decided=True)) == [back]
        assert authority.find("0" * 32).places == (back,)

    def test_a9_a_new_key_is_bound_where_its_store_is_served(self, authority: AuthorityStore) -> None:
        mine = a_binding("k", store_id=STORE)
        refused = authority.admit(mine, location=HERE)
        assert (refused.served, refused.is_new) == (False, False)
        assert bound(authority, "k", STORE) is None
        authority.serve(StorePlace(HERE, STORE))
        assert not authority.admit(mine, location=THERE).served
        assert not authority.admit(attrs.evolve(mine, store_id=OTHER), location=HERE).served
        made = authority.admit(mine, location=HERE)
        assert made.is_new and made.served
        assert authority.admit(mine, location=HERE) == attrs.evolve(made, is_new=False)

    @pytest.mark.parametrize(
        "place",
        [lambda n: StorePlace(HERE, f"{n:032}"), lambda n: StorePlace(f"file:///srv/{n}", STORE)],
        ids=["one location", "one store"],
    )
    def test_a9_of_a_crowd_exactly_one_is_served(
        self, authority: AuthorityStore, reopen: Reopen, place: Callable[[int], StorePlace]
    ) -> None:
        handles = [authority, *(reopen() for _ in range(CROWD - 1))]
        answers = at_once([partial(handle.serve, place(n)) for n, handle in enumerate(handles)])
        assert len(set(map(tuple, answers))) == 1
        assert [list(answer) == [place(n)] for n, answer in enumerate(answers)].count(True) == 1

    # A10: bindings of no store

    def test_a10_a_key_of_no_store_is_bound_in_none(self, authority: AuthorityStore) -> None:
        old = a_binding("k", "old")
        authority.admit(old)
        for store_id in (STORE, OTHER):
            answer = authority.admit(a_binding("k", "new", store_id))
            assert (answer.binding, answer.is_new) == (old, False)
        assert authority.find(old.run_id).bindings == (old,)

    def test_a10_a_binding_is_claimed_once(self, authority: AuthorityStore, reopen: Reopen) -> None:
        for key in ("k", "k2", "k3"):
            authority.admit(a_binding(key))
        note = IndexNote("READY", True, Tail(9, "e" * 64))
        authority.release(took(authority, "r"), note=note, run_id=a_binding("k").run_id)
        stores = (STORE, OTHER) * (CROWD // 2)
        given = at_once([partial(reopen().claim, store, a_binding("k").run_id) for store in stores])
        assert sorted(given) == [0] * (CROWD - 1) + [1]
        (claimed,) = authority.find(a_binding("k").run_id).bindings
        assert claimed.store_id == stores[given.index(1)]
        assert (claimed.state, claimed.settled, claimed.tail) == ("READY", True, note.tail)
        assert authority.claim(STORE) == 2
        assert authority.claim(STORE) == 0
        assert bound(authority, "k2", STORE) == a_binding("k2", store_id=STORE)

    def test_a10_what_a_store_has_bound_itself_is_not_given(self, authority: AuthorityStore) -> None:
        own = a_binding("k", "own", STORE)
        authority.admit(own)
        authority.admit(attrs.evolve(a_binding("k2", "old"), run_id=own.run_id))
        assert authority.claim(STORE) == 0
        assert bound(authority, "k", STORE) == own

    @pytest.mark.parametrize("store_id", [STORE, NO_STORE])
    def test_a5_a_release_leaves_other_stores_their_leases(self, authority: AuthorityStore, store_id: str) -> None:
        lease = took(authority, "r", store_id=OTHER)
        authority.release(Lease("r", lease.owner, lease.fence, LONG_S, store_id))
        assert authority.renew(lease, ttl_s=LONG_S).fence == lease.fence
