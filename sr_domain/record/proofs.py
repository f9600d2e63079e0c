"""What was found in an engine root and what was decided from it, as the record has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.record.values import KEPT, Value, many
from sr_ports import EvidenceFault, ReasonCode


@attrs.frozen(eq=False, repr=False)
class OutputProof(Value):
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


@attrs.frozen(eq=False, repr=False)
class GateProof(Value):
    """A gate whose law gave the digest its flag states. `digest`: hex64."""

    gate_id: str
    digest: str


@attrs.frozen(eq=False, repr=False)
class Conflict(Value):
    """A contradiction, from where it is found to where it is shown.

    `subject`: gate or output id. `path`: first file at fault, where it can be told.
    """

    subject: str
    code: ReasonCode = attrs.field(converter=ReasonCode)
    detail: str
    expected: str | None = None
    actual: str | None = None
    path: str | None = None
    changes: Mapping[str, Any] | None = None

    @classmethod
    def from_fault(cls, subject: str, fault: EvidenceFault, expected: str | None = None) -> Conflict:
        """The contradiction that a fault of the engine root is for this gate or output."""
        return cls(subject, fault.code, fault.what, expected, path=fault.path)


@attrs.frozen(eq=False, repr=False)
class Failure(Value):
    """Evidence that can never become READY, for a reason that is no contradiction."""

    subject: str
    code: ReasonCode = attrs.field(converter=ReasonCode)
    detail: str
    changes: Mapping[str, Any] | None = None


@attrs.frozen(eq=False, repr=False)
class Found(Value):
    """What passed. `laws`: gate id → ``kind``, ``distribution``, ``version`` of the law that judged it."""

    gates: tuple[GateProof, ...] = attrs.field(default=(), metadata={**many(GateProof), **KEPT})
    outputs: tuple[OutputProof, ...] = attrs.field(default=(), metadata={**many(OutputProof), **KEPT})
    laws: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, metadata=KEPT)


@attrs.frozen(eq=False, repr=False)
class Decision(Value):
    """What EVIDENCE_COMPLETE decided: enough to write the facts view again, byte for byte.

    `laws`: as of `Found`.
    """

    outputs: tuple[OutputProof, ...] = attrs.field(metadata=many(OutputProof))
    gates: tuple[GateProof, ...] = attrs.field(metadata=many(GateProof))
    laws: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = attrs.field(default=(), metadata=KEPT)
    oracle_pack_ref: Mapping[str, Any] | None = None
    service_release_id: str | None = None
    environment: str | None = None
    config_revision: str | None = None

    @property
    def found(self) -> Found:
        """What passed, without where it comes from."""
        return Found(self.gates, self.outputs, self.laws)
