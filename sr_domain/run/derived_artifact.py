"""An artifact of a run, by its key: whether what stands is the record's own, and what should stand.

A part list is named by its own digest: what has another one in its place is nobody's, whichever run meets it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from typing import Self, assert_never

import attrs

from sr_domain.artifacts.attestation import PAYLOAD_TYPE, fault_in, normal, signatures_of
from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.canonical import sha256_hex
from sr_domain.record.layout import Layout
from sr_domain.run.derived import Derived
from sr_ports import BadInput, Fault, ObjectStore, ReasonCode, Signer
from sr_ports.compared import Compared

_PART_LIST = re.compile(r"part_lists/[0-9a-f]{64}\.json")


class _Kind(enum.Enum):
    PLAN = enum.auto()
    FACTS_VIEW = enum.auto()
    READY_SIGNAL = enum.auto()
    QUARANTINE = enum.auto()
    STATUS = enum.auto()
    ATTESTATION = enum.auto()
    PART_LIST = enum.auto()


@attrs.frozen(eq=False, repr=False)
class DerivedArtifact(Compared):
    """One artifact of a run. `derives`: what its record derives. `signer`: this worker's; None for none."""

    key: str
    kind: _Kind
    derives: Derived
    signer: Signer | None = None

    @classmethod
    def at(cls, key: str, derives: Derived, signer: Signer | None = None) -> Self:
        """The artifact of the run, or the part list, at `key`. Raises `BadInput(USAGE)` for any other key."""
        keys = _keys(derives.layout, derives.ledger.run_id)
        if _PART_LIST.fullmatch(key.removeprefix(f"{derives.layout.base}/")):
            return cls(key, _Kind.PART_LIST, derives, signer)
        if key not in keys:
            what = f"{key[:200]} is no artifact that the record of run {derives.ledger.run_id} derives"
            raise BadInput(ReasonCode.USAGE, what, f"name one of these: {', '.join(keys)}")
        return cls(key, keys[key], derives, signer)

    @classmethod
    def each(cls, derives: Derived) -> Iterator[Self]:
        """Every artifact of the run, in the order in which a run writes."""
        for key, kind in _keys(derives.layout, derives.ledger.run_id).items():
            yield cls(key, kind, derives)

    @property
    def shared(self) -> bool:
        """Whether any other run may rest on it."""
        return self.kind is _Kind.PART_LIST

    def stands_own(self, store: ObjectStore) -> bool | None:
        """Whether what stands at its key is what the record derives; None where nothing does. Raises as `is_own`."""
        if self.kind is _Kind.PART_LIST:  # as long as its files are many, and its digest tells all
            from sr_domain.run.stored import stored_sha256  # which no run on its way to READY asks

            stands = stored_sha256(store, self.key)
            return None if stands is None else self.key == self.derives.layout.part_list(stands.sha256)
        blob = store.read(self.key)
        return None if blob is None else self.is_own(blob.data)

    def is_own(self, data: bytes) -> bool:
        """Whether these bytes are what the record derives; of a status, what it derived at any point.

        A READY signal beside a view that the first release adopted is its own where it is of that bundle.
        """
        if self.kind is _Kind.STATUS:
            return self.derives.was_status(data)
        if self.kind is _Kind.ATTESTATION:
            return self._is_own_envelope(data)
        if self.kind is _Kind.PART_LIST:
            return self.key == self.derives.layout.part_list(sha256_hex(data))
        digest, decided = self._digest, self.derives.record.decision
        if digest is None and self.kind is _Kind.READY_SIGNAL and decided is not None and not decided.details.decision:
            return self.derives.record.committed is not None and _bundle_in(data) == decided.details.bundle_hash
        return (digest or _digest_of(self.derived())) == sha256_hex(data)

    def _is_own_envelope(self, data: bytes) -> bool:
        decided = self.derives.record.decision
        if decided is not None and decided.details.decision is None:
            return True  # of an adopted view the record has the digest alone: audit looks at the two together
        statement = self.derives.statement()
        if statement is None or fault_in(data, statement) is not None:
            return False
        return self.signer is None or signed_by(self.signer, data, statement) is not False

    def derived(self) -> bytes | None:
        """What should stand; None for nothing, or for what only a run that reads the evidence can write again.

        An attestation that READY does not rest on yet is left to resume.

        Raises `Fault(RECORD_INVALID)` where the record gives something else than it has the digest of, and
        `BadInput(USAGE)` for an attestation that only its signer can give.
        """
        data, digest = self._derived(), self._digest
        if digest is not None and _digest_of(data) != digest:
            raise Fault(ReasonCode.RECORD_INVALID, f"{self.key} does not follow from the record of its run")
        return data

    def _derived(self) -> bytes | None:
        match self.kind:
            case _Kind.PLAN:
                return self.derives.plan()
            case _Kind.FACTS_VIEW:
                return self.derives.facts_view()
            case _Kind.READY_SIGNAL:
                return self.derives.ready_signal()
            case _Kind.QUARANTINE:
                return self.derives.quarantine()
            case _Kind.STATUS:
                return self.derives.status()
            case _Kind.ATTESTATION:
                return self._signed()
            case _Kind.PART_LIST:
                return None
            case _:
                assert_never(self.kind)

    def _signed(self) -> bytes | None:
        committed, statement = self.derives.record.committed, self.derives.statement()
        if committed is None or committed.details.attestation_ref is None or statement is None:
            return None
        if self.signer is None:
            what = f"the record says that {self.key} was signed, and no signer is wired here"
            raise BadInput(ReasonCode.USAGE, what, "set attest.signing_key in the profile")
        return normal(self.signer.sign(PAYLOAD_TYPE, statement))

    @property
    def _digest(self) -> str | None:
        """The digest that the record has of it; None where it has none."""
        record = self.derives.record
        match self.kind:
            case _Kind.PLAN:
                return None if record.plan is None else record.plan.details.run_plan_digest
            case _Kind.FACTS_VIEW:
                return None if record.decision is None else record.decision.details.facts_view_digest
            case _Kind.READY_SIGNAL:
                return None if record.committed is None else record.committed.details.ready_signal_digest
            case _Kind.QUARANTINE:
                return None if record.contradicted is None else record.contradicted.details.quarantine_digest
            case _Kind.STATUS | _Kind.ATTESTATION | _Kind.PART_LIST:
                return None
            case _:
                assert_never(self.kind)


