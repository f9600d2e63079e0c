"""The law by itself: SR's own suite for laws, its vectors, and flags that are not taken."""

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from keys import PREDICATE, flag_of, pem, signed, signer, statement

from sr_law_in_toto.law import InTotoStatement
from sr_law_in_toto.statement import PAYLOAD_TYPE
from sr_ports import (
    BundleView,
    CutShort,
    EvidenceFault,
    HashingLaw,
    LawVector,
    Params,
    ReasonCode,
    VerificationMethod,
)
from sr_ports.conformance.bundles import MemoryBundle
from sr_ports.conformance.laws import Covers, HashingLawLaws

LAW = InTotoStatement()
FILES = {"a": b"1", "d/b": b"2"}


def method(key: str | None = None, predicate: str = PREDICATE) -> VerificationMethod:
    params = Params({"public_key": pem(signer()) if key is None else key, "predicate_type": predicate})
    return VerificationMethod(LAW.kind, params=params)


def bundle_of(flag: bytes, files: dict[str, bytes] = FILES, how: VerificationMethod | None = None) -> MemoryBundle:
    return MemoryBundle(files, tuple(LAW.members(flag)), how or method())


def proven(flag: bytes, files: dict[str, bytes] = FILES, how: VerificationMethod | None = None) -> bool:
    return LAW.digest(bundle_of(flag, files, how)) == LAW.stated(flag)


@attrs.frozen
class Signed:
    """The law over bundles whose index somebody signed: what the suite makes has no envelope."""

    kind: str = LAW.kind

    def digest(self, bundle: BundleView) -> str:
        assert isinstance(bundle, MemoryBundle)
        subjects = [{"name": one.path, "digest": {"sha256": one.sha256_hex}} for one in bundle.index()]
        entries = tuple(LAW.members(signed(json.dumps(statement({}, subject=subjects)).encode(), [signer()])))
        how = attrs.evolve(bundle.method, params=method().params)
        return LAW.digest(attrs.evolve(bundle, entries=entries, method=how))


class TestInTotoStatement(HashingLawLaws):
    @pytest.fixture
    def law(self) -> HashingLaw:
        return Signed()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers()


@pytest.mark.parametrize("vector", LAW.vectors, ids=lambda vector: vector.note)
def test_the_vectors(vector: LawVector) -> None:
    flag = vector.files["flag.json"]
    if vector.digest is None:
        with pytest.raises(EvidenceFault):
            LAW.digest(MemoryBundle(vector.files, tuple(LAW.members(flag)), vector.method, flag=vector.flag))
        return
    bundle = MemoryBundle(vector.files, tuple(LAW.members(flag)), vector.method, flag=vector.flag)
    assert LAW.digest(bundle) == vector.digest
    assert (LAW.stated(flag) == vector.digest) is vector.stated
    assert LAW.culprit(bundle) == (None if vector.stated else "d/b")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_statement_that_the_key_signed_is_proven_whatever_else_is_signed_beside(kind: str) -> None:
    mine, other = signer(kind), signer("ed25519", 1)
    for flag in (flag_of(FILES, mine), flag_of(FILES, other, mine), flag_of(FILES, mine, other)):
        assert proven(flag, how=method(pem(mine)))
        assert not proven(flag, {**FILES, "d/b": b"3"}, method(pem(mine)))


def test_a_key_id_decides_nothing() -> None:
    node = json.loads(flag_of(FILES))
    node["signatures"][0]["keyid"] = ""
    assert proven(json.dumps(node).encode())
    forged = json.loads(flag_of(FILES, signer("ed25519", 1)))
    forged["signatures"][0]["keyid"] = json.loads(flag_of(FILES))["signatures"][0]["keyid"]
    with pytest.raises(EvidenceFault, match="no signature of the statement is by the gate's key"):
        proven(json.dumps(forged).encode())


def changed(**changes: Any) -> bytes:
    """A sound envelope, a field of it changed after it was signed."""
    return json.dumps({**json.loads(flag_of(FILES)), **changes}).encode()


def swapped() -> bytes:
    """The signature of one statement beside another statement."""
    return changed(payload=json.loads(flag_of({**FILES, "a": b"9"}))["payload"])


