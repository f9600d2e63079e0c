"""A quick look at a hashing law: whether it could be one at all. The conformance suite looks closer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sr_ports import EvidenceFault, HashingLaw, IndexEntry, VerificationMethod
from sr_ports.bundles import MemoryBundle
from sr_ports.errors import described

_FILES = {"a.csv": b"1,2,3,4,5,6,7,8,9\n", "sub/b.bin": bytes(range(64)), "z.json": b'{"rows": 3}'}
_HEX = re.compile(r"[0-9a-f]{8,1024}")
Tried = tuple[bool | None, str]


def probed(law: HashingLaw) -> Tried:
    """Whether a law answers alike for one bundle, in hex, and otherwise where the bundle is another."""
    if hasattr(law, "members"):
        return None, "its manifest is flag and index in one: its vectors say more"
    try:
        first: Any = law.digest(_bundle(law, _FILES))
        again = law.digest(_bundle(law, dict(reversed(_FILES.items()))))
    except BaseException as error:  # noqa: BLE001 - of whatever class
        if _needs_params(law):
            return None, f"it needs parameters, and without them raised {described(error)}"
        return False, f"it raised {described(error)}"
    if not isinstance(first, str) or _HEX.fullmatch(first) is None:
        return False, f"its answer is no lower-case hex: {first!r:.80}"
    if first != again:
        return False, "it gave two digests for one bundle (law H1)"
    return _covering(law, first)


def _covering(law: HashingLaw, first: str) -> Tried:
    """What changes the digest; a law that nothing changes, or that looks at a file's beginning alone, is none."""
    begins, ends = ({path for path in _FILES if _differs(law, first, _flipped(path, at))} for at in (0, -1))
    renamed = [{f"{one}0" if one == path else one: data for one, data in _FILES.items()} for path in _FILES]
    named = any(_differs(law, first, contents) for contents in renamed)
    if begins - ends:
        return False, f"a change of a file's last byte leaves its digest (law H2): {min(begins - ends)}"
    if not (ends or named):
        return False, "no change of bytes or names changes its digest (law H2)"
    return True, f"covers {' and '.join(['bytes'] * bool(ends) + ['names'] * named)}"


def _flipped(path: str, at: int) -> dict[str, bytes]:
    """The bundle with one byte of one file changed."""
    made = bytearray(_FILES[path])
    made[at] ^= 1
    return {**_FILES, path: bytes(made)}


def _differs(law: HashingLaw, first: str, contents: Mapping[str, bytes]) -> bool:
    try:
        return law.digest(_bundle(law, contents)) != first
    except BaseException:  # noqa: BLE001 - an objection is a difference
        return True


def _bundle(law: HashingLaw, contents: Mapping[str, bytes]) -> MemoryBundle:
    entries = tuple(IndexEntry(path, hashlib.sha256(contents[path]).hexdigest()) for path in sorted(contents))
    return MemoryBundle(contents, entries, VerificationMethod(law.kind))


def _needs_params(law: HashingLaw) -> bool:
    schema = getattr(law, "params_schema", None)
    return isinstance(schema, Mapping) and bool(schema.get("required"))


def vectors_tried(law: HashingLaw) -> Tried:
    """Whether the law makes of its own test vectors what they say."""
    vectors: Sequence[Any] = tuple(getattr(law, "vectors", None) or ())
    if not vectors:
        return None, "it has none"
    wrong = [f"{one.note}: {why}" for one in vectors if (why := _vector(law, one)) is not None]
    return (False, "; ".join(wrong)) if wrong else (True, f"{len(vectors)} hold")


def _vector(law: Any, vector: Any) -> str | None:
    """What is wrong with the law's answer to one vector."""
    members = getattr(law, "members", None)
    flag = vector.files.get(vector.flag) if vector.flag is not None else None
    try:
        entries = tuple(members(flag)) if members is not None and flag is not None else tuple(vector.index)
        made = law.digest(MemoryBundle(vector.files, entries, vector.method, flag=vector.flag))
        if made == vector.digest and vector.stated and hasattr(law, "stated") and flag is not None:
            made = law.stated(flag)
    except EvidenceFault as fault:
        return None if vector.digest is None else f"it raised {described(fault)}"
    except BaseException as error:  # noqa: BLE001 - of whatever class
        return f"it raised {described(error)}"
    if vector.digest is None:
        return "it found no fault"
    return None if made == vector.digest else f"it gave {made!r:.80}, and not {vector.digest}"


def law_traits(law: Any) -> dict[str, Any]:
    """What a law says of itself beyond its kind."""
    schema = getattr(law, "params_schema", None)
    return {
        "version": _text(getattr(law, "version", None)),
        "algorithm": _text(getattr(law, "algorithm", None)) or "sha256",
        "params_schema": plain(schema) if isinstance(schema, Mapping) else None,
        "vectors": len(tuple(getattr(law, "vectors", None) or ())),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def plain(value: Any) -> Any:
    """A JSON value as the standard library writes it."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
