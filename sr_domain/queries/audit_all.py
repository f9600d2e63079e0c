"""Audit of a whole store: the union of records, artifacts, index and control bus, over all its platform runs.

What any of them knows of, and the record does not, is found and named. Nothing is held in memory but one run at a time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import groupby

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.queries import audit
from sr_domain.queries.audit import Audit
from sr_domain.queries.finding import Finding
from sr_domain.queries.store_decisions import decision_faults
from sr_domain.record.layout import Layout, store_identity_key
from sr_domain.record.ledger import Ledger, check_ledger
from sr_domain.record.read import Record
from sr_domain.run.beyond import ReadyOnBus, ready_in, ready_on_record
from sr_domain.run.bound import index_store
from sr_domain.run.context import Context
from sr_domain.run.platform_runs import ids_below, index_rows, platform_runs
from sr_domain.run.rolled_back import index_beyond
from sr_domain.run.store_identity import read_identity
from sr_domain.run.trouble import Trouble, each
from sr_ports import AuthorityStore, BadInput, Fault, IndexedRun, PerPlatformRun, ReasonCode, Unreachable
from sr_ports.authority import NO_STORE
from sr_ports.bus import Retaining

_NAMED = (
    ("run_record", ".jsonl"),
    ("run_plan", ".json"),
    ("run_status", ".json"),
    ("run_facts_view", ".json"),
    ("ready_signal", ".json"),
    ("attestation", ".dsse.json"),
    ("quarantine", ".json"),
)
"""Folders whose objects are named for their run, and how the names end."""

Audited = tuple[str, Audit | Trouble]
"""The ref of a run's record, and what its audit found, or why it could not be audited."""


