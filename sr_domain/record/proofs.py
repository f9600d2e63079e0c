"""What was found in an engine root and what was decided from it, as the record has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import attrs

from sr_domain.record.values import KEPT, Value, many
from sr_ports import EvidenceFault, ReasonCode
from sr_ports.masking import redact


@attrs.frozen(eq=False, repr=False)
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


@attrs.frozen(eq=False, repr=False)
class GateProof(Value):
    """A gate whose law gave the digest its flag states. `digest`: hex64. `day`: None unless it is judged once a day."""

    gate_id: str
    digest: str
    day: str | None = None


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

        return cls(subject, fault.code, redact(fault.what), expected, path=fault.path)


@attrs.frozen(eq=False, repr=False)
class Lack(Value):
    """What a gate or output waits for. `path`: where it is looked for. `detail`: what is to be there."""

    subject: str
    path: str
    detail: str


SOME = 5
"""Names that a sentence has room for."""


def named_missing(missing: Sequence[str], lacks: Iterable[Lack], most: int | None = None) -> str:
    """What a run waits for, for people: each with where it is looked for. `most`: how many are named."""
    places = {one.subject: one.path for one in sorted(lacks, key=lambda one: (one.subject, one.path), reverse=True)}
    told = [f"{one} ({places[one]})" if places.get(one, one) != one else one for one in missing[:most]]
    return ", ".join(told) + (f" and {len(missing) - len(told)} more" if len(told) < len(missing) else "")


@attrs.frozen(eq=False, repr=False)
class Failure(Value):
    """Evidence that can never become READY, for a reason that is no contradiction."""

    subject: str
    code: ReasonCode = attrs.field(converter=ReasonCode)
    detail: str
    changes: Mapping[str, Any] | None = None


@attrs.frozen(eq=False, repr=False)
class Judge(Value):
    """The law that judged a gate. `kind`: of the law. `distribution`, `version`: where its code is from.

    `law_version`, `algorithm`, `fingerprint`: of the law itself; None where nothing is known of them.
    """

    gate_id: str
    kind: str
    distribution: str
    version: str
    law_version: str | None = None
    algorithm: str | None = None
    fingerprint: str | None = None


@attrs.frozen(eq=False, repr=False)
class PlannedLaw(Value):
    """Where a law that is not Scenario Runner's own came from when the run was planned."""

    kind: str
    distribution: str
    version: str


class _Judged(Value):
    """What judges had a part in. `by_laws`: recorded by the first release, which had `laws` in place of judges."""

    judges: tuple[Judge, ...]
    by_laws: bool

    @property
    def laws(self) -> dict[str, dict[str, str]]:
        """By gate, for governance: ``kind``, ``distribution``, ``version`` of the law that judged it."""
        return {
            one.gate_id: {"kind": one.kind, "distribution": one.distribution, "version": one.version}
            for one in self.judges
        }

    def document(self) -> dict[str, Any]:
        node = super().document()
        if node.pop("by_laws", False):
            del node["judges"]
            node["laws"] = self.laws
        return node

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        if "judges" not in node and "laws" in node:
            judges = [{**law, "gate_id": gate_id} for gate_id, law in node["laws"].items()]
            node = {**node, "judges": judges, "by_laws": True}
        return super().of(node)


@attrs.frozen(eq=False, repr=False)
class Found(_Judged):
    """What passed. `judges`: of the gates that were judged."""

    gates: tuple[GateProof, ...] = attrs.field(default=(), metadata={**many(GateProof), **KEPT})
    outputs: tuple[OutputProof, ...] = attrs.field(default=(), metadata={**many(OutputProof), **KEPT})
    judges: tuple[Judge, ...] = attrs.field(default=(), metadata={**many(Judge), **KEPT})
    by_laws: bool = attrs.field(default=False, eq=False)


@attrs.frozen(eq=False, repr=False)
class Decision(_Judged):
    """What EVIDENCE_COMPLETE decided: enough to write the facts view again, byte for byte.

    `judges`: one for each gate. `oracle_pack_ref`: with the engine root that all paths are relative to; None from
    revision 1 where the root had no manifest. `engine_run_id`: the engine's own, hex32, where the root was
    reused, has a receipt, and something of the plan names the run id. `object_versions_digest`: of the stored
    object versions, hex64; None where the store has none. `config_revision`: of revision 1 alone, an embedder's.
    """

    outputs: tuple[OutputProof, ...] = attrs.field(metadata=many(OutputProof))
    gates: tuple[GateProof, ...] = attrs.field(metadata=many(GateProof))
    judges: tuple[Judge, ...] = attrs.field(metadata=many(Judge))
    notes: tuple[str, ...] = attrs.field(default=(), metadata=KEPT)
    oracle_pack_ref: Mapping[str, Any] | None = None
    service_release_id: str | None = None
    environment: str | None = None
    config_revision: str | None = None
    engine_run_id: str | None = None
    object_versions_digest: str | None = None
    by_laws: bool = attrs.field(default=False, eq=False)

    @property
    def found(self) -> Found:
        """What passed, without where it comes from."""
        return Found(self.gates, self.outputs, self.judges, self.by_laws)
