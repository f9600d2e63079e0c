"""The envelope and the statement in it, as far as they can be read without a key."""

import json
import re
from collections.abc import Sequence
from typing import Any

import attrs

from sr_law_in_toto.documents import decoded, document, items_of, parts_of, refused
from sr_ports import EvidenceFault, ReasonCode

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_TYPES = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_HEX = re.compile(r"[0-9a-f]{64}")
_NO_NAME = re.compile("[\0\ud800-\udfff]")
"""What no file's name has: a NUL, and half a character, which JSON can spell."""


@attrs.frozen
class Subject:
    """A file that the statement is about. `path`: below the bundle root, in one spelling. `sha256`: hex64."""

    path: str
    sha256: str


@attrs.frozen
class Envelope:
    """A DSSE envelope. `payload`: the statement, the very text that was signed. `signatures`: their bytes.

    Key ids are not kept: they are hints, and nothing is decided by a hint.
    """

    payload: str
    signatures: tuple[bytes, ...]

    @property
    def statement(self) -> dict[str, Any]:
        """The payload as JSON. Raises `EvidenceFault`."""
        made = document(self.payload, "the statement")
        if made.get("_type") not in _TYPES:
            raise refused(f"the payload is no in-toto statement of {' or '.join(_TYPES)}")
        return made

    @property
    def predicate_type(self) -> object:
        return self.statement.get("predicateType")

    def subjects(self) -> Sequence[Subject]:
        """By ascending path, each once. Raises `EvidenceFault`: a subject without a name or a sha256 proves no file."""
        listed = items_of(self.statement.get("subject"), "the statement has no subject")
        found: dict[str, Subject] = {}
        for one in map(_subject, listed):
            if found.setdefault(one.path, one) != one:
                raise refused(f"the statement has two digests for {one.path}")
        return [found[path] for path in sorted(found)]

    def text(self) -> str:
        """The envelope as text that `envelope_of_text` takes."""
        return json.dumps([one.hex() for one in self.signatures]) + "\n" + self.payload


def envelope_of(flag: bytes) -> Envelope:
    """The envelope that a flag is. Raises `EvidenceFault`, `CutShort`."""
    try:
        told = document(flag.decode("utf-8"), "the envelope")
    except UnicodeDecodeError:
        raise refused("the envelope is no UTF-8") from None
    if told.get("payloadType") != PAYLOAD_TYPE:
        raise refused(f"the envelope's payloadType is not {PAYLOAD_TYPE}")
    signatures = items_of(told.get("signatures"), "the envelope has no signature")
    try:
        payload = decoded(told.get("payload"), "the payload").decode("utf-8")
    except UnicodeDecodeError:
        raise refused("the payload is no UTF-8") from None
    return Envelope(payload, tuple(map(_signature, signatures)))


def envelope_of_text(text: str) -> Envelope:
    """What `Envelope.text` was made of. Raises `EvidenceFault` for any other text."""
    head, _, payload = text.partition("\n")
    try:
        signatures = tuple(bytes.fromhex(str(one)) for one in json.loads(head))
    except (ValueError, TypeError, RecursionError):
        raise refused("the index is not that of a DSSE envelope") from None
    return Envelope(payload, signatures)


def _signature(node: object) -> bytes:
    return decoded(parts_of(node, "a signature").get("sig"), "a signature")


def _subject(node: object) -> Subject:
    told = parts_of(node, "a subject")
    name, sha256 = told.get("name"), parts_of(told.get("digest"), "a subject's digest").get("sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or not _HEX.fullmatch(sha256):
        raise refused("a subject has no name, or no sha256")
    return Subject(_plain(name), sha256)


def _plain(name: str) -> str:
    """The path in one spelling: ``./a`` and ``.//a`` are ``a``."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise EvidenceFault(ReasonCode.PATH_ESCAPES, "a subject is a file outside the bundle")
    if parts[-1] in ("", ".") or _NO_NAME.search(name):
        raise refused("a subject names no file")
    return "/".join(part for part in parts if part not in ("", "."))
