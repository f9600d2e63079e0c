"""An artifact that a record derives, by its key: whether what stands is the record's own, and what should stand."""

from __future__ import annotations

import enum
from typing import Self, assert_never

import attrs

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal, signatures_of
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.layout import Layout
from sr_domain.run.held_run import HeldRun
from sr_ports import BadInput, Fault, ReasonCode, Signer


class _Kind(enum.Enum):
    PLAN = enum.auto()
    FACTS_VIEW = enum.auto()
    READY_SIGNAL = enum.auto()
    QUARANTINE = enum.auto()
    STATUS = enum.auto()
    ATTESTATION = enum.auto()


@attrs.frozen
class DerivedArtifact:
    """One artifact of a run, as its holder sees it."""

    key: str
    kind: _Kind

    @classmethod
    def at(cls, layout: Layout, run_id: str, key: str) -> Self:
        """The artifact of this run at `key`. Raises `BadInput(USAGE)` for any other key."""
        keys = {
            layout.plan(run_id): _Kind.PLAN,
            layout.facts(run_id): _Kind.FACTS_VIEW,
            layout.ready(run_id): _Kind.READY_SIGNAL,
            layout.quarantine(run_id): _Kind.QUARANTINE,
            layout.status(run_id): _Kind.STATUS,
            layout.attestation(run_id): _Kind.ATTESTATION,
        }
        if key not in keys:
            what = f"{key[:200]} is no artifact that the record of run {run_id} derives"
            raise BadInput(ReasonCode.USAGE, what, f"name one of these: {', '.join(keys)}")
        return cls(key, keys[key])

    def is_own(self, run: HeldRun, data: bytes) -> bool:
        """Whether these bytes are what the record derives; of a status, what it derived at any point."""
        if self.kind is _Kind.STATUS:
            return run.derives.was_status(data)
        if self.kind is _Kind.ATTESTATION:
            statement = run.derives.statement()
            return statement is not None and fault_in(data, statement) is None and not _forged(run, data, statement)
        digest = self._digest(run)
        own = digest or _digest_of(self.derived(run))
        return own == sha256_hex(data)

    def derived(self, run: HeldRun) -> bytes | None:
        """What should stand; None for nothing. An attestation that READY does not rest on yet is left to resume.

        Raises `Fault(RECORD_INVALID)` where the record gives something else than it has the digest of, and
        `BadInput(USAGE)` for an attestation that only its signer can give.
        """
        data, digest = self._derived(run), self._digest(run)
        if digest is not None and _digest_of(data) != digest:
            raise Fault(ReasonCode.RECORD_INVALID, f"{self.key} does not follow from the record of its run")
        return data

    def _derived(self, run: HeldRun) -> bytes | None:
        derives = run.derives
        match self.kind:
            case _Kind.PLAN:
                return derives.plan()
            case _Kind.FACTS_VIEW:
                return derives.facts_view()
            case _Kind.READY_SIGNAL:
                return derives.ready_signal()
            case _Kind.QUARANTINE:
                return derives.quarantine()
            case _Kind.STATUS:
                return derives.status()
            case _Kind.ATTESTATION:
                return self._signed(run)
            case _:
                assert_never(self.kind)

    def _signed(self, run: HeldRun) -> bytes | None:
        committed, statement = run.history.committed, run.derives.statement()
        if committed is None or committed.details.attestation_ref is None or statement is None:
            return None
        if run.ports.signer is None:
            what = f"the record says that {self.key} was signed, and no signer is wired here"
            raise BadInput(ReasonCode.USAGE, what, "set attest.signing_key in the profile")
        return normal(run.ports.signer.sign(PAYLOAD_TYPE, statement))

    def _digest(self, run: HeldRun) -> str | None:
        """The digest that the record has of it; None where it has none."""
        record = run.history
        match self.kind:
            case _Kind.PLAN:
                return None if record.plan is None else record.plan.details.run_plan_digest
            case _Kind.FACTS_VIEW:
                return None if record.decision is None else record.decision.details.facts_view_digest
            case _Kind.READY_SIGNAL:
                return None if record.committed is None else record.committed.details.ready_signal_digest
            case _Kind.QUARANTINE:
                return None if record.contradicted is None else record.contradicted.details.quarantine_digest
            case _Kind.STATUS | _Kind.ATTESTATION:
                return None
            case _:
                assert_never(self.kind)


def _digest_of(data: bytes | None) -> str | None:
    return None if data is None else sha256_hex(data)


def _forged(run: HeldRun, envelope: bytes, payload: bytes) -> bool:
    """Whether an envelope has a signature in the name of this worker's key that the key does not give."""
    signer = run.ports.signer
    return signer is not None and signed_by(signer, envelope, payload) is False


def signed_by(signer: Signer, envelope: bytes, payload: bytes) -> bool | None:
    """Whether a signature of this key in an envelope of `payload` is sound; None where there is none of this key.

    A signer checks nothing; but the same key signs the same payload in the same way.
    """
    fresh = signatures_of(normal(signer.sign(PAYLOAD_TYPE, payload)))
    named = {one for one in signatures_of(envelope) if one[0] in {keyid for keyid, _ in fresh}}
    return bool(named & fresh) if named else None
