"""What was found in an engine root and what was decided from it, as the record has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_domain.record.values import KEPT, Value, many
from sr_ports import EvidenceFault, ReasonCode


@attrs.frozen
class OutputProof(Value):
    """An output, or one day of it, whose bytes were read. `digest`: content digest, hex64. `size`: bytes in all.

    `receipt_ref`: key of its instance receipt, None unless it is instance-scoped.
    `manifest_ref`: key of its part list, None for a file alone.
    `version_id`: of revision 1 alone: the store's own name for the bytes of a single file.
    `path`: what its locator says, relative to the engine root; None from revision 1. `day`: None for the whole.
    """

    output_id: str
    digest: str
    files: int
    size: int
    receipt_ref: str | None = None
    manifest_ref: str | None = None
    version_id: str | None = None
    path: str | None = None
    day: str | None = None


@attrs.frozen
class GateProof(Value):
    """A gate whose law gave the digest its flag states. `digest`: hex64. `day`: None unless it is judged once a day."""

    gate_id: str
    digest: str
    day: str | None = None


@attrs.frozen
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


@attrs.frozen
class Failure(Value):
    """Evidence that can never become READY, for a reason that is no contradiction."""

    subject: str
    code: ReasonCode = attrs.field(converter=ReasonCode)
    detail: str
    changes: Mapping[str, Any] | None = None


@attrs.frozen
class Found(Value):
    """What passed. `laws`: gate id → ``kind``, ``distribution``, ``version`` of the law that judged it."""

    gates: tuple[GateProof, ...] = attrs.field(default=(), metadata={**many(GateProof), **KEPT})
    outputs: tuple[OutputProof, ...] = attrs.field(default=(), metadata={**many(OutputProof), **KEPT})
    laws: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, metadata=KEPT)


@attrs.frozen
class Decision(Value):
    """What EVIDENCE_COMPLETE decided: enough to write the facts view again, byte for byte.

    `laws`: as of `Found`. `oracle_pack_ref`: with the engine root that all paths are relative to; None from
    revision 1 where the root had no manifest. `engine_run_id`: the engine's own, hex32, where the root was
    reused, has a receipt, and something of the plan names the run id. `object_versions_digest`: of the stored
    object versions, hex64; None where the store has none. `config_revision`: of revision 1 alone, an embedder's.
    """

    outputs: tuple[OutputProof, ...] = attrs.field(metadata=many(OutputProof))
    gates: tuple[GateProof, ...] = attrs.field(metadata=many(GateProof))
    laws: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...] = attrs.field(default=(), metadata=KEPT)
    oracle_pack_ref: Mapping[str, Any] | None = None
    service_release_id: str | None = None
    environment: str | None = None
    config_revision: str | None = None
    engine_run_id: str | None = None
    object_versions_digest: str | None = None

    @property
    def found(self) -> Found:
        """What passed, without where it comes from."""
        return Found(self.gates, self.outputs, self.laws)
