"""Runs that are due: claimed, so that workers share them, worked on, and given back (spec: behaviour, "resume").

A claim only keeps workers out of each other's way. Who may write is the lease's to say, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from sr_domain.flows.resume import resume
from sr_domain.record.layout import Layout
from sr_domain.record.read import Record
from sr_domain.run.append_aside import read_record
from sr_domain.run.bound import index_store
from sr_domain.run.callers import ITSELF
from sr_domain.run.context import Context
from sr_domain.run.next_look import next_look
from sr_domain.run.outcome import Outcome
from sr_domain.run.platform_runs import index_rows, platform_runs
from sr_domain.run.served import check_served
from sr_ports import AuthorityStore, Clock, Due, DueClaim, Identity, PerPlatformRun, Scheduling

ALL_EVERY = timedelta(minutes=5)
"""How often every platform run of a store is asked; in between those that had something left to do, and the current."""


class DueRuns:
    """What is due in the store, in whatever platform run it is.

    One thread claims; any thread works on what was claimed and gives it back.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._own: dict[str | None, NotBefore] = {}
        self._queue: list[str] = []
        self._asked_all: datetime | None = None

    def claim(self, *, limit: int, for_s: float) -> list[DueClaim]:
        """At most `limit` runs that are due, for nobody else for `for_s` seconds. Writes nothing to the store.

        Raises `Unreachable`, and `Fault` where the store is not the one that the authority serves here.
        """
        known, claims = self._context.known_store, list[DueClaim]()
        if known.store_id is None:
            known.standing(again=True)
        for platform_run_id, authority in self._authorities():
            left = limit - len(claims)
            if left <= 0:
                break
            store_id = index_store(authority, known)
            scheduling = self._scheduling(platform_run_id, authority)
            found = scheduling.claim_due(limit=left, for_s=for_s, store_id=store_id)
            if found:
                self._check_served(authority)
            claims += found
        return claims

    def work(self, claim: DueClaim, *, actor: Identity | None = None) -> Outcome:
        """Resume the run, and say when it is next worth a look. Raises as `resume`: then the claim still stands."""
        layout = Layout(claim.platform_run_id)
        outcome = resume(self._context, layout.record(claim.run_id), actor=actor or ITSELF)
        if outcome.state is None or not outcome.state.terminal:
            record = Record(read_record(self._context.ports, layout, claim.run_id)[0])
            due = next_look(record, self._context.ports.clock.now())
            if due is not None:  # no effect where a release has told the index already
                self.postpone(claim, due)
        return outcome

    def postpone(self, claim: DueClaim, due: Due) -> None:
        """Give a claim back: the run is due when `due` says. Raises `Unreachable`: the claim lapses then."""
        authority = self._context.ports.at(claim.platform_run_id).authority
        key = claim.platform_run_id if isinstance(self._context.ports.authority, PerPlatformRun) else None
        self._scheduling(key, authority).postpone(claim, due)

    def _scheduling(self, key: str | None, authority: AuthorityStore) -> Scheduling:
        if isinstance(authority, Scheduling):
            return authority
        return OwnSchedule(authority, self._context.ports.clock, self._own.setdefault(key, {}))

    def _check_served(self, authority: AuthorityStore) -> None:
        known = self._context.known_store
        known.standing(again=True)
        check_served(known, authority.find("", location=known.location, store_id=known.store_id).places)

    def _authorities(self) -> Iterator[tuple[str | None, AuthorityStore]]:
        """The authority; where each platform run has its own, those of the platform runs that may have work."""
        ports = self._context.ports
        if not isinstance(ports.authority, PerPlatformRun):
            yield None, ports.authority
            return
        current = ports.platform.current()
        for name in self._asked_now(current):
            self._queue.remove(name)
            self._queue.append(name)  # who asks for few runs at a time comes round to all
            authority = ports.authority.of(name)
            yield name, authority
            if not authority.runs(unsettled_only=True, limit=1):
                self._queue.remove(name)
                if name != current:
                    authority.close()  # as many files would be open as there are platform runs

    def _asked_now(self, current: str | None) -> list[str]:
        """The platform runs to ask, in turn: those that had something left to do, the current one, and at times all."""
        ports, now = self._context.ports, self._context.ports.clock.now()
        names = [] if current is None else [current]
        if self._asked_all is None or abs(now - self._asked_all) >= ALL_EVERY:
            names += platform_runs(ports.store)
            self._asked_all = now
        self._queue = list(dict.fromkeys([*self._queue, *names]))
        return list(self._queue)


NotBefore = dict[tuple[str, str], datetime]
"""By run id and store, when a run is due."""


@attrs.frozen(eq=False)
class OwnSchedule:
    """A schedule for an authority that keeps none: this process's own, over all that is not settled.

    Implements `Scheduling` for one process: others are not kept out, and every unsettled row is read each time.
    `not_before`: outlives the authority's handle.
    """

    authority: AuthorityStore
    clock: Clock
    not_before: NotBefore

    def claim_due(self, *, limit: int, for_s: float, store_id: str) -> Sequence[DueClaim]:
        now, claims, listed = self.clock.now(), list[DueClaim](), set[tuple[str, str]]()
        for row in index_rows(self.authority, store_id, unsettled_only=True):
            run = (row.run_id, row.store_id)
            listed.add(run)
            due = self.not_before.get(run, now) <= now
            if due and len(claims) < limit and self.authority.holder(row.run_id, store_id=row.store_id) is None:
                claims.append(DueClaim(row.run_id, row.platform_run_id, row.store_id, ""))
                self.not_before[run] = now + timedelta(seconds=for_s)
        for run in self.not_before.keys() - listed:
            self.not_before.pop(run, None)
        return claims

    def postpone(self, claim: DueClaim, due: Due) -> None:
        at = self.clock.now() + timedelta(seconds=due.in_s)
        self.not_before[claim.run_id, claim.store_id] = at if due.by is None else min(at, due.by)
