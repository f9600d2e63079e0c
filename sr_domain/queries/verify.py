"""Verify, for consumers: re-prove a facts view before reading what it names.

Needs the store that holds the truth, the engine root and the laws; no authority, no service.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from sr_domain.artifacts.attestation import fault_in
from sr_domain.artifacts.revisions import rules_at, rules_of, today
from sr_domain.artifacts.rules import Rules
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.evidence.digests import ContentDigest, digest_outputs
from sr_domain.evidence.gates import GateMissing, verify_gate
from sr_domain.evidence.outputs import Absent, OutputFiles, find_output
from sr_domain.evidence.progress import ReadProgress
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.absent_law import absence
from sr_domain.plan.policy import MemberDigests
from sr_domain.plan.sealed import SealedGate, SealedOutput, SealedPlan
from sr_domain.queries.audit import Auditor, Finding, receipt_findings, record_finding
from sr_domain.record.layout import OBJECT_VERSIONS, Layout
from sr_domain.record.ledger import Ledger, RecordFault, check_ledger
from sr_domain.record.proofs import Conflict, OutputProof
from sr_domain.record.read import Record
from sr_domain.run.answers import successors
from sr_ports import (
    Clock,
    EngineRoot,
    EngineRoots,
    EvidenceFault,
    Fault,
    ListingRules,
    ObjectStore,
    ReasonCode,
    SignatureChecker,
    WorkPool,
)

_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,256}")

Proofs = Mapping[str, OutputProof]
"""What the record says of each output that was proven, by output id."""


@attrs.frozen
class Verifier:
    """What a consumer needs to re-prove: where truth and bytes are, and how gates are judged.

    `progress`: called with one line for each thing that was proven, and now and then while a
    long read goes on. `signed_by`: whose attestation there must be; None where none is asked for.
    """

    store: ObjectStore
    roots: EngineRoots
    laws: Mapping[str, ProvidedLaw]
    pool: WorkPool
    clock: Clock
    progress: Callable[[str], None] = lambda line: None
    signed_by: SignatureChecker | None = None


@attrs.frozen
class Verification:
    """What came of it. `proven`: how many outputs and gates had their bytes read again.

    `superseded_by`: the run's successor, the successor's own, and so on to the newest.
    """

    run_id: str
    engine_run_root: str | None
    findings: tuple[Finding, ...]
    proven_outputs: int = 0
    proven_gates: int = 0
    superseded_by: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings

    def document(self) -> dict[str, Any]:
        """JSON form, for machines."""
        return {
            "run_id": self.run_id,
            "ok": self.ok,
            "engine_run_root": self.engine_run_root,
            "proven_outputs": self.proven_outputs,
            "proven_gates": self.proven_gates,
            "superseded_by": self.superseded_by[0] if self.superseded_by else None,
            "newest_run_id": self.superseded_by[-1] if self.superseded_by else None,
            "findings": [one.document() for one in self.findings],
        }


def verify(
    verifier: Verifier,
    data: bytes,
    facts: Any,
    *,
    engine_run_root: str | None,
    fast: bool,
    allow_superseded: bool = False,
) -> Verification:
    """Re-prove the facts view in `facts`, read from `data`. Faults are findings.

    That the run was superseded is a fault, the last of them, unless `allow_superseded`. Raises
    `Unreachable`, and `Fault(REVISION_UNKNOWN)` for a run that a newer release wrote.
    """
    named = _named(facts)
    ledger = None if named is None else _record(verifier.store, *named)
    rules = rules_of(ledger) if isinstance(ledger, Ledger) else today()
    misfit = rules.problem("run_facts_view", facts)
    if misfit is not None:
        finding = Finding(ReasonCode.TRUTH_ALTERED, "run_facts_view", f"it breaks its contract: {misfit.what}")
        run_id = str(facts.get("run_id", "?")) if isinstance(facts, dict) else "?"
        return Verification(run_id, None, (finding,))
    check = _Check(verifier, Layout(facts["platform_run_id"]), data, facts, rules)
    findings = [*check.itself(), *check.refs()]
    if not isinstance(ledger, Ledger):
        return Verification(facts["run_id"], None, (*findings, *(() if ledger is None else (ledger,))))
    done = check.proven(ledger, findings, engine_run_root=engine_run_root, fast=fast)
    chain = successors(verifier.store, check.layout, ledger)
    late = () if allow_superseded else check.superseded(chain)
    return attrs.evolve(done, findings=(*done.findings, *late), superseded_by=chain)


def _named(facts: Any) -> tuple[Layout, str] | None:
    """Whose facts view it says it is; None for a document that does not even say that."""
    names = [str(facts.get(name)) for name in ("platform_run_id", "run_id")] if isinstance(facts, dict) else [""]
    return (Layout(names[0]), names[1]) if all(map(_PLAIN.fullmatch, names)) else None


def _record(store: ObjectStore, layout: Layout, run_id: str) -> Ledger | Finding:
    """A run's record, if it is sound."""
    key = layout.record(run_id)
    if (blob := store.read(key)) is None:
        return Finding(ReasonCode.TRUTH_MISSING, key, "the record is not there")
    ledger = check_ledger(run_id, blob.data)
    return record_finding(key, ledger) if isinstance(ledger, RecordFault) else ledger


