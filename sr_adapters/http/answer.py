"""What a request is answered with: a document and its status, or a problem (RFC 9457)."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from typing import Any

import attrs

from sr_adapters.answers import sentence, versioned
from sr_adapters.exits import BUG, exit_for, exit_for_error, status_for
from sr_ports import REASONS, ReasonCode, SrError
from sr_ports.errors import described, foreseen

JSON, PROBLEM = "application/json", "application/problem+json"
REASON = "urn:scenario-runner:reason:"
"""Before a reason code where a problem names its type (RFC 9457, 3.1.1)."""


@attrs.frozen
class Answer:
    """One answer. `status`: HTTP's. `media`: of the body. `headers`: beyond type and length."""

    status: int
    body: bytes
    media: str = JSON
    headers: Mapping[str, str] = attrs.field(factory=dict)


def document(status: int, node: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
    """An answer document, as ``--json`` gives it."""
    return Answer(status, encoded(versioned(node)), headers=headers or {})


def kept(headers: Mapping[str, str], node: Mapping[str, Any]) -> Answer:
    """A stored document that never changes, just as it is, with a strong ETag (RFC 9110, 8.8.3).

    304 where the caller has it already: found out from what stands now, never from memory.
    """
    body = encoded(node)
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    told = {"etag": tag, "cache-control": "private, no-cache"}
    if _has(headers.get("if-none-match", ""), tag):
        return Answer(304, b"", headers=told)
    return Answer(200, body, headers=told)


def _has(tags: str, tag: str) -> bool:
    """Whether a header If-None-Match names an entity; a weak tag of it does, too (RFC 9110, 13.1.2)."""
    return tags.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in tags.split(","))


def encoded(node: Any) -> bytes:
    """A document as UTF-8 JSON."""
    return json.dumps(node, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "backslashreplace")


def problem(
    code: ReasonCode,
    what: str,
    remedy: str | None = None,
    *,
    status: int | None = None,
    exit_code: int | None = None,
    answer: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error as a problem document. `status`, `exit_code`: the code's own by default.

    `answer`: the document that the command would have given with ``--json``, where it gives one beside the error.
    """
    told = status_for(code) if status is None else status
    node = {
        "type": f"{REASON}{code.value}",
        "title": REASONS[code].meaning,
        "status": told,
        "detail": sentence(what),
        "reason_code": code.value,
        "remedy": REASONS[code].remedy if remedy is None else sentence(remedy),
        "exit_code": exit_for(code) if exit_code is None else exit_code,
    }
    if answer is not None:
        node["answer"] = answer
    return Answer(told, encoded(versioned(node)), PROBLEM, {**_again(told), **(headers or {})})


RETRY_S = 1
"""Seconds after which whoever was turned away may ask again."""


def _again(status: int) -> dict[str, str]:
    if status == 401:  # noqa: PLR2004 - RFC 9110, 11.6.1: how to prove it
        return {"www-authenticate": "Bearer"}
    return {"retry-after": str(RETRY_S)} if status in (429, 503) else {}


def problem_of(error: BaseException) -> Answer:
    """The problem that an error is. One that nobody foresaw says no more than its class: its text may be anybody's."""
    if isinstance(error, SrError) and foreseen(error):
        return problem(error.code, error.what, error.remedy, exit_code=exit_for_error(error))
    what = f"{type(error).__name__}: nobody foresaw this"
    remedy = "this is a bug: report it with what the service told on its standard error"
    return problem(ReasonCode.INTERNAL, what, remedy, exit_code=BUG)


def tell_operator(error: BaseException) -> None:
    """One line on standard error for an error that is a bug: its caller is told no more than its class."""
    if not (isinstance(error, SrError) and foreseen(error)):
        print(f"error[INTERNAL]: {sentence(described(error))}", file=sys.stderr)  # noqa: T201 - the operator's
