"""A signer on paper, for tests of what is done with signatures: anybody could forge it."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode

import attrs

from sr_ports import Fault, ReasonCode


@attrs.frozen
class Paper:
    """Signer and checker of one key that is no secret."""

    keyid: str = "paper"

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        sig = {"keyid": self.keyid, "sig": self._sig(payload_type, payload)}
        document = {"payloadType": payload_type, "payload": b64encode(payload).decode(), "signatures": [sig]}
        return json.dumps(document, indent=1).encode()

    def check(self, envelope: bytes) -> None:
        try:
            document = json.loads(envelope)
            wanted = self._sig(document["payloadType"], b64decode(document["payload"], validate=True))
            sigs = {one["keyid"]: one["sig"] for one in document["signatures"]}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Fault(ReasonCode.ATTESTATION_INVALID, "it is no DSSE envelope") from error
        if sigs.get(self.keyid) != wanted:
            raise Fault(ReasonCode.ATTESTATION_INVALID, f"it is not signed by {self.keyid}, but by {sorted(sigs)}")

    def _sig(self, payload_type: str, payload: bytes) -> str:
        whole = b"%s %s %s" % (self.keyid.encode(), payload_type.encode(), payload)
        return b64encode(hashlib.sha256(whole).digest()).decode()