@attrs.frozen
class _Check:
    """One facts view under examination."""

    verifier: Verifier
    layout: Layout
    data: bytes
    facts: Mapping[str, Any]
    rules: Rules

    def proven(
        self, ledger: Ledger, findings: list[Finding], *, engine_run_root: str | None, fast: bool
    ) -> Verification:
        """The view against a sound record, and the bytes against both."""
        run_id, root = self.facts["run_id"], engine_run_root or Record(ledger).root
        findings = [*findings, *self.follows(ledger), *self.attested(ledger)]
        plan_event = Record(ledger).plan
        if fast or plan_event is None:
            return Verification(run_id, root, tuple(findings))
        if root is None:
            absent = Finding(ReasonCode.ENGINE_ROOT_MISSING, "engine root", "none is on record: give --engine-run-root")
            return Verification(run_id, root, (*findings, absent))
        with self.verifier.roots.open(root) as opened:
            found = list(self.bytes(SealedPlan.of(plan_event.details.plan), opened, ledger))
        outputs, gates = len(self.facts["locators"]), len(self.facts["gate_receipts"])
        return Verification(run_id, root, (*findings, *found), outputs, gates)

    def superseded(self, chain: tuple[str, ...]) -> Iterator[Finding]:
        """The run has a successor: whoever reads it reads what turned out wrong."""
        if chain:
            newest = "" if chain[-1] == chain[0] else f", the newest of its successors is {chain[-1]}"
            yield Finding(ReasonCode.SUPERSEDED, f"run {self.facts['run_id']}", f"superseded by {chain[0]}{newest}")

    def itself(self) -> Iterator[Finding]:
        """The view against itself: its hash, its pins."""
        facts, where = self.facts, self.layout.facts(self.facts["run_id"])
        made = self.rules.bundle_hash(
            facts["locators"], facts["gate_receipts"], facts.get("instance_receipts", ()), facts["policy_rev"]
        )
        if made != facts["bundle_hash"]:
            yield Finding(
                ReasonCode.TRUTH_ALTERED, where, f"its bundle_hash is {facts['bundle_hash']}, its content gives {made}"
            )
        pins = facts["pins"]
        for name in ("run_id", "platform_run_id", "scenario_run_id"):
            if pins[name] != facts[name]:
                yield Finding(ReasonCode.TRUTH_ALTERED, where, f"its pin {name} is not its {name}")
        for part in (*facts["locators"], *(one["scope"] for one in facts["gate_receipts"])):
            off = [pin for pin in pins if pin in part and part[pin] != pins[pin]]
            if off:
                yield Finding(ReasonCode.TRUTH_ALTERED, where, f"a locator or receipt names another {off[0]}")

    def refs(self) -> Iterator[Finding]:
        """What the view refers to is its run's own, and its receipts are what it says."""
        store, run_id = self.verifier.store, self.facts["run_id"]
        own = {"plan_ref": self.layout.plan, "record_ref": self.layout.record, "status_ref": self.layout.status}
        for name, key in own.items():
            if self.facts[name] != key(run_id):
                yield Finding(ReasonCode.TRUTH_ALTERED, self.layout.facts(run_id), f"its {name} is not its run's")
        for receipt in self.facts.get("instance_receipts", ()):
            yield from receipt_findings(store, receipt)

    def follows(self, ledger: Ledger) -> Iterator[Finding]:
        """The view is the very one that the record decided; plan, READY signal and status follow from it too."""
        record, key = Record(ledger), self.layout.facts(self.facts["run_id"])
        decided = record.decision
        if decided is None or record.committed is None:
            yield Finding(ReasonCode.TRUTH_ALTERED, key, "the record says nothing of READY")
        elif decided.details.facts_view_digest != sha256_hex(self.data):
            yield Finding(ReasonCode.TRUTH_ALTERED, key, "it is not the view that the record decided")
        yield from Auditor(self.verifier.store, self.layout, ledger).derived()

    def attested(self, ledger: Ledger) -> Iterator[Finding]:
        """The view and its record are what the holder of the key signed, where a key was given."""
        checker, decided = self.verifier.signed_by, Record(ledger).decision
        if checker is None or decided is None:
            return
        key = self.layout.attestation(self.facts["run_id"])
        standing = self.verifier.store.read(key)
        if standing is None:
            yield Finding(ReasonCode.ATTESTATION_MISSING, key, "it is not there")
            return
        statement = rules_at(decided.event).statement(self.layout, self.facts, sha256_hex(self.data), decided.ts_utc)
        wrong = fault_in(standing.data, statement) or _refusal(checker, standing.data)
        if wrong is not None:
            yield Finding(ReasonCode.ATTESTATION_INVALID, key, wrong)
        else:
            self.verifier.progress(f"attestation: signed by {checker.keyid}")

    def bytes(self, plan: SealedPlan, root: EngineRoot, ledger: Ledger) -> Iterator[Finding]:
        """Every locator's and every gate's bytes, read again."""
        verifier, enforce = self.verifier, plan.member_digests is MemberDigests.ENFORCE
        progress = ReadProgress(verifier.progress, verifier.clock.now)
        decided = Record(ledger).decision
        decision = None if decided is None else decided.details.decision
        rules = (self.rules if decided is None else rules_at(decided.event)).listing
        judged = verifier.pool.map(lambda gate: self._gate(root, gate, enforce, progress, rules), plan.gates)
        yield from (one for one in judged if one is not None)
        proofs = {} if decision is None else {one.output_id: one for one in decision.outputs}
        yield from self._outputs(plan, root, proofs, progress, rules)

    def _gate(
        self, root: EngineRoot, gate: SealedGate, enforce: bool, progress: ReadProgress, rules: ListingRules
    ) -> Finding | None:
        provided = self.verifier.laws.get(gate.method.kind)
        if provided is None:
            lacking = absence(self.verifier.laws, gate.method.kind)
            return Finding(ReasonCode.UNKNOWN_HASHING_LAW, gate.gate_id, f"no plugin provides {lacking}")
        verdict = verify_gate(root, gate, provided, enforce_members=enforce, guard=progress, rules=rules)
        receipts = {one["gate_id"]: one["digest"]["hex"] for one in self.facts["gate_receipts"]}
        match verdict:
            case GateMissing(path):
                return Finding(ReasonCode.TRUTH_MISSING, gate.gate_id, f"MOVED: {path} is not there")
            case Conflict():
                return Finding(verdict.code, gate.gate_id, f"ROTTED: {verdict.detail}")
            case _ if receipts.get(gate.gate_id) != verdict.digest:
                return Finding(
                    ReasonCode.TRUTH_ALTERED, gate.gate_id, "ROTTED: the bundle is sound, but not the one proven"
                )
        self.verifier.progress(f"gate {gate.gate_id}: passes")
        return None

    def _outputs(
        self, plan: SealedPlan, root: EngineRoot, proofs: Proofs, progress: ReadProgress, rules: ListingRules
    ) -> Iterator[Finding]:
        proven = {one["output_id"]: one["content_digest"]["hex"] for one in self.facts["locators"]}
        found: list[tuple[SealedOutput, OutputFiles]] = []
        for output in plan.outputs:
            if output.output_id not in proven:
                continue
            try:
                files = find_output(root, output, rules)
            except EvidenceFault as fault:
                yield Finding(fault.code, output.output_id, f"MOVED: {fault.what}")
                continue
            if isinstance(files, Absent):
                yield Finding(ReasonCode.TRUTH_MISSING, output.output_id, f"MOVED: {files.path} is not there")
            else:
                found.append((output, files))
        digests = digest_outputs(root, [files for _, files in found], self.verifier.pool, progress)
        for (output, _), digest in zip(found, digests, strict=True):
            finding = self._compare(output, digest, proven[output.output_id], proofs)
            if finding is None:
                self.verifier.progress(f"output {output.output_id}: the same bytes as were proven")
            else:
                yield finding

    def _compare(
        self, output: SealedOutput, digest: ContentDigest | EvidenceFault, expected: str, proofs: Proofs
    ) -> Finding | None:
        if isinstance(digest, EvidenceFault):
            return Finding(digest.code, output.output_id, f"MOVED: {digest.what}")
        if digest.sha256 == expected:
            return None
        receipts = {one["output_id"]: one for one in self.facts.get("instance_receipts", ())}
        ref = receipts.get(output.output_id, {}).get("bundle_manifest_ref")
        what = f"proven with {expected}, now {digest.sha256}"
        if ref is None:
            proof = proofs.get(output.output_id)
            kept = None if proof is None else proof.version_id
            return _other_bytes(output.output_id, what, kept, digest.files[0].version_id)
        parts = self.verifier.store.read(ref)
        if parts is None or sha256_hex(parts.data) != expected:  # a finding of its own; it tells nothing here
            return _other_bytes(output.output_id, what, None, None)
        path, kind = _culprit(parts.data, digest)
        now = {one.path: one.version_id for one in digest.files}
        told = f"{what}; first difference: {path} ({kind})"
        return _other_bytes(output.output_id, told, self._version(ref, path), now.get(path), gone=kind == "gone")

    def _version(self, ref: str, path: str) -> str | None:
        """Which object of a part was hashed, where that is stored beside the part list."""
        blob = self.verifier.store.read(ref.rpartition("/")[0] + "/" + OBJECT_VERSIONS)
        try:
            kept = {} if blob is None else json.loads(blob.data)
        except ValueError:
            return None
        version = kept.get(path) if isinstance(kept, dict) else None
        return version if isinstance(version, str) else None


def _culprit(parts: bytes, digest: ContentDigest) -> tuple[str, str]:
    """The first part that differs from a sound part list of another digest, and how."""
    before = {one["path"]: one["sha256"] for one in json.loads(parts)}
    now = {one.path: one.sha256 for one in digest.files}
    path = next((path for path in sorted({*before, *now}) if before.get(path) != now.get(path)), "a part's size")
    return path, "added" if path not in before else "gone" if path not in now else "changed"


def _other_bytes(output_id: str, what: str, kept: str | None, now: str | None, *, gone: bool = False) -> Finding:
    """ROTTED: the very object that was proven has other bytes. MOVED: it is gone, or another is in its place."""
    replaced = kept is not None and now is not None and kept != now
    if replaced:
        what += f"; object {kept} was proven, {now} is there now"
    return Finding(ReasonCode.TRUTH_ALTERED, output_id, f"{'MOVED' if replaced or gone else 'ROTTED'}: {what}")


def _refusal(checker: SignatureChecker, envelope: bytes) -> str | None:
    """Why a checker does not accept an envelope; None when it does."""
    try:
        checker.check(envelope)
    except Fault as fault:
        return fault.what
    return None