@attrs.define
class StoreAudit:
    """One look at all that a store has. `store`, `not_asked`: whole once `audits` has come to its end.

    `store`: what is wrong with the store itself. `not_asked`: who could not be asked what they know, and why.
    """

    context: Context
    store: list[Finding] = attrs.field(factory=list, init=False)
    not_asked: list[str] = attrs.field(factory=list, init=False)

    def audits(self, before: Callable[[str], object] = lambda ref: None) -> Iterator[Audited]:
        """Every run that anybody knows, each as it comes; one may come twice, with what another side knows of it.

        `before`: called with the ref of each record before it is audited.
        """
        platforms = platform_runs(self.context.ports.store)
        self.store += decision_faults(self.context.ports.store)
        for platform_run_id in platforms:
            yield from self._in_store(Layout(platform_run_id), before)
        for authority in self._authorities(platforms):
            with self._asked("index"):
                yield from self._in_index(authority)
        with self._asked("control bus"):
            yield from self._on_bus(frozenset(platforms))

    @contextmanager
    def _asked(self, side: str) -> Iterator[None]:
        """One side that may not answer, or holds what nobody of SR wrote: the others are told all the same."""
        try:
            yield
        except Unreachable as error:
            self._unasked(f"{side}: {error.what}")
        except BadInput as error:
            self.store.append(Finding(error.code, side, error.what))
            self._unasked(f"{side}: it is not read beyond what stands there and is none of SR's")

    def _unasked(self, what: str) -> None:
        if what not in self.not_asked:
            self.not_asked.append(what)

    def _told(self, refs: Iterator[str], work: Callable[[str], Audit]) -> Iterator[Audited]:
        for ref, done in each(refs, work):
            if isinstance(done, Audit):
                for what in done.not_asked:
                    self._unasked(what)
            yield ref, done

    def _in_store(self, layout: Layout, before: Callable[[str], object]) -> Iterator[Audited]:
        """Every run that an artifact of the platform run is named for, by ascending id."""
        own = self.context.at(layout.platform_run_id)
        store = own.ports.store
        listed = (ids_below(store, f"{layout.base}/{folder}/", ending) for folder, ending in _NAMED)
        refs = (layout.record(run_id) for run_id, _ in groupby(heapq.merge(*listed)) if _is_id(run_id))

        def work(ref: str) -> Audit:
            before(ref)
            return audit.audit(own.ports, layout, _id_in(layout, ref))

        yield from self._told(refs, work)
        if own.ports.authority is not self.context.ports.authority:
            own.ports.authority.close()  # as many files would be open as there are platform runs

    def _authorities(self, platforms: list[str]) -> Iterator[AuthorityStore]:
        authority = self.context.ports.authority
        if not isinstance(authority, PerPlatformRun):
            yield authority
            return
        for platform_run_id in platforms:
            own = authority.of(platform_run_id)
            yield own
            if own is not authority:
                own.close()

    def _in_index(self, authority: AuthorityStore) -> Iterator[Audited]:
        """Every run that the index knows and of which nothing stands: all others were audited in the store.

        A row of the first release names no store: in an authority that stores may share it may be another's.
        """
        mine = authority is not self.context.ports.authority or isinstance(authority, PerPlatformRun)
        unnamed: list[str] = []
        for row in index_rows(authority, index_store(authority, self.context.known_store)):
            layout = Layout(row.platform_run_id)
            if self._stands(row):
                continue
            if not mine and row.store_id == NO_STORE and index_beyond(row, Ledger(row.run_id)) is not None:
                unnamed = [*unnamed[:1], row.run_id]
                continue
            own = self.context.at(row.platform_run_id)
            yield from self._told(iter([layout.record(row.run_id)]), partial(_audited, own, layout))
        if unnamed:
            more = " and others name" if len(unnamed) > 1 else " names"
            what = f"index: run {unnamed[0]}{more} no store, and nothing of it stands here: another store's, or lost"
            self._unasked(what)

    def _stands(self, row: IndexedRun) -> bool:
        base, stat = Layout(row.platform_run_id).base, self.context.ports.store.stat
        return any(stat(f"{base}/{folder}/{row.run_id}{ending}") is not None for folder, ending in _NAMED)

    def _on_bus(self, platforms: frozenset[str]) -> Iterator[Audited]:
        """Every READY on the bus that no record knows, once."""
        try:
            identity = read_identity(self.context.ports)
        except Fault as fault:
            self.store.append(Finding(fault.code, store_identity_key(), fault.what))
            self._unasked("control bus: the store's identity cannot be read, by which its facts are told from others'")
            return
        store_id, told = None if identity is None else identity.store_id, set[ReadyOnBus]()
        for envelope in self.context.ports.bus.tail(self.context.settings.topic):
            found = ready_in(envelope, store_id)
            named = "store_id" in envelope.attributes
            if found is None or found in told or not (named or found.platform_run_id in platforms):
                continue
            ref = Layout(found.platform_run_id).record(found.run_id)
            for _, done in self._told(iter([ref]), partial(self._known, found)):
                if isinstance(done, Trouble) or done.findings:
                    told.add(found)
                    yield ref, done
        bus = self.context.ports.bus
        if isinstance(bus, Retaining):
            self._unasked(f"control bus: it keeps nothing from before {format_instant(bus.kept_since())}")

    def _known(self, found: ReadyOnBus, ref: str) -> Audit:
        """Whether the record of a READY that was published has it. A damaged record's own audit tells."""
        layout, blob = Layout(found.platform_run_id), self.context.ports.store.read(ref)
        ledger = Ledger(found.run_id) if blob is None else check_ledger(found.run_id, blob.data)
        if not isinstance(ledger, Ledger):
            return Audit.of(found.run_id, None, ())
        if Record(ledger).lost is not None or ready_on_record(layout, ledger) == found.message_id:
            return Audit.of(found.run_id, None, ())
        state = None if ledger.state is None else ledger.state.value
        says = "the record is not there" if blob is None else f"the record says {state or 'nothing of an admission'}"
        if Record(ledger).decided:
            says += f" and has another READY, {ready_on_record(layout, ledger)}"
        return Audit.of(found.run_id, state, [Finding(ReasonCode.TRUTH_ROLLED_BACK, ref, f"{says}; {found.told}")])


def _audited(own: Context, layout: Layout, ref: str) -> Audit:
    return audit.audit(own.ports, layout, _id_in(layout, ref))


def _is_id(name: str) -> bool:
    return len(name) == 32 and not set(name) - set("0123456789abcdef")  # noqa: PLR2004 - hex digits of an id


def _id_in(layout: Layout, ref: str) -> str:
    return ref.removeprefix(f"{layout.base}/run_record/").removesuffix(".jsonl")
