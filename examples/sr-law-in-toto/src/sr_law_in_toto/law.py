"""The law."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from sr_law_in_toto.keys import SCHEMES, check_signed
from sr_law_in_toto.statement import Envelope, Subject, envelope_of, envelope_of_text
from sr_law_in_toto.vectors import VECTORS
from sr_ports import BundleView, EvidenceFault, IndexEntry, LawVector, ReasonCode

_LONGEST = 30_000
"""Characters of an envelope that are told beside one subject: a view's index takes a little more."""
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["public_key", "predicate_type"],
    "properties": {
        "public_key": {"type": "string", "pattern": "^-----BEGIN PUBLIC KEY-----"},
        "predicate_type": {"type": "string", "minLength": 1},
        "scheme": {"enum": list(SCHEMES)},
    },
    "additionalProperties": False,
}


@attrs.frozen
class InTotoStatement:
    """sha256 over path and sha256 of each subject of a signed statement, with what the files' bytes give.

    The flag is a DSSE envelope with an in-toto statement in it: flag and index in one. Params: ``public_key``, the key
    that must have signed it, in PEM; ``predicate_type``, the one that the statement must be of; ``scheme``, where it is
    not the usual one of such a key. Every file of an output that the gate authorises must be a subject.

    A law sees its flag without params, and the bundle without its flag. So `members` hands the envelope on to
    `digest`, cut in pieces, as what its entries claim; there it is held against the gate's own key before anything
    else is done.
    """

    kind: str = "in_toto_statement"
    version: str = "1"
    lists_outputs: bool = True
    params_schema: Mapping[str, Any] = _SCHEMA
    vectors: Sequence[LawVector] = VECTORS

    def stated(self, flag: bytes) -> str:
        """What the statement says, whoever signed it."""
        return _digest(envelope_of(flag).subjects())

    def members(self, flag: bytes) -> Iterator[IndexEntry]:
        """The subjects, and the envelope in pieces. Raises `EvidenceFault(DOCUMENT_TOO_LARGE)` for a long predicate."""
        envelope = envelope_of(flag)
        subjects, text = envelope.subjects(), envelope.text()
        length = -(-len(text) // len(subjects))
        if length > _LONGEST:
            why = f"a statement of {len(subjects)} subjects may have {len(subjects) * _LONGEST} characters"
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_LARGE, f"{why}, and has {len(text)}")
        for at, one in enumerate(subjects):
            yield IndexEntry(one.path, one.sha256, text[at * length : (at + 1) * length])

    def digest(self, bundle: BundleView) -> str:
        """What the bytes give. Raises `EvidenceFault` where the key did not sign, or the type is another."""
        entries = list(bundle.index())
        envelope = envelope_of_text("".join(entry.claim or "" for entry in entries))
        _check(envelope, bundle)
        if [one.path for one in envelope.subjects()] != [entry.path for entry in entries]:
            raise EvidenceFault(ReasonCode.FLAG_MALFORMED, "the index is not the statement's own")
        return _digest(Subject(entry.path, _hashed(bundle, entry.path)) for entry in entries)

    def culprit(self, bundle: BundleView) -> str | None:
        """The first file whose bytes are not those of its subject."""
        entries = (entry for entry in bundle.index() if entry.sha256_hex != _hashed(bundle, entry.path))
        return next((entry.path for entry in entries), None)


def _check(envelope: Envelope, bundle: BundleView) -> None:
    key, wanted, scheme = (bundle.params.get(name) for name in ("public_key", "predicate_type", "scheme"))
    if not isinstance(key, str) or not isinstance(wanted, str) or not isinstance(scheme, str | None):
        raise TypeError("the gate names no public_key, or no predicate_type")
    check_signed(envelope, key, scheme)
    if envelope.predicate_type != wanted:
        raise EvidenceFault(ReasonCode.FLAG_MALFORMED, f"the statement's predicateType is not {wanted}")


def _hashed(bundle: BundleView, path: str) -> str:
    """The bytes do not come here: whoever gives the view hashes them, and uses that for the outputs, too."""
    return bundle.sha256([path], base=bundle.method.path_base)


def _digest(subjects: Iterable[Subject]) -> str:
    whole = hashlib.sha256()
    for one in subjects:
        whole.update(json.dumps([one.path, one.sha256]).encode() + b"\n")
    return whole.hexdigest()
