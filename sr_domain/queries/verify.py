"""Verify, for consumers: re-prove a facts view before reading what it names.

Needs the store that holds the truth, the engine root and the laws; no authority, no service. Outputs
are proven from the view and its part lists alone; a record that is not there is a fault of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs

from sr_domain.artifacts.revisions import RULES, rules_at, rules_of, today
from sr_domain.artifacts.rules import Rules
from sr_domain.evidence.digests import WholeFiles
from sr_domain.evidence.progress import ReadProgress
from sr_domain.plan.sealed import SealedPlan
from sr_domain.queries import view_gates
from sr_domain.queries.finding import Finding
from sr_domain.queries.first_release import PlannedOutputs
from sr_domain.queries.places import Place, place_of
from sr_domain.queries.signature import Signature, Signed
from sr_domain.queries.verifier import Proof, Verification, Verifier
from sr_domain.queries.view import View, resolved, speaks_of_today
from sr_domain.queries.view_outputs import OutputBytes, Versions, kept_versions, part_list_of
from sr_domain.queries.view_record import beside, follows, record_of
from sr_domain.record import revisions
from sr_domain.record.layout import Layout, run_of
from sr_domain.record.ledger import Ledger
from sr_domain.record.read import Record
from sr_domain.run.answers import successors
from sr_ports import BadInput, EngineRoot, ReasonCode

__all__ = ["Verification", "Verifier", "verify"]

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,256}")


def verify(
    verifier: Verifier,
    data: bytes,
    facts: Any,
    *,
    asked: str | None = None,
    engine_run_root: str | None,
    fast: bool,
    allow_superseded: bool = False,
) -> Verification:
    """Re-prove the facts view in `facts`, read from `data`. Faults are findings.

    `asked`: the key of the run's facts view that was asked for and read; None for a copy, which answers
    for the run that it names. `engine_run_root`: read instead of the view's own as prefix of every path.
    That the run was superseded is a fault, the last of them, unless `allow_superseded`. Raises
    `Unreachable`, and `Fault(REVISION_UNKNOWN)` for a run that a newer release wrote.
    """
    named = _named(facts)
    if named is not None and asked not in (None, named[0].facts(named[1])):
        return _another(str(asked), named[0].facts(named[1]))
    store, checker = verifier.store, verifier.signed_by
    signature = None if named is None or checker is None else Signature.read(store, checker, *named)
    found = None if named is None else record_of(store, *named)
    signed_by = None if signature is None else signature.rules  # whatever the record says it was decided by
    rules = signed_by or _rules(found if isinstance(found, Ledger) else None, facts)
    misfit = rules.problem("run_facts_view", facts)
    if named is None or found is None or misfit is not None:
        what = "it names no run" if misfit is None else misfit.what
        finding = Finding(ReasonCode.TRUTH_ALTERED, asked or "run_facts_view", f"it breaks its contract: {what}")
        return Verification("?" if named is None else named[1], None, (finding,))
    view = View(named[0], data, facts, rules)
    signed = None if signature is None else signature.on(view)
    truth = _Truth(verifier, view, found, signed)
    done = _Bytes(verifier, view, truth.usable, engine_run_root).proven(truth.findings(fast=fast), fast=fast)
    chain = () if truth.ledger is None else successors(store, view.layout, truth.ledger)
    late = () if allow_superseded else _superseded(view, chain)
    done = attrs.evolve(done, findings=(*done.findings, *late), superseded_by=chain)
    return done if signed is None else _told_bound(done, signed, engine_run_root)


def _named(facts: Any) -> tuple[Layout, str] | None:
    """Whose facts view it says it is; None for a document that does not even say that."""
    names = [str(facts.get(name)) for name in ("platform_run_id", "run_id")] if isinstance(facts, dict) else [""]
    return (Layout(names[0]), names[1]) if all(map(_PLAIN.fullmatch, names)) else None


def _another(asked: str, says: str) -> Verification:
    """The document that stands where the view of one run was asked for is that of another."""
    what = f"it is not the view that was asked for: it says that it is {says}"
    wanted = run_of(asked)
    return Verification(asked if wanted is None else wanted[1], None, (Finding(ReasonCode.TRUTH_ALTERED, asked, what),))


def _rules(ledger: Ledger | None, facts: Any) -> Rules:
    """The rules that a view was made by: its decision's; without a record, those that its paths speak of."""
    if ledger is not None:
        decided = Record(ledger).decision
        return rules_of(ledger) if decided is None else rules_at(decided.event)
    rules = today()
    fits = rules.problem("run_facts_view", facts) is None
    return rules if fits and speaks_of_today(facts) else RULES[revisions.FIRST]


