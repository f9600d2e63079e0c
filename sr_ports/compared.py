"""Equality, hash and repr that many classes share, so that start-up does not make them anew for each."""

from __future__ import annotations

from typing import Any

import attrs


class Compared:
    """Base of a frozen attrs class that is defined at start-up: ``@attrs.frozen(eq=False, repr=False)``.

    Values of one class are equal where their fields are, as attrs has it. A field with ``eq=False`` is not compared,
    one with ``repr=False`` not shown. attrs itself would compile these three for every class, which takes longer than
    all else about the class.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), *_values(self)))

    def __repr__(self) -> str:
        cls: Any = type(self)
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(cls) if field.repr)
        return f"{cls.__qualname__}({', '.join(shown)})"


_NAMES: dict[Any, tuple[str, ...]] = {}
"""The fields of each class that was asked for them, less those that are not compared."""


def _values(one: Any) -> tuple[Any, ...]:
    cls = type(one)
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(field.name for field in attrs.fields(cls) if field.eq)
    return tuple(getattr(one, name) for name in names)
