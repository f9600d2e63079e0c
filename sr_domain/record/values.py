"""Values of the record and their JSON form.

A field without a default always stands in the JSON form, also as null. A field with one is left out
while it has its default, unless it is marked `KEPT`. Reading takes names it does not know for
those of another release and passes them over.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Self, TypeVar, dataclass_transform

import attrs

from sr_ports import Fault, ReasonCode
from sr_ports.compared import Compared

_Any = TypeVar("_Any")

KEPT = {"kept": True}
"""Marks a field that is written also while it has its default."""


def one(shape: type[Value]) -> dict[str, type[Value]]:
    """Marks a field that holds a value of this class, or None."""
    return {"one": shape}


def many(shape: type[Value]) -> dict[str, type[Value]]:
    """Marks a field that holds a tuple of values of this class."""
    return {"many": shape}


@attrs.frozen(eq=False, repr=False)
class Value(Compared):
    """Base of all values of the record. Parts may be mappings: most values have no hash."""

    def document(self) -> dict[str, Any]:
        """JSON form, names in the order of the fields."""
        node = {}
        for part in _parts(type(self)):
            value = getattr(self, part.name)
            if part.kept or value != part.default:
                node[part.name] = _plain(value)
        return node

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Self:
        """The value that a JSON form stands for. Raises `Fault(RECORD_INVALID)` where a part is missing."""
        told: dict[str, Any] = {}
        for part in _parts(cls):
            value = node.get(part.name)
            if value is not None:
                told[part.name] = part.read(value)
            elif part.default is attrs.NOTHING:
                if part.name not in node:
                    raise Fault(ReasonCode.RECORD_INVALID, f"a value without {part.name}: {sorted(node)}")
                told[part.name] = None
        try:
            return cls(**told)
        except ValueError as error:
            raise Fault(ReasonCode.RECORD_INVALID, str(error)) from error


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def value(cls: type[_Any]) -> type[_Any]:
    """Decorator: a frozen attrs class below `Value`, compared and shown as `Compared` says."""
    return attrs.frozen(eq=False, repr=False)(cls)


@attrs.frozen(eq=False, repr=False)
class _Part(Compared):
    """A field, as the JSON form needs it. `kept`: always written. `shape`: the class of a value, or of each."""

    name: str
    default: Any
    kept: bool
    shape: type[Value] | None
    several: bool

    def read(self, value: Any) -> Any:
        if self.shape is None:
            return tuple(value) if isinstance(value, list) else value
        return tuple(map(self.shape.of, value)) if self.several else self.shape.of(value)


_PARTS: dict[type[Value], tuple[_Part, ...]] = {}
"""What was found out about classes: a record may hold very many values."""


def _parts(cls: type[Value]) -> tuple[_Part, ...]:
    if cls not in _PARTS:
        _PARTS[cls] = tuple(
            _Part(
                name=field.name,
                default=field.default,
                kept="kept" in field.metadata or field.default is attrs.NOTHING,
                shape=field.metadata.get("one") or field.metadata.get("many"),
                several="many" in field.metadata,
            )
            for field in attrs.fields(cls)
        )
    return _PARTS[cls]


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.document() if isinstance(value, Value) else value
