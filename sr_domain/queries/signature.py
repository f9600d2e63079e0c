"""The signature on READY, as the consumer who gave a key holds view, plan, record and READY signal against it.

From revision 2 on nothing that verify rests on is without it: rules, root and paths are those of the view that was
signed, the plan that of the record that was signed. A statement of revision 1 binds the view and its outputs alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs

from sr_domain.artifacts.attestation import Stated, decision_subject, difference
from sr_domain.artifacts.revisions import RULES
from sr_domain.artifacts.rules import Rules
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.queries.finding import Finding
from sr_domain.queries.verifier import INPUTS, Input
from sr_domain.queries.view import View
from sr_domain.record import revisions
from sr_domain.record.layout import Layout
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.record.revisions import FIRST
from sr_ports import Fault, ObjectStore, ReasonCode, SignatureChecker


@attrs.frozen
class Signature:
    """What stands where a run's envelope should. `stated`: what was signed; None where `wrong` says why."""

    key: str
    stated: Stated | None
    wrong: Finding | None = None

    @classmethod
    def read(cls, store: ObjectStore, checker: SignatureChecker, layout: Layout, run_id: str) -> Signature:
        """The envelope that stands. Raises `Unreachable`, and `Fault(REVISION_UNKNOWN)` for one of a newer release."""
        key = layout.attestation(run_id)
        standing = store.read(key)
        if standing is None:
            return cls(key, None, Finding(ReasonCode.ATTESTATION_MISSING, key, "it is not there"))
        try:
            stated = Stated.in_envelope(standing.data)
            checker.check(standing.data)
        except Fault as fault:
            return cls(key, None, Finding(ReasonCode.ATTESTATION_INVALID, key, fault.what))
        if stated.revision > revisions.REVISION:
            what = f"{key} is of revision {stated.revision} of the rules; this release knows {revisions.REVISION}"
            raise Fault(ReasonCode.REVISION_UNKNOWN, what)
        return cls(key, stated)

    @property
    def rules(self) -> Rules | None:
        """The rules that the signed view was made by; None where nothing sound was signed."""
        return None if self.stated is None else RULES.get(self.stated.revision)

    def on(self, view: View) -> Signed:
        """The signature, held against a view."""
        stated, rules = self.stated, self.rules
        if stated is None or rules is None:
            wrong = self.wrong or Finding(ReasonCode.ATTESTATION_INVALID, self.key, "it is of no revision of the rules")
            return Signed(view, self.key, None, wrong)
        try:
            expected = rules.statement(stated.ready(view.layout, view.facts, sha256_hex(view.data)))
        except KeyError as lacking:  # optional by the view's contract, and in every view that was ever written
            what = f"the view has no {lacking}, which was signed"
            return Signed(view, self.key, None, Finding(ReasonCode.ATTESTATION_INVALID, self.key, what))
        if stated.payload != expected:
            what = difference(stated.payload, expected)
            return Signed(view, self.key, None, Finding(ReasonCode.ATTESTATION_INVALID, self.key, what))
        return Signed(view, self.key, stated, None)


@attrs.frozen
class Signed:
    """A view, and what was signed of it. `stated`: None where that is not this view; `wrong` says why."""

    view: View
    key: str
    stated: Stated | None
    wrong: Finding | None

    @property
    def binds_truth(self) -> bool:
        """Whether plan and record are bound: from revision 2 on."""
        return self.stated is not None and self.stated.revision > FIRST

    def usable(self, ledger: Ledger | None) -> Ledger | None:
        """The record as far as anything may rest on it: none where another was signed."""
        return None if self.binds_truth and any(self.of_record(ledger)) else ledger

    def inputs(self, given_root: str | None) -> tuple[Input, ...]:
        """What verify rests on, and whether it is bound. A root that was given is no input of the view's."""
        of_view, own = self.stated is not None, given_root is None
        bound = (of_view, of_view, self.binds_truth, self.binds_truth, self.binds_truth)
        return tuple(Input(name, yes) for name, yes in zip(INPUTS, bound, strict=True) if own or name != "root")

    def findings(self, store: ObjectStore, ledger: Ledger | None) -> Iterator[Finding]:
        """In what the signature is not met. `ledger`: None for a record that is not there or not sound."""
        if self.wrong is not None:
            yield self.wrong
        elif self.binds_truth:
            yield from self.of_record(ledger)
            yield from self._beside(store)
        elif ledger is not None:
            yield from self._first(ledger)

    def of_record(self, ledger: Ledger | None) -> Iterator[Finding]:
        """The record has the very decision that was signed, whose line binds every line before it."""
        if ledger is None or self.stated is None:
            return
        decided = Record(ledger).decision
        signed = self.stated.subjects.get(decision_subject(self.view.layout, self.view.run_id))
        if decided is None:
            yield self._altered("record", "it says less than was signed: it has no decision")
        elif sha256_hex(decided.event.line()) != signed:
            named = decided.event.revision or FIRST
            less = f"it says less than was signed: revision {named} of the rules"
            other = "it is not the record that was signed up to its decision"
            yield self._altered("record", less if named < self.stated.revision else other)

    def _first(self, ledger: Ledger) -> Iterator[Finding]:
        """A statement of revision 1 has the time of the decision, and no more of the record."""
        decided = Record(ledger).decision
        if decided is None or self.stated is None:
            return  # the record says nothing of READY: a finding of its own
        if decided.event.revision != FIRST or decided.ts_utc != self.stated.verified_at:
            yield Finding(ReasonCode.ATTESTATION_INVALID, self.key, "it states something else than the record")

    def _beside(self, store: ObjectStore) -> Iterator[Finding]:
        """The plan that stands is the one that was signed; so is the READY signal, which follows from what was."""
        layout, run_id, stated = self.view.layout, self.view.run_id, self.stated
        plan, signal = store.read(layout.plan(run_id)), store.read(layout.ready(run_id))
        if plan is None or stated is None:
            return  # that it is not there is told where the record is looked at
        if sha256_hex(plan.data) != stated.subjects.get(layout.plan(run_id)):
            yield self._altered("plan", "it is not the plan that was signed")
            return
        rules = self.view.rules
        plan_hash = json.loads(plan.data)["plan_hash"]
        document = rules.ready_signal(layout, self.view.facts, plan_hash, stated.verified_at)
        if signal is not None and signal.data != rules.stored("ready_signal", document):
            yield self._altered("signal", "it is not the READY signal of the view that was signed")

    def _altered(self, what: str, why: str) -> Finding:
        layout, run_id = self.view.layout, self.view.run_id
        keys = {"record": layout.record, "plan": layout.plan, "signal": layout.ready}
        return Finding(ReasonCode.TRUTH_ALTERED, keys[what](run_id), why)
