"""Signed READY: what is stated about a facts view, and the envelope it stands in.

The statement is an in-toto Statement v1 with SLSA's Verification Summary v1 as its predicate
(https://slsa.dev/spec/v1.0/verification_summary), a function of the record and the facts view.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from sr_domain.encoding.canonical import canonical_json, exact_json
from sr_domain.encoding.contracts import problem
from sr_domain.record.layout import Layout
from sr_ports import Fault, ReasonCode

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "pkg:pypi/scenario-runner"
READY_LEVEL = "SCENARIO_RUNNER_READY"
"""The only level claimed: READY says nothing of any SLSA track, and a custom value may be given."""
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def statement(layout: Layout, facts: Mapping[str, Any], digest: str, decided_at: str) -> dict[str, Any]:
    """What READY's signature states. `digest`: of the facts view's stored bytes, hex64. `decided_at`: UTC.

    Subjects: the facts view by its ref and stored bytes, and every output by id and content digest.
    """
    view, rev = layout.facts(facts["run_id"]), facts["policy_rev"]
    proven = [one for one in facts["locators"] if "content_digest" in one]
    subjects = [(view, digest), *((one["output_id"], one["content_digest"]["hex"]) for one in proven)]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER},
            "timeVerified": decided_at,
            "resourceUri": f"scenario-runner:{view}",
            "policy": {
                "uri": f"scenario-runner:policy/{_quoted(rev['policy_id'])}/{_quoted(rev['revision'])}",
                "digest": {"sha256": rev["content_digest"]},
            },
            "verificationResult": "PASSED",
            "verifiedLevels": [READY_LEVEL],
        },
    }


def statement_bytes(layout: Layout, facts: Mapping[str, Any], digest: str, decided_at: str) -> bytes:
    """The statement's RFC 8785 bytes: the payload that is signed."""
    return canonical_json(statement(layout, facts, digest, decided_at))


def payload_of(envelope: bytes) -> bytes:
    """The payload of a stored envelope; its signatures are not looked at.

    Raises `Fault(ATTESTATION_INVALID)` for what is no envelope, or spelt in another way than
    it was written: a byte more or less anywhere is an alteration.
    """
    document = _parsed(envelope)
    texts = [document["payload"], *(one["sig"] for one in document["signatures"])]
    if document["payloadType"] != PAYLOAD_TYPE or not all(map(_is_base64, texts)) or exact_json(document) != envelope:
        raise _invalid("the envelope is not spelt as it was written")
    return b64decode(document["payload"])


def signatures_of(envelope: bytes) -> set[tuple[str, str]]:
    """Key id and signature, base64, of each that an envelope has; unchecked. Raises `Fault(ATTESTATION_INVALID)`."""
    return {(str(one.get("keyid", "")), one["sig"]) for one in _parsed(envelope)["signatures"]}


def normal(envelope: bytes) -> bytes:
    """A signer's envelope, as it is stored. Raises `Fault(ATTESTATION_INVALID)` for what is none."""
    return exact_json(_parsed(envelope))


def fault_in(envelope: bytes, expected: bytes) -> str | None:
    """What is wrong with a stored envelope that should hold the payload `expected`; None when nothing is.

    Its signatures are not looked at.
    """
    try:
        payload = payload_of(envelope)
    except Fault as fault:
        return fault.what
    return None if payload == expected else _difference(payload, expected)


def _difference(payload: bytes, expected: bytes) -> str:
    """What a payload states otherwise than expected, the first subject by name."""
    try:
        stated = {one["name"]: one["digest"] for one in json.loads(payload)["subject"]}
    except (ValueError, KeyError, TypeError):
        return "it holds no statement with subjects"
    wanted = {one["name"]: one["digest"] for one in json.loads(expected)["subject"]}
    for name in (*wanted, *stated):
        if stated.get(name) != wanted.get(name):
            return f"it states something else of {str(name)[:200]}"
    return "it states something else than the record"


def _parsed(envelope: bytes) -> dict[str, Any]:
    try:
        document = json.loads(envelope)
    except (ValueError, RecursionError) as error:
        raise _invalid("the envelope is not JSON") from error
    misfit = problem("attestation", document)
    if misfit is not None:
        raise _invalid(f"it is no DSSE envelope: {misfit.what}")
    made: dict[str, Any] = document
    return made


def _is_base64(text: str) -> bool:
    """Whether the text is base64 in its one canonical spelling, unused bits zero."""
    try:
        return b64encode(b64decode(text, validate=True)).decode() == text
    except ValueError:
        return False


def _quoted(text: str) -> str:
    """Percent-encoded (RFC 3986), fit for one segment of a path."""
    return "".join(chr(one) if one in _PLAIN else f"%{one:02X}" for one in text.encode())


def _invalid(what: str) -> Fault:
    return Fault(ReasonCode.ATTESTATION_INVALID, what)
