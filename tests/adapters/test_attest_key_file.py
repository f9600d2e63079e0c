"""The key file signer: its port's laws, and what is said of a key file that will not do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sr_adapters.attest.dsse import build_checker, build_signer
from sr_adapters.attest.settings import PublicKey, SigningKey
from sr_ports import BadInput, ReasonCode, SignatureChecker, Signer, Wiring
from sr_ports.conformance.signers import PAYLOAD, TYPE, SignerLaws
from tests.wired import wired

NO_PASSPHRASE = NoEncryption()


def write_key(path: Path, key: Any = None, encryption: Any = NO_PASSPHRASE) -> str:
    """A private key in PEM form, an Ed25519 one by default; its path."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    half = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(half)
    return str(path)


def signing(**settings: Any) -> Wiring[SigningKey]:
    return wired(SigningKey, "attest", settings)


def checking(**settings: Any) -> Wiring[PublicKey]:
    return wired(PublicKey, "signature_checker", settings)


class TestKeyFile(SignerLaws):
    @pytest.fixture
    def signer(self, tmp_path: Path) -> Signer:
        return build_signer(signing(signing_key=write_key(tmp_path / "key.pem")))

    @pytest.fixture
    def checker(self, signer: Signer, tmp_path: Path) -> SignatureChecker:
        return build_checker(checking(public_key=str(tmp_path / "key.pub")))

    @pytest.fixture
    def stranger(self, tmp_path: Path) -> SignatureChecker:
        write_key(tmp_path / "other.pem")
        return build_checker(checking(public_key=str(tmp_path / "other.pub")))

    def test_one_payload_is_one_envelope_byte_for_byte(self, signer: Signer, tmp_path: Path) -> None:
        again = build_signer(signing(signing_key=str(tmp_path / "key.pem")))
        assert signer.sign(TYPE, PAYLOAD) == again.sign(TYPE, PAYLOAD)
        assert again.keyid == signer.keyid

    def test_the_secret_is_shown_nowhere(self, signer: Signer, tmp_path: Path) -> None:
        secret = (tmp_path / "key.pem").read_text().splitlines()[1]
        assert secret not in repr(signer) + signer.sign(TYPE, PAYLOAD).decode()


def test_the_envelope_is_what_dsse_prescribes(tmp_path: Path) -> None:
    envelope = json.loads(build_signer(signing(signing_key=write_key(tmp_path / "key.pem"))).sign(TYPE, PAYLOAD))
    assert sorted(envelope) == ["payload", "payloadType", "signatures"]
    assert [sorted(one) for one in envelope["signatures"]] == [["keyid", "sig"]]


def private(tmp_path: Path, how: str) -> Any:
    path = tmp_path / "key.pem"
    match how:
        case "encrypted":
            return write_key(path, encryption=BestAvailableEncryption(b"secret"))
        case "another kind":
            return write_key(path, ec.generate_private_key(ec.SECP256R1()))
        case "public":
            write_key(path)
            return str(path.with_suffix(".pub"))
        case "junk":
            path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        case "large":
            path.write_bytes(b"x" * 100_000)
        case "folder":
            path.mkdir()
        case "nothing":
            return ""
        case "number":
            return 7
    return str(path)


@pytest.mark.parametrize(
    ("how", "said", "remedy"),
    [
        ("missing", "No such file", "check the path"),
        ("folder", "cannot be read", "check the path"),
        ("encrypted", "passphrase", "openssl pkey"),
        ("another kind", "no Ed25519 key", "openssl genpkey -algorithm ed25519"),
        ("public", "no private key", "openssl genpkey"),
        ("junk", "no private key", "openssl genpkey"),
        ("large", "larger than a key", "openssl genpkey"),
        ("nothing", "must be a path", "openssl genpkey"),
        ("number", "must be a path", ""),
    ],
)
def test_a_signing_key_that_will_not_do_is_told_with_its_remedy(
    tmp_path: Path, how: str, said: str, remedy: str
) -> None:
    with pytest.raises(BadInput) as caught:
        build_signer(signing(signing_key=private(tmp_path, how)))
    assert caught.value.code is ReasonCode.PROFILE_INVALID
    assert "attest.signing_key" in caught.value.what
    assert said in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("how", ["missing", "private", "junk", "nothing"])
def test_a_public_key_that_will_not_do_is_told(tmp_path: Path, how: str) -> None:
    path = tmp_path / "key.pem"
    if how == "private":
        write_key(path)
    elif how == "junk":
        path.write_bytes(b"ssh-ed25519 AAAA")
    with pytest.raises(BadInput) as caught:
        build_checker(checking(public_key="" if how == "nothing" else str(path)))
    assert caught.value.code is ReasonCode.USAGE
    assert "openssl pkey -in KEY -pubout" in caught.value.remedy
    if how == "private":
        assert "is a private key" in caught.value.what


def test_a_checker_takes_keys_of_other_kinds_for_other_signers(tmp_path: Path) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    key = ec.generate_private_key(ec.SECP256R1())
    write_key(tmp_path / "ec.pem", key)
    envelope = Envelope(PAYLOAD, TYPE, {})
    envelope.sign(CryptoSigner(key))
    build_checker(checking(public_key=str(tmp_path / "ec.pub"))).check(json.dumps(envelope.to_dict()).encode())