def _keys(layout: Layout, run_id: str) -> dict[str, _Kind]:
    return {
        layout.plan(run_id): _Kind.PLAN,
        layout.facts(run_id): _Kind.FACTS_VIEW,
        layout.attestation(run_id): _Kind.ATTESTATION,
        layout.ready(run_id): _Kind.READY_SIGNAL,
        layout.quarantine(run_id): _Kind.QUARANTINE,
        layout.status(run_id): _Kind.STATUS,
    }


def _bundle_in(signal: bytes) -> object:
    """The bundle that a stored READY signal speaks of."""
    try:
        document = stored_json(signal)
    except ValueError:
        return None
    return document.get("bundle_hash") if isinstance(document, dict) else None


def _digest_of(data: bytes | None) -> str | None:
    return None if data is None else sha256_hex(data)


def signed_by(signer: Signer, envelope: bytes, payload: bytes) -> bool | None:
    """Whether a signature of this key in an envelope of `payload` is sound; None where there is none of this key.

    A signer checks nothing; but the same key signs the same payload in the same way.
    """
    fresh = signatures_of(normal(signer.sign(PAYLOAD_TYPE, payload)))
    named = {one for one in signatures_of(envelope) if one[0] in {keyid for keyid, _ in fresh}}
    return bool(named & fresh) if named else None
