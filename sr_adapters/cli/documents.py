"""Reading request files and stdin, with errors that name the thing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sr_ports import BadInput, ReasonCode

LIMIT = 1 << 20
_NEEDS = "it needs run_equivalence_key, manifest_fingerprint, parameter_hash, seed, scenario and window"


def read_request(source: str) -> Any:
    """The document in a request file, or on stdin for ``-``. Raises `BadInput`."""
    from sr_plugins.documents.yaml import load_document

    what = "standard input" if source == "-" else source
    try:
        if source == "-":
            data = _standard_input().read(LIMIT + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(ReasonCode.REQUEST_NOT_FOUND, f"request {source!r} cannot be read: {reason}") from error
    if len(data) > LIMIT:
        raise BadInput(ReasonCode.REQUEST_INVALID, f"request {what} is larger than {LIMIT} bytes", "check the path")
    document = load_document(data, what=what)
    if not isinstance(document, dict):
        raise BadInput(ReasonCode.REQUEST_INVALID, f"request {what} is not a mapping of fields", _NEEDS)
    return document


def _standard_input() -> Any:
    stdin: Any = sys.stdin
    if stdin is None:  # whoever started the process closed it
        raise ValueError("it is closed")
    return stdin.buffer
