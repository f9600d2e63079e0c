"""Secrets out of text: passwords in DSNs and URLs, tokens, keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_PIECE = 4096
_URL = re.compile(r"(?P<head>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*):[^\s@]+@")
_PAIR = re.compile(
    r"""(?P<head>\b[\w.-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|access[_-]?key(?:[_-]?id)?|authorization|credential)[\w.-]*
        ["']?\s*[=:]\s*)(?P<scheme>(?:bearer|basic)\s+)?("[^"]*"|'[^']*'|[^\s,;&]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_AWS = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
# What some secret's pattern needs in lower case: without any of these in it a text has none.
_WORDS = (
    "passw", "secret", "token", "apikey", "api_key", "api-key", "private", "access", "authorization", "credential",
    "dsn", "bearer ", "basic ", "akia", "asia",
)  # fmt: skip
_NAME = re.compile(
    r"password|passwd|secret|token|api_?key|private_?key|access_?key|authorization|credential|dsn", re.IGNORECASE
)


def redact(text: str) -> str:
    """`text` with every recognisable secret masked; the same text when there is none."""
    text = _URL.sub(lambda match: f"{match['head']}:{MASK}@", text)
    text = _PAIR.sub(lambda match: match["head"] + MASK, text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MASK}", text)
    return _AWS.sub(MASK, text)


def redact_log(data: bytes) -> bytes:
    """A log with every recognisable secret masked, line by line; the same bytes when there is none.

    An endless line is looked at in pieces, so that no text makes this slow.
    """
    text = data.decode("utf-8", "surrogateescape")
    if not suspect(text):
        return data
    pieces = (line[at : at + _PIECE] for line in text.splitlines(keepends=True) for at in range(0, len(line), _PIECE))
    masked = "".join(redact(piece) if suspect(piece) else piece for piece in pieces)
    return masked.encode("utf-8", "surrogateescape")


def suspect(text: str) -> bool:
    """Whether anything in `text` may be a secret: quick, and never wrong when it says no."""
    low = text.lower()
    return any(word in low for word in _WORDS) or ("@" in text and "://" in text)


def redacted(node: Any) -> Any:
    """A JSON-like value with secrets masked: by the name of their key, and inside every text."""
    if isinstance(node, str):
        return redact(node)
    if isinstance(node, Mapping):
        return {key: MASK if _NAME.search(str(key)) and value else redacted(value) for key, value in node.items()}
    return [redacted(one) for one in node] if isinstance(node, list | tuple) else node