@attrs.frozen
class _Truth:
    """A view's record, signature and what stands beside them. `found`: the record, or what is wrong with it."""

    verifier: Verifier
    view: View
    found: Ledger | Finding
    signed: Signed | None

    @property
    def ledger(self) -> Ledger | None:
        """The record, if it is there and sound."""
        return self.found if isinstance(self.found, Ledger) else None

    @property
    def usable(self) -> Ledger | None:
        """The record as far as the bytes may be proven by it."""
        return self.ledger if self.signed is None else self.signed.usable(self.ledger)

    def findings(self, *, fast: bool) -> list[Finding]:
        """What is wrong with them."""
        view, store = self.view, self.verifier.store
        told = [*view.itself(), *view.refs(store)]
        if isinstance(self.found, Ledger):
            told += follows(store, view, self.found)
        else:
            lost = f"; without it {'no gate' if view.resolved else 'neither output nor gate'} could be judged"
            told.append(attrs.evolve(self.found, what=self.found.what + ("" if fast else lost)))
            told += beside(store, view)
        if self.signed is not None:
            known = {(one.code, one.where) for one in told if one.where != view.key}
            off = list(self.signed.findings(store, self.ledger))
            told += (one for one in off if (one.code, one.where) not in known)
            if not off and self.verifier.signed_by is not None:
                self.verifier.progress(f"attestation: signed by {self.verifier.signed_by.keyid}")
        return told


def _told_bound(done: Verification, signed: Signed, given_root: str | None) -> Verification:
    """The verification, with what of it the signature binds: what a finding rests on beside the bytes it tells of."""
    inputs = signed.inputs(given_root)
    view = signed.view
    of_view = {view.key, signed.key}
    after = {ReasonCode.SUPERSEDED}  # said behind the decision, where no signature is

    def bound(one: Finding) -> bool:
        if signed.stated is None or one.code in after or one.where == view.layout.status(view.run_id):
            return False
        return signed.binds_truth or one.where in of_view

    findings = tuple(attrs.evolve(one, bound=bound(one)) for one in done.findings)
    return attrs.evolve(done, findings=findings, rests_on=inputs)


def _superseded(view: View, chain: tuple[str, ...]) -> Iterator[Finding]:
    """The run has a successor: whoever reads it reads what turned out wrong."""
    if chain:
        newest = "" if chain[-1] == chain[0] else f", the newest of its successors is {chain[-1]}"
        yield Finding(ReasonCode.SUPERSEDED, f"run {view.run_id}", f"superseded by {chain[0]}{newest}")


@attrs.frozen
class _Look:
    """One look at an engine root: what gates and outputs read of it, they read once."""

    root: EngineRoot
    progress: ReadProgress
    read: WholeFiles = attrs.field(factory=WholeFiles)


