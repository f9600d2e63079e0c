"""What was found in an engine root, and what it amounts to (spec: behaviour, "Evidence")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from sr_domain.encoding.parts import present
from sr_ports import EvidenceFault, ReasonCode


@attrs.frozen
class OutputProof:
    """An output whose bytes were read. `digest`: content digest, hex64. `size`: bytes over all files.

    `receipt_ref`: key of its instance receipt, None unless it is instance-scoped.
    `manifest_ref`: key of its stored part list, None unless it has several files.
    `version_id`: the store's own name for the bytes of a single file, where it has one.
    """

    output_id: str
    digest: str
    files: int
    size: int
    receipt_ref: str | None = None
    manifest_ref: str | None = None
    version_id: str | None = None


@attrs.frozen
class GateProof:
    """A gate whose law gave the digest its flag states. `digest`: hex64."""

    gate_id: str
    digest: str


@attrs.frozen
class Conflict:
    """A contradiction, from where it is found to where it is shown.

    `subject`: gate or output id. `path`: first file at fault, where it can be told.
    """

    subject: str
    code: ReasonCode
    detail: str
    expected: str | None = None
    actual: str | None = None
    path: str | None = None
    changes: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, subject: str, fault: EvidenceFault, expected: str | None = None) -> Conflict:
        """The contradiction that a fault of the engine root is for this gate or output."""
        return cls(subject, fault.code, fault.what, expected, path=fault.path)

    @classmethod
    def parse(cls, node: Mapping[str, Any]) -> Conflict:
        """The contradiction that a record has in its JSON form, by whichever release."""
        known = {field.name: node[field.name] for field in attrs.fields(cls) if field.name in node}
        return cls(**{**known, "code": ReasonCode(node["code"])})

    def document(self) -> dict[str, Any]:
        """JSON form for record and quarantine artifact; absent parts are left out."""
        return present(attrs.asdict(self))


@attrs.frozen
class Failure:
    """Evidence that can never become READY, for a reason that is no contradiction."""

    subject: str
    code: ReasonCode
    detail: str
    changes: Mapping[str, Any] | None = None

    def document(self) -> dict[str, Any]:
        return present(attrs.asdict(self))


@attrs.frozen
class Evidence:
    """Everything found. `missing`: ids of required outputs and gates; `notes`: for the facts view."""

    outputs: tuple[OutputProof, ...] = ()
    gates: tuple[GateProof, ...] = ()
    missing: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    oracle_pack_ref: Mapping[str, Any] | None = None


@attrs.frozen
class Complete:
    """Every required gate verified by its law, every required output proven."""


@attrs.frozen
class Waiting:
    """Something is missing and the deadline is ahead."""

    missing: tuple[str, ...]


@attrs.frozen
class Failed:
    """Never READY."""

    code: ReasonCode
    detail: str


@attrs.frozen
class Conflicted:
    """Contradictory evidence: quarantine."""

    conflicts: tuple[Conflict, ...]


Verdict = Complete | Waiting | Failed | Conflicted

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


def classify(evidence: Evidence, deadline: datetime, now: datetime) -> Verdict:
    """Judge evidence, in the order the spec fixes. `deadline`, `now`: aware UTC.

    Total, and blind to the order in which anything was found.
    """
    if evidence.conflicts:  # disagreement is never READY, however late
        return Conflicted(tuple(sorted(evidence.conflicts, key=lambda one: (one.subject, one.code, one.path or ""))))
    if evidence.failures:
        worst = min(evidence.failures, key=lambda one: (_rank(one.code), one.subject))
        return Failed(worst.code, f"{worst.subject}: {worst.detail}")
    if evidence.missing:
        missing = tuple(sorted(set(evidence.missing)))
        if now < deadline:
            return Waiting(missing)
        return Failed(ReasonCode.EVIDENCE_MISSING_DEADLINE, "still missing at the deadline: " + ", ".join(missing))
    return Complete()
