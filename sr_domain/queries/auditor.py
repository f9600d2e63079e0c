"""One sound record, against everything that must follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.attestation import fault_in
from sr_domain.artifacts.revisions import rules_at, rules_of
from sr_domain.artifacts.rules import Document, Rules
from sr_domain.artifacts.signed import statement_of
from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.canonical import exact_json, sha256_hex
from sr_domain.encoding.contracts import problem
from sr_domain.plan.compile import pins_of
from sr_domain.plan.sealed import SealedPlan
from sr_domain.queries.finding import Finding, lost, unfinished
from sr_domain.record.details import Decided
from sr_domain.record.events import ENGINE_ATTEMPT_FINISHED
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Entry, Record
from sr_domain.run.answers import recorded_request, settled
from sr_domain.run.derived import Derived
from sr_domain.run.derived_artifact import DerivedArtifact
from sr_domain.run.stored import stored_sha256
from sr_ports import BadInput, ObjectStore, ReasonCode


@attrs.frozen
class Auditor:
    """A sound record and what stands beside it.

    `index_settled`: whether the index knows that nothing is left to do for the run; None where it does not know it.
    """

    store: ObjectStore
    layout: Layout
    ledger: Ledger
    index_settled: bool | None = None

    @property
    def record(self) -> Record:
        """What the record says."""
        return Record(self.ledger)

    @property
    def owed(self) -> bool:
        """Whether resume may still have to write what follows from the record."""
        return not (settled(self.ledger) if self.index_settled is None else self.index_settled)

    def findings(self) -> Iterator[Finding]:
        """What does not follow, in the order in which a run writes."""
        yield from self._events()
        yield from self._plan()
        yield from self._facts_and_signal()
        yield from self._attestation()
        yield from self._quarantine()
        yield from self._logs()
        yield from self._status()

    def derived(self) -> Iterator[Finding]:
        """Of a READY run: the plan, the READY signal and the status."""
        yield from self._plan()
        yield from self._signal()
        yield from self._status()

    def _events(self) -> Iterator[Finding]:
        key, revision = self.layout.record(self.ledger.run_id), None  # before one is named: of any release
        for number, event in enumerate(self.ledger.events, 1):
            revision = event.revision or revision
            misfit = problem("run_record_event", event.document(), revision)
            if misfit is not None:
                yield Finding(ReasonCode.RECORD_INVALID, key, f"line {number}: {misfit.what}")

    def _own_if_there(self, key: str) -> Iterator[Finding]:
        """What stands at `key`, if anything does, is the record's."""
        blob = self.store.read(key)
        if blob is not None and not DerivedArtifact.at(key, Derived(self.layout, self.ledger)).is_own(blob.data):
            yield self._foreign(key, "it is not what the record says")

    def _foreign(self, key: str, what: str) -> Finding:
        """The finding that what stands at `key` is not the record's."""
        return lost(key) if self.record.lost is not None else Finding(ReasonCode.TRUTH_ALTERED, key, what)

    def _absent(self, key: str) -> Iterator[Finding]:
        """Nothing must stand at `key`."""
        if self.store.read(key) is not None:
            yield self._foreign(key, "it is there, and nothing on record says it should be")

    def _same(
        self, key: str, digest: str | None, derive: Callable[[], Document | None], *, owed: bool = False
    ) -> Iterator[Finding]:
        """The artifact at `key` is the one of the record's digest; where that gives none, exactly what `derive` gives.

        What is gone must still be what `derive` gives, so that resume can write it again. `owed`: whether it may not
        have been written yet.
        """
        blob = self.store.read(key)
        if blob is None and owed:
            yield unfinished(key, "it is still to be written")
        elif blob is None:
            yield Finding(ReasonCode.TRUTH_MISSING, key, "it is not there")
        if digest is None or blob is None:
            document = derive()
            given = None if document is None else sha256_hex(exact_json(document))
            if document is not None and digest not in (None, given):
                where = self.layout.record(self.ledger.run_id)
                yield Finding(ReasonCode.RECORD_INVALID, where, f"its decision does not give {key}")
            digest = given
        if blob is not None and sha256_hex(blob.data) != digest:
            yield self._foreign(key, "it is not what the record says")

    def _plan(self) -> Iterator[Finding]:
        accepted, committed = self.record.accepted, self.record.plan
        key = self.layout.plan(self.ledger.run_id)
        if accepted is None or committed is None:
            yield from self._absent(key)
        elif self.record.started is not None or self.record.attempts:
            deadline = accepted.details.evidence_deadline_utc

            def derive() -> Document:
                return rules_at(committed.event).run_plan(self.layout, deadline, committed.event)

            early = not self.record.decided and not self.record.attempts
            owed = (early and self.owed) or self.record.lost is not None
            yield from self._same(key, committed.details.run_plan_digest, derive, owed=owed)
        else:
            yield from self._own_if_there(key)

    def _facts_and_signal(self) -> Iterator[Finding]:
        run_id = self.ledger.run_id
        decided, committed = self.record.decision, self.record.committed
        if decided is None or self.record.lost is not None:
            yield from self._absent(self.layout.facts(run_id))
            yield from self._absent(self.layout.ready(run_id))
            return
        if committed is None:  # decided and on its way: resume writes what is missing
            yield from self._own_if_there(self.layout.facts(run_id))
            yield from self._own_if_there(self.layout.ready(run_id))
            return
        digest = decided.details.facts_view_digest
        findings = list(self._same(self.layout.facts(run_id), digest, lambda: self._derived(decided)))
        yield from findings
        facts = self._derived(decided) if findings else self._standing_facts()
        if facts is None or any(one.code is ReasonCode.RECORD_INVALID for one in findings):
            return
        yield from self._signal()
        for receipt in facts.get("instance_receipts", ()):
            yield from receipt_findings(self.store, receipt, rules_at(decided.event))
        yield from self._kept(decided)

    def _kept(self, decided: Entry[Decided]) -> Iterator[Finding]:
        """Part lists without a receipt that names them, and object versions, as the decision has them."""
        decision = decided.details.decision
        if decision is None:
            return
        lists = {one.manifest_ref: one.digest for one in decision.outputs if one.manifest_ref and not one.receipt_ref}
        if decision.object_versions_digest is not None:
            lists[self.layout.object_versions(self.ledger.run_id)] = decision.object_versions_digest
        for key, digest in lists.items():
            stands = stored_sha256(self.store, key)
            if stands is None:
                yield Finding(ReasonCode.TRUTH_MISSING, key, "it is not there")
            elif stands.sha256 != digest:
                yield Finding(ReasonCode.TRUTH_ALTERED, key, "it is not what the record says")

    def _standing_facts(self) -> Document | None:
        """The facts view that stands, found to be the one on record."""
        view = self.store.read(self.layout.facts(self.ledger.run_id))
        facts: Document | None = None if view is None else stored_json(view.data)
        return facts

    def _signal(self) -> Iterator[Finding]:
        """The READY signal of a published run. An adopted view has no decision to derive it from."""
        decided, committed = self.record.decision, self.record.committed
        if decided is None or committed is None:
            return
        if not self.record.published:
            yield from self._own_if_there(self.layout.ready(self.ledger.run_id))
            return
        digest = committed.details.ready_signal_digest
        if digest is None and decided.details.decision is None:
            return

        def derive() -> Document | None:
            facts, plan = self._derived(decided), self.record.plan
            if facts is None or plan is None:
                return None
            plan_hash = SealedPlan.of(plan.details.plan).plan_hash
            rules = rules_at(committed.event)
            emitted_at = rules.emitted_at(decided.event, committed.event)
            return rules.ready_signal(self.layout, facts, plan_hash, emitted_at)

        yield from self._same(self.layout.ready(self.ledger.run_id), digest, derive)

    def _derived(self, decided: Entry[Decided]) -> Document | None:
        """The facts view that a decision gives; None for an adopted one, of which only the digest is on record."""
        accepted, committed = self.record.accepted, self.record.plan
        if accepted is None or committed is None or decided.details.decision is None:
            return None
        try:
            request = recorded_request(accepted, lambda name: True)
        except BadInput:
            return None
        plan, decision = committed.details.plan, decided.event.details
        return rules_at(decided.event).facts_view(self.layout, pins_of(request), plan, decision)

    def _attestation(self) -> Iterator[Finding]:
        """An attestation, where one stands, is of this run's facts view. Whose it is, its signature alone tells."""
        run_id, decided = self.ledger.run_id, self.record.decision
        key = self.layout.attestation(run_id)
        if decided is None or self.record.lost is not None:
            yield from self._absent(key)
            return
        standing, committed = self.store.read(key), self.record.committed
        if standing is None and committed is not None and committed.details.attestation_ref is not None:
            yield Finding(ReasonCode.ATTESTATION_MISSING, key, "it is not there, and the record says it was written")
        view = None if standing is None else self.store.read(self.layout.facts(run_id))
        digest = decided.details.facts_view_digest
        if standing is None or view is None or self.record.plan is None or sha256_hex(view.data) != digest:
            return  # nothing to compare, or nothing to compare it with: that is a finding of its own
        wrong = fault_in(standing.data, statement_of(self.layout, self.record, stored_json(view.data), digest))
        if wrong is not None:
            yield Finding(ReasonCode.TRUTH_ALTERED, key, wrong)

    def _quarantine(self) -> Iterator[Finding]:
        ended, key = self.record.contradicted, self.layout.quarantine(self.ledger.run_id)
        if ended is None:
            yield from self._absent(key)
            return
        event, digest = ended.event, ended.details.quarantine_digest
        derived = rules_at(event).quarantine_record
        yield from self._same(key, digest, lambda: derived(self.layout, event), owed=self.owed)

    def _logs(self) -> Iterator[Finding]:
        for attempt in self.record.all(ENGINE_ATTEMPT_FINISHED):
            for key in (attempt.details.logs_ref or {}).values():
                if self.store.stat(key) is None:
                    yield Finding(ReasonCode.TRUTH_MISSING, key, "the attempt's log is not there")

    def _status(self) -> Iterator[Finding]:
        key, expected = (
            self.layout.status(self.ledger.run_id),
            rules_of(self.ledger).run_status(self.layout, self.ledger),
        )
        standing = None if self.record.committed is not None else self.store.read(key)
        if standing is not None and Derived(self.layout, self.ledger).was_status(standing.data):
            return  # it lags, as a crash leaves it, and resume brings it up; READY alone stands there before the record
        owed = self.owed and self.record.committed is None
        yield from self._absent(key) if expected is None else self._same(key, None, lambda: expected, owed=owed)


def receipt_findings(store: ObjectStore, receipt: Mapping[str, Any], rules: Rules) -> Iterator[Finding]:
    """What is wrong with an instance receipt, as a facts view states it, and with its part list."""
    key = receipt["artifacts"]["receipt_path"]
    blob = store.read(key)
    if blob is None:
        yield Finding(ReasonCode.TRUTH_MISSING, key, "the instance receipt is not there")
    elif not rules.same_receipt(receipt, blob.data):
        yield Finding(ReasonCode.TRUTH_ALTERED, key, "the instance receipt is not the one in the view")
    ref = receipt.get("bundle_manifest_ref")
    parts = None if ref is None else stored_sha256(store, ref)
    if ref is not None and parts is None:
        yield Finding(ReasonCode.TRUTH_MISSING, ref, "the part list is not there")
    elif ref is not None and parts is not None and parts.sha256 != receipt["target_digest"]["hex"]:
        yield Finding(ReasonCode.TRUTH_ALTERED, ref, "the part list is not the one that was proven")
