"""Values of the record and their JSON form.

A field without a default always stands in the JSON form, also as null. A field with one is left out
while it has its default, unless it is marked `KEPT`. Reading takes names it does not know for
those of another release and passes them over.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Self

import attrs

from sr_ports import Fault, ReasonCode

KEPT = {"kept": True}
"""Marks a field that is written also while it has its default."""


def one(shape: type[Value]) -> dict[str, type[Value]]:
    """Marks a field that holds a value of this class, or None."""
    return {"one": shape}


def many(shape: type[Value]) -> dict[str, type[Value]]:
    """Marks a field that holds a tuple of values of this class."""
    return {"many": shape}


@attrs.frozen
class Value:
    """Base of all values of the record."""

    def document(self) -> dict[str, Any]:
        """JSON form, names in the order of the fields."""
        parts = ((field, getattr(self, field.name)) for field in attrs.fields(type(self)))
        return {
            field.name: _plain(value)
            for field, value in parts
            if "kept" in field.metadata or field.default is attrs.NOTHING or value != field.default
        }

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        """The value that a JSON form stands for. Raises `Fault(RECORD_INVALID)` where a part is missing."""
        parts: dict[str, Any] = {}
        for field in attrs.fields(cls):
            value = node.get(field.name)
            if value is not None:
                parts[field.name] = _read(value, field.metadata)
            elif field.default is attrs.NOTHING:
                if field.name not in node:
                    raise Fault(ReasonCode.RECORD_INVALID, f"a value without {field.name}: {sorted(node)}")
                parts[field.name] = None
        return cls(**parts)


def _plain(value: Any) -> Any:
    match value:
        case Value():
            return value.document()
        case enum.Enum():
            return value.value
        case tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def _read(value: Any, marks: Mapping[str, Any]) -> Any:
    if "one" in marks:
        return marks["one"].of(value)
    if "many" in marks:
        return tuple(marks["many"].of(part) for part in value)
    return tuple(value) if isinstance(value, list) else value
