"""Strict YAML and JSON from outside: requests, profiles, policies, packs (spec: wire).

YAML is read as JSON with comments: only ``true``, ``false``, ``null`` and decimal numbers
are typed. An unquoted time stays text, ``no`` is not false, ``012`` is not ten. A byte order
mark before either is skipped.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from sr_domain.encoding.bounds import MAX_BYTES, MAX_DEPTH, check_size, over, unmarked
from sr_domain.encoding.strict_json import strict_loads
from sr_ports import BadInput, ReasonCode

MAX_YAML = 4 << 20
"""Bytes of YAML, which takes some fifty times as long to read as JSON."""
MAX_NODES = 150_000


def load_yaml(
    data: bytes, *, what: str, max_bytes: int = MAX_YAML, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES
) -> Any:
    """The one YAML document in `data`, None for an empty one.

    `max_nodes`: scalars and collections, with aliases written out. Raises `BadInput(DOCUMENT_INVALID)` naming
    `what`, the place and the fault, and with the code of a bound that it is over.
    """
    from sr_plugins.documents.yaml_reader import YamlBound, read_yaml

    check_size(data, what, max_bytes)
    try:
        return read_yaml(unmarked(data), max_depth=max_depth, max_nodes=max_nodes)
    except UnicodeError as error:
        raise _bad(what, "not valid UTF-8 text") from error
    except YamlBound as bound:
        raise over(bound.code, f"{what}: {bound}") from bound
    except ValueError as error:
        raise _bad(what, str(error)) from error


def load_json(data: bytes, *, what: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The JSON value in `data`, by the core's own strict rules."""
    return strict_loads(unmarked(data), what=what, max_bytes=max_bytes, max_depth=max_depth)


def load_document(data: bytes, *, what: str, max_bytes: int = MAX_YAML) -> Any:
    """The JSON or YAML document in `data`. What begins with a bracket is JSON unless only YAML can read it."""
    if unmarked(data).lstrip()[:1] not in (b"{", b"["):
        return load_yaml(data, what=what, max_bytes=max_bytes)
    try:
        return load_json(data, what=what, max_bytes=max_bytes)
    except BadInput as error:
        if not isinstance(error.__cause__, json.JSONDecodeError):
            raise  # JSON, but not acceptable: YAML must not give it another meaning
        with contextlib.suppress(BadInput):
            return load_yaml(data, what=what, max_bytes=max_bytes)
        raise


def _bad(what: str, fault: str) -> BadInput:
    return BadInput(ReasonCode.DOCUMENT_INVALID, f"{what}: {fault}")
