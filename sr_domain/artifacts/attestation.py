"""Signed READY: what is stated about a facts view, and the envelope it stands in.

The statement is an in-toto Statement v1 with SLSA's Verification Summary v1 as its predicate
(https://slsa.dev/spec/v1.1/verification_summary), a function of the record alone. What its subjects are
is a matter of the revision of the rules.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from sr_domain.encoding.bounds import stored_json
from sr_domain.encoding.canonical import canonical_json, exact_json
from sr_domain.encoding.contracts import problem
from sr_domain.record.layout import Layout
from sr_domain.record.revisions import FIRST
from sr_ports import Fault, ReasonCode
from sr_ports.compared import Compared

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "pkg:pypi/scenario-runner"
READY_LEVEL = "SCENARIO_RUNNER_READY"
"""The only level claimed: READY says nothing of any SLSA track, and a custom value may be given."""
RULES_VERSION = "scenario-runner-rules"
"""What the revision of the rules is called among the versions of the verifier; a statement of the first has none."""
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@attrs.frozen(eq=False, repr=False)
class Ready(Compared):
    """A decided run, as a signature on its READY states it.

    `facts`: the view. Digests are hex64: `facts_digest`, `plan_digest` of the stored bytes of view and plan,
    `decision_digest` of the decision's line in the record, which binds every line before it. `decided_at`: UTC.
    """

    layout: Layout
    facts: Mapping[str, Any]
    facts_digest: str
    plan_digest: str
    decision_digest: str
    decided_at: str

    @property
    def run_id(self) -> str:
        """The run that the view is of."""
        return str(self.facts["run_id"])


def statement(ready: Ready, subjects: Iterable[tuple[str, str]], revision: int) -> bytes:
    """The RFC 8785 bytes of a statement, the payload that is signed. `subjects`: name and sha256 of each.

    `revision`: of the rules; every one but the first is stated.
    """
    rev = ready.facts["policy_rev"]
    rules = {} if revision == FIRST else {"version": {RULES_VERSION: str(revision)}}
    stated = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER, **rules},
            "timeVerified": ready.decided_at,
            "resourceUri": f"scenario-runner:{ready.layout.facts(ready.run_id)}",
            "policy": {
                "uri": f"scenario-runner:policy/{_quoted(rev['policy_id'])}/{_quoted(rev['revision'])}",
                "digest": {"sha256": rev["content_digest"]},
            },
            "verificationResult": "PASSED",
            "verifiedLevels": [READY_LEVEL],
        },
    }
    return canonical_json(stated)


def decision_subject(layout: Layout, run_id: str) -> str:
    """How a statement names a record up to its decision: its digest is that of the decision's line."""
    return f"{layout.record(run_id)}#EVIDENCE_COMPLETE"


@attrs.frozen(eq=False, repr=False)
class Stated(Compared):
    """What the payload of an envelope states. `subjects`: sha256 by name. `revision`: of the rules it was made by."""

    payload: bytes
    subjects: Mapping[str, str]
    revision: int
    verified_at: str

    @classmethod
    def in_envelope(cls, envelope: bytes) -> Stated:
        """What a stored envelope states; its signatures are not looked at.

        Raises `Fault(ATTESTATION_INVALID)` for what is no envelope or holds no statement of SR's.
        """
        payload = payload_of(envelope)
        try:
            node = stored_json(payload)
            named = [(one["name"], one["digest"]["sha256"]) for one in node["subject"]]
            predicate = node["predicate"]
            revision = int(predicate["verifier"].get("version", {}).get(RULES_VERSION, FIRST))
            stated = cls(payload, dict(named), revision, predicate["timeVerified"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _invalid("it holds no statement with subjects") from error
        if len(stated.subjects) != len(named):
            raise _invalid("it names a subject twice")
        return stated

    def ready(self, layout: Layout, facts: Mapping[str, Any], facts_digest: str) -> Ready:
        """A run with this view, decided and planned as stated here: what it states of the view can be told by it."""
        run_id = str(facts["run_id"])
        plan = self.subjects.get(layout.plan(run_id), "")
        decision = self.subjects.get(decision_subject(layout, run_id), "")
        return Ready(layout, facts, facts_digest, plan, decision, self.verified_at)


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
    return None if payload == expected else difference(payload, expected)


def difference(payload: bytes, expected: bytes) -> str:
    """What a payload states otherwise than expected, the first subject by name."""
    try:
        stated = {one["name"]: one["digest"] for one in stored_json(payload)["subject"]}
    except (ValueError, KeyError, TypeError):
        return "it holds no statement with subjects"
    wanted = {one["name"]: one["digest"] for one in json.loads(expected)["subject"]}
    for name in (*wanted, *stated):
        if stated.get(name) != wanted.get(name):
            return f"it states something else of {str(name)[:200]}"
    return "it states something else than the record"


def _parsed(envelope: bytes) -> dict[str, Any]:
    try:
        document = stored_json(envelope)
    except ValueError as error:
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