@attrs.frozen
class _Bytes:
    """The bytes that a view names. `ledger`: its record, None for one that is not there or not sound."""

    verifier: Verifier
    view: View
    ledger: Ledger | None
    given_root: str | None

    @property
    def plan(self) -> SealedPlan | None:
        """The plan on record."""
        planned = None if self.ledger is None else Record(self.ledger).plan
        return None if planned is None else SealedPlan.of(planned.details.plan)

    @property
    def root(self) -> str | None:
        """Where the bytes were proven: by the view, where it says so, else by the record."""
        if self.view.resolved:
            return self.view.root
        return None if self.ledger is None else Record(self.ledger).root

    def proven(self, findings: list[Finding], *, fast: bool) -> Verification:
        """The view's outputs and gates, read again unless `fast`, with what was found before."""
        root = self.given_root or self.root
        outputs, gates = (Proof(tuple(self._lists())), Proof()) if fast else self._read(root)
        told = {
            (one.code, one.where) for one in findings if one.where != self.view.key
        }  # a list may be a receipt's, too
        more = (one for one in dict.fromkeys((*gates.findings, *outputs.findings)) if (one.code, one.where) not in told)
        return Verification(
            self.view.run_id,
            root,
            (*findings, *more),
            outputs.proven,
            gates.proven,
            not_judged=(*outputs.not_judged, *gates.not_judged),
        )

    def _places(self) -> tuple[list[Place], list[Finding]]:
        """Where a view with resolved paths has its outputs, and what of that cannot be told."""
        found = [place_of(self.view, str(self.view.root), locator) for locator in self.view.facts["locators"]]
        return [one for one in found if isinstance(one, Place)], [one for one in found if isinstance(one, Finding)]

    def _lists(self) -> Iterator[Finding]:
        """What is wrong with locators and part lists, without a look at any byte of an output."""
        places, off = self._places() if self.view.resolved else ([], [])
        yield from off
        for place in places:
            listed = None if place.single else part_list_of(self.verifier.store, self.view.layout, place)
            if isinstance(listed, Finding):
                yield listed

    def _read(self, root: str | None) -> tuple[Proof, Proof]:
        """What came of the outputs and of the gates."""
        if not self.view.resolved and self.plan is None:
            return self._unread("locators", "output_id"), self._unread("gate_receipts", "gate_id")
        opened = self._opened(root)
        if isinstance(opened, Finding):
            return (
                self._unread("locators", "output_id", opened),
                self._unread("gate_receipts", "gate_id", opened),
            )
        with opened:
            look = _Look(opened, ReadProgress(self.verifier.progress, self.verifier.clock.now, self.verifier.check))
            gates = self._gates(look)  # first: a gate over the same bytes has its say before them
            return self._outputs(look), gates

    def _unread(self, what: str, name: str, *why: Finding) -> Proof:
        ids = dict.fromkeys(str(one[name]) for one in self.view.facts[what])
        return Proof(why, 0, tuple(ids))

    def _opened(self, root: str | None) -> EngineRoot | Finding:
        """The engine root, or why there is none to read. Raises `BadInput` for one that was given."""
        if root is None:
            return Finding(ReasonCode.ENGINE_ROOT_MISSING, "engine root", "none is on record: give --engine-run-root")
        if self.given_root is None and self.view.resolved and not resolved(root):
            return self.view.altered(f"its engine root {root!r} is neither an absolute path nor a URI")
        try:
            return self.verifier.roots.open(root)
        except BadInput as error:
            if self.given_root is not None:
                raise
            return Finding(error.code, "engine root", error.what)

    def _gates(self, look: _Look) -> Proof:
        plan, named = self.plan, self.view.root
        if plan is None:
            return self._unread("gate_receipts", "gate_id")
        enforced, rules = view_gates.enforced(plan), self.view.rules.listing
        decided = None if self.ledger is None else Record(self.ledger).decision
        decision = None if decided is None else decided.details.decision
        judges = {} if decision is None else {one.gate_id: one for one in decision.judges}
        judge = view_gates.GateBytes(self.verifier, look.root, enforced, rules, look.progress, look.read, judges)
        if named is None or not self.view.resolved:
            return judge.proof(view_gates.planned(self.view, plan))
        found = list(view_gates.received(self.view, named, plan))
        off = [one for one in found if isinstance(one, Finding)]
        done = judge.proof(one for one in found if not isinstance(one, Finding))
        return Proof((*off, *done.findings), done.proven, (*(one.where for one in off), *done.not_judged))

    def _outputs(self, look: _Look) -> Proof:
        plan, view, rules = self.plan, self.view, self.view.rules.listing
        decided = None if self.ledger is None else Record(self.ledger).decision
        decision = None if decided is None else decided.details.decision
        if not view.resolved:
            proofs = {} if decision is None else {one.output_id: one for one in decision.outputs}
            planned = PlannedOutputs(self.verifier, view, look.root, proofs, rules, look.progress, look.read)
            return Proof() if plan is None else planned.proof(plan)
        places, off = self._places()
        if decision is None and self.verifier.signed_by is not None:
            kept: Versions | Finding = {}  # no signature binds those that stand
        else:
            digest = None if decision is None else decision.object_versions_digest
            kept = kept_versions(self.verifier.store, view, digest)
        versions, lost = ({}, [kept]) if isinstance(kept, Finding) else (kept, [])
        judge = OutputBytes(self.verifier, view.layout, look.root, rules, versions, look.progress, look.read)
        done = judge.proof(places)
        return Proof((*off, *lost, *done.findings), done.proven, (*(one.where for one in off), *done.not_judged))
