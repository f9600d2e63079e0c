"""Whether a key signed an envelope: by securesystemslib, which in-toto and TUF are built on."""

# pyright: reportPrivateImportUsage=false
# securesystemslib names its classes in its package without saying that it exports them.

from sr_law_in_toto.statement import PAYLOAD_TYPE, Envelope
from sr_ports import EvidenceFault, ReasonCode

SCHEMES = ("ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsassa-pss-sha256", "rsa-pkcs1v15-sha256")


def check_signed(envelope: Envelope, pem: str, scheme: str | None) -> None:
    """Return where one of the signatures is the key's. Raises `EvidenceFault(ATTESTATION_INVALID)`.

    Raises `ValueError` for a key that is none: that is the gate map's fault, and says nothing of the evidence.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.dsse import Envelope as Signed
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature, SSlibKey

    key = SSlibKey.from_crypto(load_pem_public_key(pem.encode()), scheme=scheme)
    signed = Signed(envelope.payload.encode(), PAYLOAD_TYPE, {}).pae()
    for signature in envelope.signatures:
        try:
            key.verify_signature(Signature(key.keyid, signature.hex()), signed)
        except UnverifiedSignatureError:
            continue
        return
    raise EvidenceFault(
        ReasonCode.ATTESTATION_INVALID, f"no signature of the statement is by the gate's key {key.keyid}"
    )
