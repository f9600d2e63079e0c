"""The body of a request: read within its bounds, a document by its contract (spec: behaviour, "Bounds")."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sr_domain.encoding.contracts import problem
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, ReasonCode, SrError

if TYPE_CHECKING:
    from starlette.requests import Request

    from sr_adapters.http.operations import Operation
    from sr_plugins.documents.service import ServiceSettings

WHAT = "the request's body"
_JSON = ("application/json", "text/json")
_NAMED_BY_FLOW = "run_request"
"""The contract that the flow itself holds a document against, in words of its own."""


async def read(request: Request, settings: ServiceSettings) -> bytes:
    """The bytes of the body. Raises `BadInput(DOCUMENT_TOO_LARGE)`, `SrError(REQUEST_TOO_SLOW)`."""
    most, parts, size = settings.body_bytes, [], 0
    told = request.headers.get("content-length", "0")
    if not told.isdigit() or int(told) > most:
        raise _too_large(most)
    try:
        async with asyncio.timeout(settings.request_s):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError as error:
        what = f"the request did not arrive within {settings.request_s:g} s"
        raise SrError(ReasonCode.REQUEST_TOO_SLOW, what) from error
    return b"".join(parts)


def check_type(request: Request) -> None:
    """Return for a body of JSON. Raises `BadInput(MEDIA_TYPE_UNSUPPORTED)`."""
    kind, _, more = request.headers.get("content-type", "").partition(";")
    name, _, charset = more.strip().partition("=")
    utf8 = not more.strip() or (name.strip().lower() == "charset" and charset.strip('" ').lower() in ("utf-8", "utf8"))
    if kind.strip().lower() not in _JSON or not utf8:
        what = f"{WHAT} is of the type {kind.strip()[:64] or 'nobody says'!r}"
        raise BadInput(ReasonCode.MEDIA_TYPE_UNSUPPORTED, what)


def parsed(operation: Operation, data: bytes) -> Any:
    """The document in a body; an empty one where there may be none. Raises `BadInput` where it breaks its contract."""
    if not data and not operation.body_needed:
        return {}
    document = strict_loads(data, what=WHAT)
    contract = contract_of(operation, document)
    wrong = None if contract == _NAMED_BY_FLOW else problem(contract, document)
    if wrong is not None:
        raise BadInput(ReasonCode.REQUEST_INVALID, f"{WHAT}: {wrong.what}")
    return document


def contract_of(operation: Operation, document: Any) -> str:
    """The contract of a body: of two that an operation takes the one whose own field it has."""
    if operation.other_body and isinstance(document, dict) and "other" in document:
        return operation.other_body
    return operation.body


def _too_large(most: int) -> BadInput:
    return BadInput(ReasonCode.DOCUMENT_TOO_LARGE, f"{WHAT} is longer than {most} bytes")