SUBJECT = {"name": "a", "digest": {"sha256": "0" * 64}}
UNPROVEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "not signed": (lambda: changed(signatures=[]), "has no signature"),
    "signatures are no list": (lambda: changed(signatures={}), "has no signature"),
    "a signature without sig": (lambda: changed(signatures=[{"keyid": "a"}]), "a signature is no text"),
    "a signature that is no base64": (lambda: changed(signatures=[{"sig": "%%"}]), "no base64"),
    "a signature of nothing": (lambda: changed(signatures=[{"sig": ""}]), "no signature of the statement"),
    "of another statement": (swapped, "no signature of the statement"),
    "another key": (lambda: flag_of(FILES, signer("ed25519", 1)), "no signature of the statement"),
    "a key of another kind": (lambda: flag_of(FILES, signer("ecdsa")), "no signature of the statement"),
    "another payload type": (lambda: changed(payloadType="application/json"), "payloadType is not"),
    "signed as another payload type": (
        lambda: signed(json.dumps(statement(FILES)).encode(), [signer()], "application/json"),
        "payloadType is not",
    ),
    "a payload type that is told otherwise": (
        lambda: json.dumps(
            {
                **json.loads(signed(json.dumps(statement(FILES)).encode(), [signer()], "application/json")),
                "payloadType": PAYLOAD_TYPE,
            }
        ).encode(),
        "no signature of the statement",
    ),
    "another predicate": (lambda: flag_of(FILES, predicateType="https://slsa.dev/provenance/v1"), "predicateType"),
    "no predicate type": (lambda: flag_of(FILES, predicateType=None), "predicateType"),
    "no statement": (lambda: flag_of(FILES, _type="https://example.com/other"), "no in-toto statement"),
    "no subject": (lambda: flag_of({}), "has no subject"),
    "a subject without a name": (lambda: flag_of({}, subject=[{"digest": SUBJECT["digest"]}]), "no name"),
    "a subject without sha256": (lambda: flag_of({}, subject=[{"name": "a", "digest": {"sha1": "0"}}]), "no sha256"),
    "two digests for one file": (
        lambda: flag_of({}, subject=[SUBJECT, {"name": "./a", "digest": {"sha256": "1" * 64}}]),
        "two digests for a",
    ),
    "a subject outside": (lambda: flag_of({}, subject=[{**SUBJECT, "name": "../a"}]), "outside the bundle"),
    "a subject that is a folder": (lambda: flag_of({}, subject=[{**SUBJECT, "name": "a/"}]), "names no file"),
    "half a character": (lambda: flag_of({}, subject=[{**SUBJECT, "name": "\ud800"}]), "names no file"),
    "a name twice": (lambda: flag_of(FILES).replace(b'{"payload":', b'{"payload": "", "payload":'), "stands twice"),
    "no JSON": (lambda: b"%PDF-1.7\n", "no JSON"),
    "a list": (lambda: b"[]", "no JSON object"),
    "a payload that is no JSON": (lambda: signed(b"hello", [signer()]), "no JSON"),
    "a payload that is no UTF-8": (lambda: signed(b"\xff{}", [signer()]), "no UTF-8"),
    "a number of many digits": (lambda: signed(b'{"a":' + b"1" * 5000 + b"}", [signer()]), "cannot be read"),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_is_not_signed_by_the_key_or_no_statement_about_the_files_is_never_proven(name: str) -> None:
    made, why = UNPROVEN[name]
    with pytest.raises(EvidenceFault, match=why) as fault:
        proven(made())
    assert not isinstance(fault.value, CutShort)
    signature = "no signature of" in why
    assert (fault.value.code is ReasonCode.ATTESTATION_INVALID) is signature


@pytest.mark.parametrize("end", [0, 1, 30, -1, -2])
def test_an_envelope_that_is_still_being_written_is_waited_for(end: int) -> None:
    with pytest.raises(CutShort):
        LAW.stated(flag_of(FILES)[:end])


@pytest.mark.parametrize("key", ["", "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----\n"])
def test_a_key_that_is_none_says_nothing_of_the_evidence(key: str) -> None:
    with pytest.raises(ValueError):
        proven(flag_of(FILES), how=method(key))


def test_an_index_that_is_not_the_statement_s_own_is_not_judged() -> None:
    whole = bundle_of(flag_of(FILES))
    for entries in (whole.entries[:1], whole.entries[::-1], ()):
        with pytest.raises(EvidenceFault):
            LAW.digest(attrs.evolve(whole, entries=entries))


def test_many_subjects_and_a_long_predicate() -> None:
    files = {f"d/{number}": str(number).encode() for number in range(500)}
    flag = flag_of(files, predicate={"log": "x" * 100_000})
    assert proven(flag, files)
    with pytest.raises(EvidenceFault, match="may have 30000 characters"):
        list(LAW.members(flag_of({"a": b""}, predicate={"log": "x" * 100_000})))
