"""Documents without the parts that are absent: a contract has no null where a field is optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def present(node: Mapping[str, Any]) -> dict[str, Any]:
    """The node less the fields that are None; what lies in a field stays as it is."""
    return {key: value for key, value in node.items() if value is not None}


def plain(node: Any) -> Any:
    """The node as JSON: tuples as lists, and less the fields that are None, at every depth."""
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.items() if value is not None}
    return [plain(value) for value in node] if isinstance(node, list | tuple) else node
