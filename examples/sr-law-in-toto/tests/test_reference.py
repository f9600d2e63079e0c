"""The law beside securesystemslib: what it signs is proven, and what it does not verify never is."""

import hashlib
import json
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.json_format import MessageToJson
from hypothesis import given, settings
from hypothesis import strategies as st
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from keys import KINDS, PREDICATE, flag_of, pem, signed, signer
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey

from sr_law_in_toto.law import InTotoStatement
from sr_law_in_toto.statement import PAYLOAD_TYPE
from sr_ports import EvidenceFault, Params, VerificationMethod
from sr_ports.conformance.bundles import MemoryBundle

LAW = InTotoStatement()
_PART = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda part: part not in (".", "..")
)
TREES = st.dictionaries(
    st.lists(_PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=30), min_size=1, max_size=5
)
QUICK = settings(max_examples=60, deadline=None)


def proven(tree: Mapping[str, bytes], flag: bytes, key: str) -> bool:
    """Whether the law's digest of the bundle is the one that the statement states."""
    method = VerificationMethod(LAW.kind, params=Params({"public_key": key, "predicate_type": PREDICATE}))
    try:
        return LAW.stated(flag) == LAW.digest(MemoryBundle(tree, tuple(LAW.members(flag)), method))
    except EvidenceFault:
        return False


def verified(tree: Mapping[str, bytes], flag: bytes, key: str) -> bool:
    """What securesystemslib says of the envelope, and whether the subjects' digests are those of the files."""
    envelope = Envelope.from_dict(json.loads(flag))
    known = SSlibKey.from_crypto(load_pem_public_key(key.encode()))
    for one in envelope.signatures.values():
        try:
            known.verify_signature(Signature(known.keyid, one.signature), envelope.pae())
        except UnverifiedSignatureError:
            continue
        told = json.loads(envelope.payload)
        return envelope.payload_type == PAYLOAD_TYPE and all(
            hashlib.sha256(tree[one["name"]]).hexdigest() == one["digest"]["sha256"] for one in told["subject"]
        )
    return False


@QUICK
@given(tree=TREES, kind=st.sampled_from(KINDS))
def test_what_securesystemslib_signs_is_proven(tree: Mapping[str, bytes], kind: str) -> None:
    flag, key = flag_of(tree, signer(kind)), pem(signer(kind))
    assert verified(tree, flag, key)
    assert proven(tree, flag, key)
    assert not proven(tree, flag, pem(signer("ed25519", 1)))


@QUICK
@given(tree=TREES, data=st.data())
def test_a_tree_with_another_byte_is_proven_to_neither(tree: Mapping[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(tree)))
    flag, key = flag_of(tree), pem(signer())
    other = {**tree, name: tree[name] + b"!"}
    assert not verified(other, flag, key)
    assert not proven(other, flag, key)


@QUICK
@given(tree=TREES, kind=st.sampled_from(KINDS), data=st.data())
def test_an_envelope_that_was_tampered_with_is_proven_only_where_securesystemslib_verifies_it(
    tree: Mapping[str, bytes], kind: str, data: st.DataObject
) -> None:
    flag, key = bytearray(flag_of(tree, signer(kind))), pem(signer(kind))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 1 << 20)) % len(flag)  # signatures of some kinds are never twice as long
        flag[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    if proven(tree, bytes(flag), key):
        assert verified(tree, bytes(flag), key)


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_of_the_in_toto_project_s_own_bindings_is_proven(kind: str) -> None:
    tree = {"data/orders.csv": b"1,2\n", "report.txt": b"well"}
    subjects = [
        ResourceDescriptor(name=name, digest={"sha256": hashlib.sha256(data).hexdigest()}).pb
        for name, data in tree.items()
    ]
    made = Statement(subjects=subjects, predicate_type=PREDICATE, predicate={"verifier": {"id": "https://a.example"}})
    made.validate()
    flag = signed(MessageToJson(made.pb).encode(), [signer(kind)])
    assert proven(tree, flag, pem(signer(kind)))
    assert not proven({**tree, "report.txt": b"ill"}, flag, pem(signer(kind)))
