"""Passed flags: the digest that one states, as text, as JSON, or as its gate's own law reads it."""

from __future__ import annotations

import re
from typing import Final

from sr_domain.evidence.law_traits import LawTraits
from sr_domain.evidence.small_files import first_line, parse_small, read_small
from sr_ports import CutShort, EngineRoot, EvidenceFault, ListingRules, ReasonCode
from sr_ports.wanted import TODAY

FLAG_LIMIT: Final = 64 << 10
MANIFEST_LIMIT: Final = 32 << 20
"""Bytes of a flag that a law reads itself: it may be a manifest of very many files. It is held twice while read."""
_TEXT_FLAG = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*([0-9A-Fa-f]+)\s*")
_SHA256_FLAG = LawTraits()


def read_flag(
    root: EngineRoot, path: str, digest_field: str, rules: ListingRules = TODAY, traits: LawTraits = _SHA256_FLAG
) -> str:
    """The digest that a passed flag states, lower-case. Raises `EvidenceFault(FLAG_MALFORMED)`.

    `CutShort` for one that is empty or merely ends too early. Text ``sha256_hex = <hex>`` (or the map's own field
    name, or the algorithm's), or a JSON object with that field.
    """
    data = read_small(root, path, FLAG_LIMIT, rules)
    stated: object = None
    names = ("sha256_hex", digest_field, f"{traits.algorithm}_hex")
    if data.lstrip()[:1] == b"{":
        document = parse_small(data, path, FLAG_LIMIT, ReasonCode.FLAG_MALFORMED)
        stated = document.get(digest_field)
        if stated is None:
            raise EvidenceFault(ReasonCode.FLAG_MALFORMED, f"{path} has no field {digest_field}", path)
    else:
        match = _TEXT_FLAG.fullmatch(data.decode("utf-8", "replace"))
        if match is not None and match[1] in names:
            stated = match[2]
    if not isinstance(stated, str) or not traits.is_digest(stated.lower()):
        raise _unread(data, path, digest_field, traits, names)
    return stated.lower()


def _unread(data: bytes, path: str, digest_field: str, traits: LawTraits, names: tuple[str, ...]) -> EvidenceFault:
    """Why a flag states nothing."""
    from sr_domain.evidence.cut_short import flag_cut_short

    length = traits.hex_length or 64
    begins = f"it begins {first_line(data)}" if data.strip() else "it is empty"
    bare = re.match(rb"\s*([0-9a-fA-F]{%d})\b" % length, data)
    wanted = f"{digest_field} = {f'<{length} hex>' if bare is None else bare[1].decode().lower()}"
    what = f"{path} states no {traits.algorithm} digest as '{wanted}' or in JSON: {begins}"
    kind = CutShort if flag_cut_short(data, names, length) else EvidenceFault
    return kind(ReasonCode.FLAG_MALFORMED, what, path)


def read_manifest(root: EngineRoot, path: str, rules: ListingRules = TODAY) -> bytes:
    """The whole bytes of a flag that a law reads itself. Raises `EvidenceFault(DOCUMENT_TOO_LARGE)`."""
    held = bytearray()

    def sink(chunk: memoryview) -> None:
        if len(held) + len(chunk) > MANIFEST_LIMIT:
            what = f"{path} is larger than {MANIFEST_LIMIT} bytes"
            raise EvidenceFault(ReasonCode.DOCUMENT_TOO_LARGE, what, path)
        held.extend(chunk)

    root.stream(path, sink, rules=rules)
    return bytes(held)
