"""What was found in an engine root, and what it amounts to (spec: behaviour, "Evidence")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sr_domain.evidence.digests import ContentDigest
from sr_domain.evidence.run_receipt import RECEIPT
from sr_domain.record.proofs import Conflict, Failure, GateProof, Lack, OutputProof, named_missing
from sr_ports import Changes, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class Proven(Compared):
    """A proof, and what is stored of it once the whole run is complete.

    `base`: the folder, relative to the engine root, that the paths of `content` start from.
    `receipt`: the instance receipt to be written; None unless the output is instance-scoped.
    `earlier`: where revision 1 put the receipt of a run over this one day, and the path it names; None for a whole.
    """

    proof: OutputProof
    content: ContentDigest
    base: str
    receipt: Mapping[str, Any] | None = None
    earlier: tuple[str, str] | None = None


_STILL = Changes()


@attrs.frozen(eq=False, repr=False)
class Evidence(Compared):
    """Everything found. `missing`: ids of required outputs and gates, the latter with their day; `notes`: for the view.

    `awaited`: optional outputs that may be there under a run id of the engine's own, which no receipt names yet.
    `absent`: optional outputs that are not there. `lacks`: more of what is missing. `coming`: what of it is
    contradictory unless it is on its way: a flag or index that ends too early, a listed file that is absent.
    `unjudged`: gates whose law gave no judgement. `unstable`: what the second look found.
    `engine_run_id`: as of `Decision`.
    """

    proven: tuple[Proven, ...] = ()
    gates: tuple[GateProof, ...] = ()
    missing: tuple[str, ...] = ()
    awaited: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lacks: tuple[Lack, ...] = ()
    coming: tuple[Conflict, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    failures: tuple[Failure, ...] = ()
    unjudged: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    oracle_pack_ref: Mapping[str, Any] | None = None
    engine_run_id: str | None = None
    unstable: Changes = _STILL

    @property
    def outputs(self) -> tuple[OutputProof, ...]:
        """What was read."""
        return tuple(one.proof for one in self.proven)

    @property
    def hangs_on_time(self) -> bool:
        """Whether it matters if the deadline has come: something is missing, or may be, or changes still."""
        return bool(self.missing or self.awaited or self.unstable or not self.proven)

    def at(self, *, late: bool) -> Evidence:
        """What is awaited is missing until the deadline, with the receipt, and absent when it is `late`.

        What is absent is noted, unless nothing is there: an empty pass is no pass, and all of it is missing.
        """
        absent, missing = self.absent, self.missing
        if self.awaited:
            absent = (*absent, *self.awaited) if late else absent
            missing = missing if late else (*missing, *self.awaited, RECEIPT)
        if not self.proven:
            return attrs.evolve(self, awaited=(), absent=(), missing=(*missing, *absent))
        notes = (*self.notes, *map(noted_absent, absent))
        return attrs.evolve(self, awaited=(), absent=(), missing=missing, notes=notes)


def noted_absent(output_id: str) -> str:
    """The note that an optional output is not there."""
    return f"OPTIONAL_MISSING:{output_id}"


@attrs.frozen(eq=False, repr=False)
class Complete(Compared):
    """Every required gate verified by its law, every required output proven."""


@attrs.frozen(eq=False, repr=False)
class Waiting(Compared):
    """Something is missing, or changes still, and the deadline is ahead."""

    missing: tuple[str, ...]
    code: ReasonCode = ReasonCode.EVIDENCE_WAITING
    detail: str | None = None


@attrs.frozen(eq=False, repr=False)
class Failed(Compared):
    """Never READY."""

    code: ReasonCode
    detail: str


@attrs.frozen(eq=False, repr=False)
class Conflicted(Compared):
    """Contradictory evidence: quarantine."""

    conflicts: tuple[Conflict, ...]


@attrs.frozen(eq=False, repr=False)
class Unjudged(Compared):
    """Laws gave no judgement: a fault of this worker's, by which the run rests where it was."""

    faults: tuple[Failure, ...]


Verdict = Complete | Waiting | Unjudged | Failed | Conflicted

_FAILURE_ORDER: tuple[ReasonCode, ...] = (
    ReasonCode.ORACLE_PACK_INVALID,
    ReasonCode.ORACLE_PACK_MISMATCH,
    ReasonCode.LOCATOR_SCHEMA_INVALID,
    ReasonCode.RECEIPT_SCHEMA_INVALID,
    ReasonCode.INSTANCE_RECEIPT_SCHEMA_INVALID,
    ReasonCode.INSTANCE_RECEIPT_DRIFT,
    ReasonCode.INSTANCE_DIGEST_MISSING,
    ReasonCode.INSTANCE_SCOPE_MISSING,
)
"""Of several failures the first in this order ends the run; a code that is not here comes last."""


def _rank(code: ReasonCode) -> int:
    return _FAILURE_ORDER.index(code) if code in _FAILURE_ORDER else len(_FAILURE_ORDER)


def classify(evidence: Evidence, *, late: bool) -> Verdict:
    """Judge evidence, in the order the spec fixes. `late`: whether the deadline has come.

    Total, and blind to the order in which anything was found.
    """
    missing = tuple(sorted(set(evidence.missing)))
    if evidence.unstable:  # whatever else was found: it was not found in one place at one time
        code, detail = ReasonCode.EVIDENCE_UNSTABLE, _changed(evidence.unstable)
        return Failed(code, detail) if late else Waiting(missing, code, detail)
    if evidence.unjudged:  # a law that failed may be as wrong about all else: no fact, and no deadline
        return Unjudged(tuple(sorted(evidence.unjudged, key=lambda one: (one.subject, one.code))))
    if evidence.conflicts:  # disagreement is never READY, however late
        return Conflicted(_sorted(evidence.conflicts))
    if evidence.failures:
        worst = min(evidence.failures, key=lambda one: (_rank(one.code), one.subject))
        return Failed(worst.code, f"{worst.subject}: {worst.detail}")
    if missing:
        if not late:
            return Waiting(missing)
        if evidence.coming:
            return Conflicted(_sorted(evidence.coming))
        told = f"still missing at the deadline: {named_missing(missing, evidence.lacks)}"
        return Failed(ReasonCode.EVIDENCE_MISSING_DEADLINE, told)
    return Complete()


def _sorted(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    return tuple(sorted(conflicts, key=lambda one: (one.subject, one.code, one.path or "")))


def _changed(changes: Changes) -> str:
    more = changes.count - len(changes.paths)
    return "still being written: " + ", ".join(changes.paths) + (f" and {more} more" if more > 0 else "")
