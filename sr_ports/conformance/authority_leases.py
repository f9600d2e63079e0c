"""The laws of leases, A2 to A5: part of `sr_ports.conformance.authority.AuthorityLaws`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest

from sr_ports.authority import AuthorityStore, Lease
from sr_ports.conformance.authority_kit import CROWD, LONG_S, AuthorityFixtures, Lapse, Reopen, at_once, took
from sr_ports.errors import LeaseLost


class LeaseLaws(AuthorityFixtures):
    """One holder at a time, fences that rise, and ends that are final."""

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
