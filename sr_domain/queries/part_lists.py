"""Part lists as they stand: which files a folder or glob was proven to be (spec: behaviour, "Evidence").

A list names itself: its key holds the sha256 of its bytes, which are the canonical JSON of
``{path, sha256, size}`` objects in ascending order of path. What is spelt otherwise is no list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sr_domain.evidence.digests import FileDigest, part_list
from sr_ports import EvidenceFault, ReasonCode
from sr_ports.roots import check_path

_DECODER = json.JSONDecoder()


def parts(data: bytes, key: str) -> Iterator[FileDigest]:
    """The parts of the list stored at `key`, in order of path, one at a time.

    Raises `EvidenceFault(TRUTH_ALTERED)` for what no digest engine writes, and with `PATH_ESCAPES` or
    `NOT_A_FILE` for a path that could leave its folder or that no file has.
    """
    try:
        text = data.decode()
    except UnicodeError as error:
        raise _no_list(key, "it is not UTF-8") from error
    at, before = 1, ""
    if text[:1] != "[" or text[-1:] != "]" or len(text) < len("[{}]"):
        raise _no_list(key, "it is no list of parts")
    while at < len(text):
        part, end = _part(text, at, key)
        if part.path <= before:
            raise _no_list(key, f"{part.path} is out of order")
        yield part
        if text[end] != ("," if end < len(text) - 1 else "]"):
            raise _no_list(key, "it is not spelt as it was written")
        at, before = end + 1, part.path


def _part(text: str, at: int, key: str) -> tuple[FileDigest, int]:
    """The part that begins at `at`, and where it ends."""
    try:
        node, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise _no_list(key, "it is not JSON") from error
    part = _typed(node, key)
    check_path(part.path)
    if end >= len(text) or text[at:end].encode() != part_list([part])[1:-1]:
        raise _no_list(key, "it is not spelt as it was written")
    return part, end


def _typed(node: Any, key: str) -> FileDigest:
    if isinstance(node, dict) and set(node) == {"path", "sha256", "size"}:
        path, sha256, size = node["path"], node["sha256"], node["size"]
        if isinstance(path, str) and isinstance(sha256, str) and type(size) is int and size >= 0:
            return FileDigest(path, size, sha256)
    raise _no_list(key, "a part has not the fields path, sha256 and size alone")


def _no_list(key: str, why: str) -> EvidenceFault:
    return EvidenceFault(ReasonCode.TRUTH_ALTERED, f"{key} is no part list: {why}", key)
