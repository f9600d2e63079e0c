"""Test vectors: a statement that securesystemslib 1.6.0 signed, and what the law makes of it."""

from collections.abc import Mapping
from typing import Final

from sr_ports import LawVector, Params, VerificationMethod

PREDICATE: Final = "https://slsa.dev/verification_summary/v1"
PUBLIC_KEY: Final = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
"""
OTHER_KEY: Final = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
_PAYLOAD: Final = (
    b"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoiYSIsImRpZ2VzdCI6eyJzaGEyNTYi"
    b"OiJlM2IwYzQ0Mjk4ZmMxYzE0OWFmYmY0Yzg5OTZmYjkyNDI3YWU0MWU0NjQ5YjkzNGNhNDk1OTkxYjc4NTJiODU1In19LHsibmFtZSI6ImQvYiIs"
    b"ImRpZ2VzdCI6eyJzaGEyNTYiOiJiYTc4MTZiZjhmMDFjZmVhNDE0MTQwZGU1ZGFlMjIyM2IwMDM2MWEzOTYxNzdhOWNiNDEwZmY2MWYyMDAxNWFk"
    b"In19XSwicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2xzYS5kZXYvdmVyaWZpY2F0aW9uX3N1bW1hcnkvdjEiLCJwcmVkaWNhdGUiOnsidmVyaWZp"
    b"ZXIiOnsiaWQiOiJodHRwczovL2V4YW1wbGUuY29tL3YifX19"
)
_KEYID: Final = b"63d00ee3cf4f5c61ad94efa696c68f13b608fe56ecea13fb144a6fd18e9235b9"
_SIG: Final = b"blw1AAEKw5Olo0dPWrlGXT4pXv3O8F2OTGU26COgUYdy4y1wk8qs8HFg0JSlcRb/iUJBPLfWmGHO8wWQZ3tJCw=="
_FILES: Final[Mapping[str, bytes]] = {"a": b"", "d/b": b"abc"}
_SOUND: Final = "999dc59a4f58c8a6c9d4d522cf0bc676950f9515867f0fab944e43c505edc269"
_CHANGED: Final = "5d08ac1094b7277da0cf04a584670689dca5b4198d617264737bddc8f73e7595"


def _flag(kind: bytes = b"in-toto", sig: bytes = _SIG) -> bytes:
    signed = b'[{"keyid":"%s","sig":"%s"}]' % (_KEYID, sig)
    return b'{"payload":"%s","payloadType":"application/vnd.%s+json","signatures":%s}' % (_PAYLOAD, kind, signed)


def _vector(
    note: str,
    digest: str | None,
    *,
    flag: bytes | None = None,
    key: str = PUBLIC_KEY,
    predicate: str = PREDICATE,
    stated: bool = True,
    b: bytes = b"abc",
) -> LawVector:
    params = Params({"public_key": key, "predicate_type": predicate})
    method = VerificationMethod("in_toto_statement", exclude_filenames=("flag.json",), params=params)
    files = {**_FILES, "d/b": b, "flag.json": _flag() if flag is None else flag}
    return LawVector(note, files, digest, method, flag="flag.json", stated=stated)


VECTORS: Final = (
    _vector("signed by the gate's key", _SOUND),
    _vector("a byte is another", _CHANGED, stated=False, b=b"abd"),
    _vector("signed by another key", None, key=OTHER_KEY),
    _vector("of another predicate type", None, predicate="https://slsa.dev/provenance/v1"),
    _vector("not signed", None, flag=_flag().replace(b'[{"keyid', b'[],"was":[{"keyid')),
    _vector("another payload type", None, flag=_flag(kind=b"other")),
    _vector("another signature", None, flag=_flag(sig=b"A" * 86 + b"==")),
)
