"""Explain: what the record says of each gate and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from sr_domain.evidence.oracle import MANIFEST
from sr_domain.evidence.run_receipt import RECEIPT
from sr_domain.plan.sealed import OutputPart, SealedGate
from sr_domain.queries.vouched import Hashed
from sr_domain.record.details import Rest, RootUnreadable
from sr_domain.record.proofs import Found
from sr_domain.record.resting import WorkerAtFault


@attrs.frozen
class Item:
    """A gate or output. `verdict`: PASS, PROVEN, MISSING, CONFLICT, FAIL, OPTIONAL_MISSING or UNKNOWN.

    `hashed`: of an output, whether laws hashed its very bytes or gates only vouch for it; None where that is not known.
    """

    id: str
    verdict: str
    digest: str | None = None
    expected: str | None = None
    size: int | None = None
    files: int | None = None
    law: str | None = None
    provided_by: str | None = None
    path: str | None = None
    detail: str = ""
    hashed: bool | None = None


class ItemMaker:
    """Looks up what the record says of each gate and output."""

    def __init__(
        self,
        rest: Rest | None,
        found: Found | None,
        now: Mapping[str, str],
        fault: RootUnreadable | None = None,
        read: Hashed | None = None,
    ) -> None:
        self._now, self._fault, self._hashed = now, fault, read or {}
        self._conflicts = {} if rest is None else {one.subject: one for one in reversed(rest.conflicts)}
        self._failures = {} if rest is None else {one.subject: one for one in reversed(rest.failures)}
        self._missing = frozenset(() if rest is None else rest.missing)
        self._lacks = {} if rest is None else {one.subject: one for one in reversed(rest.lacks)}
        self._gates = {} if found is None else {(one.gate_id, one.day): one.digest for one in found.gates}
        self._outputs = {} if found is None else {(one.output_id, one.day): one for one in found.outputs}
        self._laws = {} if found is None else found.laws
        self._decided = found is not None

    def gate(self, look: SealedGate) -> Item:
        """What became of a gate, on one day where it is judged once a day."""
        name, path, law = look.subject, look.bundle_root, look.method.kind
        bad = self._faulty(name, path, law)
        if bad is not None:
            return bad
        digest = self._gates.get((look.gate_id, look.day))
        if digest is None:
            return Item(name, "UNKNOWN", law=law, path=path, detail=self._unjudged(name))
        by = self._laws.get(look.gate_id, {})
        who = f"{by.get('distribution')} {by.get('version')}"
        return Item(name, "PASS", digest, digest, law=law, provided_by=who, path=path)

    def _unjudged(self, name: str) -> str:
        """Why a gate's law gave no judgement."""
        fault = self._fault
        return fault.reason_code if isinstance(fault, WorkerAtFault) and name in fault.subjects else ""

    def output(self, part: OutputPart) -> Item:
        """What became of an output, or of one day of it."""
        name, path = part.output.output_id, part.path
        bad = self._faulty(name, path, None)
        if (
            bad is not None
            and bad.verdict == "MISSING"
            and part.day is not None
            and bad.path != path
            and part.day not in str(bad.path)
        ):
            # Another day is missing. Where one is, no day of the output is read.
            return Item(name, "UNKNOWN", path=path, detail=f"not proven while {bad.path} is missing")
        if bad is not None:
            return bad
        # Revision 1 proved all days of an output as one.
        proof = self._outputs.get((name, part.day)) or self._outputs.get((name, None))
        if proof is None:
            absent = part.output.optional and self._decided
            return Item(name, "OPTIONAL_MISSING" if absent else "UNKNOWN", path=path)
        read = self._hashed.get((name, part.day))
        return Item(
            name, "PROVEN", proof.digest, size=proof.size, files=proof.files, path=proof.path or path, hashed=read
        )

    def beside(self) -> Iterator[Item]:
        """The engine's run receipt and the pack manifest, where something is wrong with them."""
        for name in (RECEIPT, MANIFEST):
            bad = self._faulty(name, name, None)
            if bad is not None:
                yield bad

    def _faulty(self, name: str, path: str, law: str | None) -> Item | None:
        conflict, failure = self._conflicts.get(name), self._failures.get(name)
        if conflict is not None:
            return Item(
                name,
                "CONFLICT",
                conflict.actual,
                conflict.expected,
                law=law,
                path=conflict.path or path,
                detail=f"{conflict.code}: {conflict.detail}",
            )
        if failure is not None:
            return Item(name, "FAIL", law=law, path=path, detail=f"{failure.code}: {failure.detail}")
        if name not in self._missing:
            return None
        lack, now = self._lacks.get(name), self._now.get(name, "")
        if lack is not None:
            path, now = lack.path or path, "; ".join(filter(None, (lack.detail, now)))
        return Item(name, "MISSING", law=law, path=path, detail=now)
