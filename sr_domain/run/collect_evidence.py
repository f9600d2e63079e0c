"""Collecting evidence: every output digested, every gate verified by its own law.

Reads one snapshot of the engine root and writes nothing (spec: mission, laws 1 and 8; behaviour, "One
observation"). After the last read every identity is looked at again, and nothing is read after that. Judging
what was found is `evidence.classify`; what is stored of it once the run is complete, `keep_proofs`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import attrs

from sr_domain.artifacts.documents import instance_scope
from sr_domain.artifacts.revision_2 import engine_pins, gate_receipt, instance_receipt, locator
from sr_domain.evidence.admitted import Objected
from sr_domain.evidence.bundle import whole_bundle
from sr_domain.evidence.digests import ContentDigest, WholeFiles, digest_outputs
from sr_domain.evidence.fingerprint import fingerprint
from sr_domain.evidence.gates import GateMissing, GatePassed, GateUnjudged, verify_gate
from sr_domain.evidence.oracle import MANIFEST, oracle_pack
from sr_domain.evidence.outputs import Absent, OutputFiles, find_output
from sr_domain.evidence.progress import ReadProgress
from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.evidence.run_receipt import RECEIPT, mismatch, read_receipt
from sr_domain.evidence.verdict import Evidence, Proven
from sr_domain.plan.compile import pins_of
from sr_domain.plan.policy import MemberDigests
from sr_domain.plan.sealed import OutputPart, SealedGate, SealedOutput, SealedPlan
from sr_domain.record.proofs import Conflict, Failure, GateProof, Lack, OutputProof
from sr_domain.run.admission_rules import admitted
from sr_domain.run.asking import Asking
from sr_domain.run.planned_laws import Lacking, law_here
from sr_ports import Changes, CutShort, EngineRoot, EvidenceFault, ReasonCode
from sr_ports.compared import Compared
from sr_ports.roots import NAMED_CHANGES


def collect(run: Asking, plan: SealedPlan, uri: str, *, reused: bool) -> Evidence:
    """Everything the root has to say about this plan. Raises `Unreachable`, `LeaseLost`.

    `reused`: the root is of an engine run that SR did not start, which has a run id of its own.
    """
    pins = pins_of(run.request)
    with run.ports.roots.open(uri) as root:
        oracle = _oracle(run, root, pins)
        engine_run_id, receipt = _receipt(run, root, pins) if reused else (None, Evidence())
        look = _Look(
            run=run,
            plan=plan,
            root=root,
            pins=pins,
            engine_run_id=engine_run_id if plan.needs_receipt else None,
            unreceipted=reused and engine_run_id is None,
            progress=ReadProgress(run.telemetry.progress, run.now, run.held.check),
        )
        whole = attrs.evolve(oracle, engine_run_id=look.engine_run_id)
        try:
            found = _together([whole, receipt, *look.gates(), *look.outputs()])
        finally:  # bytes that were read were read, also where the store went away then
            run.telemetry.read(look.progress.read, look.progress.sentence())
        if plan.settle_seconds and any(one.code in _SETTLING for one in found.conflicts):
            look.at_everything()
            return _seen_twice(found, _stand_still(run, root, plan.settle_seconds))
        return _seen_twice(found, root.changes())


_LISTS = (
    "proven", "gates", "missing", "awaited", "absent", "lacks", "coming", "conflicts", "failures", "unjudged",
    "notes",
)  # fmt: skip
_SETTLING = frozenset({ReasonCode.GATE_DIGEST_MISMATCH, ReasonCode.MEMBER_DIGEST_MISMATCH})
"""What is no conflict yet while files come in."""


_FIRST_STEP, _LONGEST_STEP = 1.0, 5.0
"""Seconds between two looks while nothing changes."""


def _stand_still(run: Asking, root: EngineRoot, seconds: float) -> Changes:
    """Let time pass between what was found and the second look, under the heartbeat. Raises `LeaseLost`.

    Looks now and then: it ends with the first change, and with the first look after the evidence deadline.
    """
    run.telemetry.progress(f"a digest differs: whether anything still changes is seen in {seconds:g} s")
    step, changes = _FIRST_STEP, Changes()
    while seconds > 0 and not changes:
        pause = min(seconds, step)
        run.pause(pause)
        changes = root.changes()
        if run.late():
            break
        seconds, step = seconds - pause, min(step * 2, _LONGEST_STEP)
    return changes


def _seen_twice(found: Evidence, changes: Changes) -> Evidence:
    """What was found, and what of it is not so any more; a read that broke off tells as much as the second look."""
    broken = [one for one in found.conflicts if one.code is ReasonCode.EVIDENCE_UNSTABLE]
    if not broken:
        return attrs.evolve(found, unstable=changes)
    paths = sorted({*changes.paths, *(one.path or one.subject for one in broken)})
    return attrs.evolve(found, unstable=Changes(tuple(paths[:NAMED_CHANGES]), max(changes.count, len(paths))))


def _together(parts: Sequence[Evidence]) -> Evidence:
    """All parts as one, in one pass: there may be very many. What is of the whole root is in the first."""
    joined: dict[str, Any] = {
        name: tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in _LISTS
    }
    return Evidence(**joined, oracle_pack_ref=parts[0].oracle_pack_ref, engine_run_id=parts[0].engine_run_id)


def _oracle(run: Asking, root: EngineRoot, pins: Mapping[str, Any]) -> Evidence:
    """What the pack manifest says; one that is no plain file is a conflict, one that ends too early is missing."""
    try:
        ref, failures = oracle_pack(root, pins, run.settings.oracle_root)
    except EvidenceFault as fault:
        late_rule = admitted(run.history).waits(lambda rules: root.stat(MANIFEST, rules))
        if late_rule or isinstance(fault, CutShort):
            return _missing(MANIFEST, MANIFEST, fault.what)
        return Evidence(conflicts=(Conflict.from_fault(MANIFEST, fault),))
    return Evidence(oracle_pack_ref=ref, failures=failures)


def _receipt(run: Asking, root: EngineRoot, pins: Mapping[str, Any]) -> tuple[str | None, Evidence]:
    """The run id that the receipt of a reused root names, and what is wrong with it: it must be of the run's world.

    One that ends too early is missing. To a run that revision 1 admitted, which never looked at it, any wrong one is.
    """
    try:
        receipt = read_receipt(root, run.misfit)
    except CutShort as fault:
        return None, _missing(RECEIPT, RECEIPT, fault.what)
    except EvidenceFault as fault:
        wrong = Conflict.from_fault(RECEIPT, fault)
    else:
        if receipt is None:
            return None, Evidence()
        other = mismatch(receipt, pins, run_id=False)
        if other is None:
            return str(receipt["run_id"]), Evidence()
        wrong = Conflict(RECEIPT, ReasonCode.ENGINE_RECEIPT_MISMATCH, other, path=RECEIPT)
    if admitted(run.history).late:
        return None, _missing(RECEIPT, RECEIPT, wrong.detail)
    return None, Evidence(conflicts=(wrong,))


def _missing(subject: str, path: str, detail: str) -> Evidence:
    return Evidence(missing=(subject,), lacks=(Lack(subject, path, detail),))


@attrs.frozen(eq=False, repr=False)
class _Look(Compared):
    """One look at an engine root. `engine_run_id`: as of `Decision`. `unreceipted`: reused, and without a receipt."""

    run: Asking
    plan: SealedPlan
    root: EngineRoot
    pins: Mapping[str, Any]
    engine_run_id: str | None
    unreceipted: bool
    progress: ReadProgress
    digests: WholeFiles = attrs.field(factory=WholeFiles)

    @property
    def run_id(self) -> str:
        """What ``{run_id}`` is in paths."""
        return self.engine_run_id or self.run.run_id

    def gates(self) -> list[Evidence]:
        """The verdict on every gate, day by day; beside that work, fingerprints of laws are made."""
        looks = [(gate, look) for gate in self.plan.gates for look in gate.looks(self.run_id)]
        work = [partial(self._gate, *one) for one in looks] + [partial(self._known, one) for one in self._judges()]
        return self.run.ports.pool.map(lambda one: one(), work)

    def _judges(self) -> Iterable[SealedGate]:
        """A gate for each law and params."""
        return {(gate.method.kind, gate.method.params): gate for gate in self.plan.gates}.values()

    def _known(self, gate: SealedGate) -> Evidence:
        """Have the fingerprint of a gate's law at hand for the decision."""
        provided = law_here(self.run, gate.method.kind)
        if isinstance(provided, ProvidedLaw):
            fingerprint(provided, gate.method.params, self.progress)
        return Evidence()

    def at_everything(self) -> None:
        """Look at what no verdict has asked for yet, so that the second look sees the whole closure come in."""
        for look in (look for gate in self.plan.gates for look in gate.looks(self.run_id)):
            self.run.held.check()
            law = law_here(self.run, look.method.kind)
            whole = partial(self.root.list, look.bundle_root, whole_bundle(look.method))
            listed = isinstance(law, ProvidedLaw) and law.traits.lists_outputs  # what else lies there is not its own
            for ask in (
                partial(self.root.stat, look.flag_path),
                partial(self.root.stat, look.index_path or look.flag_path),
                *(() if listed else (whole,)),
            ):
                with contextlib.suppress(EvidenceFault):  # judged where it is evidence
                    ask()

    def _gate(self, gate: SealedGate, look: SealedGate) -> Evidence:
        provided = law_here(self.run, gate.method.kind)
        if isinstance(provided, Lacking):
            return Evidence(unjudged=(Failure(look.subject, provided.code, provided.detail),))
        judge = partial(
            verify_gate,
            self.root,
            look,
            provided,
            enforce_members=self.plan.member_digests is MemberDigests.ENFORCE,
            guard=self.progress,
            digests=self.digests,
            pool=self.run.ports.pool,
            outputs=partial(self._authorized, look),
        )
        verdict = admitted(self.run.history).gate(lambda rules: judge(rules=rules))
        match verdict:
            case GatePassed(digest, notes):
                return self._passed(look, provided, digest, notes)
            case GateMissing(path, why, late):
                awaited = (RECEIPT,) if gate.waits_for_receipt and self.unreceipted else ()
                coming = () if late is None else (attrs.evolve(late, subject=look.subject),)
                lacks = (Lack(look.subject, path, why),)
                return Evidence(missing=(look.subject, *awaited), lacks=lacks, coming=coming)
            case GateUnjudged(code, detail):
                return Evidence(unjudged=(Failure(look.subject, code, detail),))
            case Conflict():
                return Evidence(conflicts=(attrs.evolve(verdict, subject=look.subject),))

    def _passed(self, look: SealedGate, law: ProvidedLaw, digest: str, notes: tuple[str, ...]) -> Evidence:
        pins = engine_pins(look, self.pins, self.engine_run_id)
        receipt = gate_receipt(look, pins, self.root.uri, digest, law.traits.algorithm)
        misfit = self.run.misfit("gate_receipt", receipt)
        if misfit is not None:
            return Evidence(failures=(Failure(look.subject, ReasonCode.RECEIPT_SCHEMA_INVALID, misfit.what),))
        told = tuple(f"LAW_NOTE:{look.subject}:{note}" for note in notes)
        return Evidence(gates=(GateProof(look.gate_id, digest, look.day),), notes=told)

    def _authorized(self, look: SealedGate) -> Iterator[str]:
        """The files of the outputs that a gate authorises."""
        for output in self.plan.outputs:
            for part in output.parts(self.run_id) if output.output_id in look.authorizes else ():
                with contextlib.suppress(EvidenceFault):  # judged where it is evidence
                    files = find_output(self.root, part.path)
                    yield from (one.path for one in files.facts) if isinstance(files, OutputFiles) else ()

    def outputs(self) -> list[Evidence]:
        """Every output found and digested."""
        found: list[tuple[OutputPart, OutputFiles]] = []
        parts: list[Evidence] = []
        for output in self.plan.outputs:
            self.run.held.check()
            try:
                files = self._files(output)
            except EvidenceFault as fault:
                parts.append(_conflict(output, fault))
                continue
            if isinstance(files, Absent):
                parts.append(self._absent(output, files))
            else:
                found += files
        digests = digest_outputs(
            self.root, [files for _, files in found], self.run.ports.pool, self.progress, self.digests
        )
        read = [(part, files, digest) for (part, files), digest in zip(found, digests, strict=True)]
        return parts + self.run.ports.pool.map(lambda one: self._proven(*one), read)

    def _files(self, output: SealedOutput) -> list[tuple[OutputPart, OutputFiles]] | Absent:
        """The files of every day; the first day that has none."""
        found = []
        for part in output.parts(self.run_id):
            files = admitted(self.run.history).output(partial(find_output, self.root, part.path))
            if isinstance(files, Absent):
                return files
            found.append((part, files))
        return found

    def _absent(self, output: SealedOutput, why: Absent) -> Evidence:
        unnamed = output.waits_for_receipt and self.unreceipted
        if not output.optional or isinstance(why, Objected):
            lacks = (Lack(output.output_id, why.path, "no file is there"),)
            return Evidence(missing=(output.output_id, *((RECEIPT,) if unnamed else ())), lacks=lacks)
        return Evidence(awaited=(output.output_id,)) if unnamed else Evidence(absent=(output.output_id,))

    def _proven(self, part: OutputPart, files: OutputFiles, digest: ContentDigest | EvidenceFault) -> Evidence:
        if isinstance(digest, EvidenceFault):
            return _conflict(part.output, digest)
        return self._prove(part, files, digest)

    def _prove(self, part: OutputPart, files: OutputFiles, content: ContentDigest) -> Evidence:
        """A digested output becomes a proof: its locator checked, and its instance receipt where it has one."""
        output, layout = part.output, self.run.layout
        pins = engine_pins(output, self.pins, self.engine_run_id)
        proof = OutputProof(
            output_id=output.output_id,
            digest=content.sha256,
            files=len(content.files),
            size=content.files.size,
            manifest_ref=layout.part_list(content.sha256) if content.listed else None,
            path=files.path,
            day=part.day,
        )
        misfit = self.run.misfit("output_locator", locator(output, pins, self.root.uri, proof))
        if misfit is not None:
            return _failure(output, ReasonCode.LOCATOR_SCHEMA_INVALID, misfit.what)
        notes = () if output.gates else (f"UNGATED_OUTPUT:{output.output_id}",)
        if not output.instance_pins:
            return Evidence(proven=(Proven(proof, content, files.base),), notes=notes)
        if output.scope_missing:
            named = ", ".join(output.scope_missing)
            return _failure(
                output, ReasonCode.INSTANCE_SCOPE_MISSING, f"its scope names {named}, its partitions do not"
            )
        scope, whole = instance_scope(output, pins), None
        if part.day is not None:
            whole = (layout.instance_receipt(output.output_id, scope), part.path)
        proof = attrs.evolve(proof, receipt_ref=layout.instance_receipt(output.output_id, scope, part.day))
        receipt = instance_receipt(output, pins, self.root.uri, proof)
        misfit = self.run.misfit("instance_receipt", receipt)
        if misfit is not None:
            return _failure(output, ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID, misfit.what)
        return Evidence(proven=(Proven(proof, content, files.base, receipt, whole),), notes=notes)


def _conflict(output: SealedOutput, fault: EvidenceFault) -> Evidence:
    return Evidence(conflicts=(Conflict.from_fault(output.output_id, fault),))


def _failure(output: SealedOutput, code: ReasonCode, detail: str) -> Evidence:
    return Evidence(failures=(Failure(output.output_id, code, detail),))
