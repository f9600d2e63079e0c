"""The laws of `sr_ports.followers.FollowerStore`, as tests.

Subclass `FollowerStoreLaws` and give it the fixtures `store` and `reopen` (a callable giving a further, independent
handle, as another process has it). `lapse` lets so many seconds pass by the store's clock, where claims end by that;
`died` ends a handle as the end of its process does, where claims end by that. Their defaults skip their tests.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sr_ports.authority import Lease
from sr_ports.conformance.together import together
from sr_ports.errors import BadInput, LeaseLost
from sr_ports.followers import FollowerStore, Progress, SetAside

Reopen = Callable[[], FollowerStore]
LONG_S = 60.0
AT = "2026-01-31T13:42:00Z"
POSITIONS = {"shard-000": "49590338271490256608559692538361571095921575989136588898", "a/b": "x.json|ä", "": ""}


def aside(number: int) -> SetAside:
    """A message that was set aside."""
    return SetAside(
        "shard", str(number), "DOCUMENT_INVALID", f"number {number}: ä\n😀", AT, None if number % 2 else "m"
    )


class FollowerStoreLaws:
    """Laws F1 to F6. Needs `store` and `reopen`."""

    @pytest.fixture
    def lapse(self) -> Callable[[float], None]:
        """Lets so many seconds pass by the store's clock."""
        pytest.skip("a claim on this store does not end by time")

    @pytest.fixture
    def died(self) -> Callable[[FollowerStore], None]:
        """Ends a handle as the end of its process does."""
        pytest.skip("this store cannot tell that a process ended")

    # F1

    def test_f1_one_claim_at_a_time_until_it_is_released(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        other = reopen()
        for handle in (store, other):
            assert handle.claim("group", "other", ttl_s=LONG_S) is None
        store.release(claim)
        store.release(claim)
        again = claimed(other)
        assert again.fence > claim.fence
        other.release(again)

    def test_f1_of_many_at_once_one_gets_it(self, reopen: Reopen) -> None:
        got: list[Lease] = []
        handles = [reopen() for _ in range(6)]

        def claim(handle: FollowerStore) -> None:
            found = handle.claim("group", "me", ttl_s=LONG_S)
            if found is not None:
                got.append(found)

        together([partial(claim, handle) for handle in handles])
        assert len(got) == 1

    def test_f1_a_claim_ends_when_it_is_not_renewed(
        self, store: FollowerStore, reopen: Reopen, lapse: Callable[[float], None]
    ) -> None:
        claim = claimed(store)
        lapse(LONG_S / 2)
        claim = store.renew(claim, ttl_s=LONG_S)
        lapse(LONG_S * 0.75)
        assert reopen().claim("group", "other", ttl_s=LONG_S) is None
        lapse(LONG_S / 2)
        assert reopen().claim("group", "other", ttl_s=LONG_S) is not None
        lost(store, claim)

    def test_f1_a_claim_ends_with_the_process_that_has_it(
        self, reopen: Reopen, died: Callable[[FollowerStore], None]
    ) -> None:
        first = reopen()
        claimed(first)
        died(first)
        claimed(reopen())

    # F2

    def test_f2_a_claim_that_was_released_saves_nothing(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        store.save(claim, Progress({"s": "1"}, AT), done=["one"])
        store.release(claim)
        lost(store, claim)
        newer = claimed(reopen())
        lost(store, claim)
        lost(store, attrs.evolve(newer, fence=newer.fence - 1))
        assert reopen().load("group") == Progress({"s": "1"}, AT)
        assert reopen().dealt_with("group", ["two"]) == frozenset()
        assert reopen().set_aside("group") == ()

    # F3

    def test_f3_what_was_saved_is_read_back_by_any_handle(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        for progress in (Progress(POSITIONS, AT), Progress({"s": "2"}), Progress()):
            store.save(claim, progress)
            assert store.load("group") == progress
            assert reopen().load("group") == progress
        store.renew(claim, ttl_s=LONG_S)
        store.save(claim, Progress({"s": "3"}, AT))
        store.release(claim)
        assert reopen().load("group") == Progress({"s": "3"}, AT)

    def test_f3_a_claim_changes_no_progress(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        store.save(claim, Progress({"s": "3"}, AT), done=["one"], aside=[aside(1)])
        store.release(claim)
        again = claimed(reopen())
        assert reopen().load("group") == Progress({"s": "3"}, AT)
        assert reopen().dealt_with("group", ["one"]) == {"one"}
        assert again.fence > claim.fence

    # F4

    @settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=15)
    @given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=4))
    def test_f4_what_was_dealt_with_stays_so(
        self, store: FollowerStore, reopen: Reopen, saves: list[list[str]]
    ) -> None:
        if any("\ud800" <= letter <= "\udfff" for keys in saves for key in keys for letter in key):
            return
        claim = claimed(store)
        for keys in saves:
            store.save(claim, Progress(), done=keys)
            assert store.dealt_with("group", keys) == set(keys)
        known = {key for keys in saves for key in keys}
        assert reopen().dealt_with("group", [*known, "never \x7f"]) == known
        store.release(claim)

    def test_f4_very_many_keys_are_told_apart(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        keys = [f"{number:064x}" for number in range(2_000)]
        store.save(claim, Progress(), done=keys[::2])
        store.save(claim, Progress(), done=keys[:10:2])
        assert reopen().dealt_with("group", keys) == set(keys[::2])

    def test_f4_what_was_set_aside_is_given_newest_first(self, store: FollowerStore, reopen: Reopen) -> None:
        claim = claimed(store)
        store.save(claim, Progress(), aside=[aside(1), aside(2)])
        store.save(claim, Progress(), aside=[aside(3)])
        assert list(reopen().set_aside("group")) == [aside(3), aside(2), aside(1)]
        assert list(reopen().set_aside("group", limit=1)) == [aside(3)]

    # F5

    def test_f5_groups_are_kept_apart(self, store: FollowerStore) -> None:
        claims = {group: claimed(store, group) for group in ("group", "Group", "group.2", "g_-1")}
        for group, claim in claims.items():
            store.save(claim, Progress({"s": group}), done=[group], aside=[attrs.evolve(aside(1), what=group)])
        for group in claims:
            assert store.load(group) == Progress({"s": group})
            assert store.dealt_with(group, list(claims)) == {group}
            assert [one.what for one in store.set_aside(group)] == [group]

    @pytest.mark.parametrize("group", ["", ".", "..", "a/b", "-a", "a b", "ä", "a\n", "a" * 101, "../a"])
    def test_f5_what_is_no_name_of_a_group_is_refused(self, store: FollowerStore, group: str) -> None:
        for act in (
            lambda: store.claim(group, "me", ttl_s=LONG_S),
            lambda: store.load(group),
            lambda: store.dealt_with(group, ["one"]),
            lambda: store.set_aside(group),
        ):
            with pytest.raises(BadInput):
                act()

    # F6

    def test_f6_a_group_that_nobody_knows_is_at_its_start(self, store: FollowerStore, reopen: Reopen) -> None:
        assert store.load("nobody") == Progress()
        assert store.dealt_with("nobody", ["one"]) == frozenset()
        assert store.dealt_with("nobody", []) == frozenset()
        assert list(store.set_aside("nobody")) == []
        claimed(reopen(), "nobody")

    def test_f6_it_says_where_it_is_and_may_be_closed_twice(self, reopen: Reopen) -> None:
        handle = reopen()
        assert handle.describe()
        handle.close()
        handle.close()


def claimed(store: FollowerStore, group: str = "group") -> Lease:
    """A claim, which nobody else has."""
    claim = store.claim(group, "me", ttl_s=LONG_S)
    assert claim is not None
    assert (claim.resource, claim.owner) == (group, "me")
    assert claim.expires_in_s <= LONG_S
    return claim


def lost(store: FollowerStore, claim: Lease) -> None:
    """The claim holds no more."""
    with pytest.raises(LeaseLost):
        store.renew(claim, ttl_s=LONG_S)
    with pytest.raises(LeaseLost):
        store.save(claim, Progress({"s": "lost"}), done=["two"], aside=[aside(9)])
