"""Laws A1 and A2 between two calls that meet at each line of the adapter's own code, and between clocks that differ.

Part of `AuthorityLaws`.
"""

from __future__ import annotations

from functools import partial

import pytest

from sr_ports.authority import AuthorityStore
from sr_ports.conformance.authority_kit import LONG_S, AuthorityFixtures, Lapse, Reopen, a_binding, bound, took
from sr_ports.conformance.between import Meetings, lines
from sr_ports.conformance.outside import wall_clock_ahead

FAR_S = 100 * LONG_S


class MeetingLaws(AuthorityFixtures):
    """What holds wherever two callers meet, and whatever a worker takes for the time."""

    def test_a1_of_two_admissions_that_meet_anywhere_one_is_new(
        self, authority: AuthorityStore, reopen: Reopen
    ) -> None:
        other, meetings = reopen(), Meetings(authority)
        for line in lines(authority, partial(authority.admit, a_binding("rehearsal"))):
            key = f"k{line}"
            one, two = meetings.at(
                line, partial(authority.admit, a_binding(key, "one")), partial(other.admit, a_binding(key, "two"))
            )
            assert [one.is_new, two.is_new].count(True) == 1
            assert one.binding == two.binding == bound(authority, key)

    def test_a2_of_two_acquirers_that_meet_anywhere_one_has_the_lease(
        self, authority: AuthorityStore, reopen: Reopen
    ) -> None:
        other, meetings = reopen(), Meetings(authority)
        for line in lines(authority, partial(authority.acquire, "rehearsal", "a", ttl_s=LONG_S)):
            resource = f"r{line}"
            authority.release(took(authority, resource, "before"))
            won = meetings.at(
                line,
                partial(authority.acquire, resource, "a", ttl_s=LONG_S),
                partial(other.acquire, resource, "b", ttl_s=LONG_S),
            )
            (lease,) = [one for one in won if one is not None]
            held = authority.holder(resource)
            assert held is not None
            assert (held.owner, held.fence) == (lease.owner, lease.fence)

    @pytest.mark.parametrize("ahead_s", [FAR_S, -FAR_S], ids=["ahead", "behind"])
    def test_a2_no_worker_s_clock_counts(
        self, authority: AuthorityStore, reopen: Reopen, lapse: Lapse, short_ttl: float, ahead_s: float
    ) -> None:
        lease = took(authority, "r", "a")
        with wall_clock_ahead(authority, ahead_s):
            worker = reopen()
            assert worker.acquire("r", "b", ttl_s=LONG_S) is None, "a worker's clock ends a lease that stands"
            assert worker.renew(lease, ttl_s=LONG_S).fence == lease.fence
            took(worker, "r2", "b", short_ttl)
            took(worker, "r3", "b")
        assert authority.acquire("r3", "a", ttl_s=LONG_S) is None, "a worker's clock ends its lease too early"
        lapse(short_ttl * 1.5)
        assert authority.acquire("r2", "a", ttl_s=LONG_S) is not None, "a worker's clock keeps its lease too long"
