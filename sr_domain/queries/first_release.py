"""Outputs of a view of the first release: its paths are relative, and the record says to what root.

They are found and digested as the plan says, by the rules of their day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from sr_domain.encoding.bounds import MAX_BYTES
from sr_domain.evidence.digests import ContentDigest, WholeFiles, digest_outputs
from sr_domain.evidence.outputs import Absent, OutputFiles, find_days
from sr_domain.evidence.progress import ReadProgress
from sr_domain.plan.sealed import SealedOutput, SealedPlan
from sr_domain.queries.finding import Finding
from sr_domain.queries.verifier import Proof, Verifier
from sr_domain.queries.view import View
from sr_domain.record.layout import OBJECT_VERSIONS
from sr_domain.record.proofs import OutputProof
from sr_domain.run.part_changes import differences
from sr_domain.run.part_lists import PartList, part_list_at
from sr_domain.run.stored import stored_sha256, versions_in
from sr_ports import EngineRoot, EvidenceFault, ListingRules, ReasonCode


@attrs.frozen
class PlannedOutputs:
    """Proves a view's outputs by the plan. `proofs`: what the record says of each, by output id.

    `read`: what the gates of the same look have read, which is not read again.
    """

    verifier: Verifier
    view: View
    root: EngineRoot
    proofs: Mapping[str, OutputProof]
    rules: ListingRules
    progress: ReadProgress
    read: WholeFiles = attrs.field(factory=WholeFiles)

    def proof(self, plan: SealedPlan) -> Proof:
        """Every output that the view names, its bytes read again. Raises `Unreachable`."""
        findings = list(self._findings(plan))
        off = {one.where for one in findings}
        return Proof(tuple(findings), sum(one["output_id"] not in off for one in self.view.facts["locators"]))

    def _findings(self, plan: SealedPlan) -> Iterator[Finding]:
        stated = {one["output_id"]: one.get("content_digest") for one in self.view.facts["locators"]}
        proven = {output_id: node["hex"] for output_id, node in stated.items() if node is not None}
        for output_id in stated.keys() - proven.keys():
            yield Finding(ReasonCode.TRUTH_ALTERED, output_id, "its locator states no content digest")
        found: list[tuple[SealedOutput, OutputFiles]] = []
        for output in plan.outputs:
            if output.output_id not in proven:
                continue
            try:
                files = find_days(self.root, [part.path for part in output.parts(self.view.run_id)], self.rules)
            except EvidenceFault as fault:
                yield Finding(fault.code, output.output_id, f"MOVED: {fault.what}")
                continue
            if isinstance(files, Absent):
                yield Finding(ReasonCode.TRUTH_MISSING, output.output_id, f"MOVED: {files.path} is not there")
            else:
                found.append((output, files))
        wanted = [files for _, files in found]
        digests = digest_outputs(self.root, wanted, self.verifier.pool, self.progress, self.read)
        for (output, _), digest in zip(found, digests, strict=True):
            finding = self._compare(output, digest, proven[output.output_id])
            if finding is None:
                self.verifier.progress(f"output {output.output_id}: the same bytes as were proven")
            else:
                yield finding

    def _compare(self, output: SealedOutput, digest: ContentDigest | EvidenceFault, expected: str) -> Finding | None:
        if isinstance(digest, EvidenceFault):
            return Finding(digest.code, output.output_id, f"MOVED: {digest.what}")
        if digest.sha256 == expected:
            return None
        receipts = {one["output_id"]: one for one in self.view.facts.get("instance_receipts", ())}
        ref = receipts.get(output.output_id, {}).get("bundle_manifest_ref")
        what = f"proven with {expected}, now {digest.sha256}"
        if ref is None:
            proof = self.proofs.get(output.output_id)
            kept = None if proof is None else proof.version_id
            return _other_bytes(output.output_id, what, kept, digest.files[0].version_id)
        parts = part_list_at(self.verifier.store, ref, expected) if self.view.owns(ref) else None
        found = _culprit(parts, digest) if isinstance(parts, PartList) else None
        if found is None:  # what is no list, or another one, is a finding of its own; it tells nothing here
            return _other_bytes(output.output_id, what, None, None)
        path, kind = found
        now = {one.path: one.version_id for one in digest.files}
        told = f"{what}; first difference: {path} ({kind})"
        return _other_bytes(output.output_id, told, self._version(ref, path), now.get(path), gone=kind == "gone")

    def _version(self, ref: str, path: str) -> str | None:
        """Which object of a part was hashed, where that is stored beside the part list."""
        kept = versions_in(stored_sha256(self.verifier.store, _versions_beside(ref), keep=MAX_BYTES))
        version = kept.get(path) if isinstance(kept, dict) else None
        return version if isinstance(version, str) else None


def _versions_beside(ref: str) -> str:
    return f"{ref.rpartition('/')[0]}/{OBJECT_VERSIONS}"


def _culprit(parts: PartList, digest: ContentDigest) -> tuple[str, str] | None:
    """The first part that differs from a list of another digest, and how; None for what is no list."""
    try:
        how, path = next(differences(parts, digest.files), ("changed", "a part's size"))
    except EvidenceFault:
        return None
    return path, "gone" if how == "removed" else how


def _other_bytes(output_id: str, what: str, kept: str | None, now: str | None, *, gone: bool = False) -> Finding:
    """ROTTED: the very object that was proven has other bytes. MOVED: it is gone, or another is in its place."""
    replaced = kept is not None and now is not None and kept != now
    if replaced:
        what += f"; object {kept} was proven, {now} is there now"
    return Finding(ReasonCode.TRUTH_ALTERED, output_id, f"{'MOVED' if replaced or gone else 'ROTTED'}: {what}")
