"""The types that settings may have: what a value must be, and how it is read as that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from sr_plugins.documents.environment import Filled
from sr_ports.compared import Compared
from sr_ports.settings import About, about


@attrs.frozen(eq=False, repr=False)
class Field(Compared):
    """A field of settings: its key in the profile, its type, and what is known of it.

    A key that is a word of Python's has an underscore after it in the class (``pass_``), and none in the profile.
    """

    key: str
    type: Any
    about: About
    attribute: attrs.Attribute[Any]

    @property
    def required(self) -> bool:
        return self.attribute.default is attrs.NOTHING

    @property
    def wanted(self) -> str:
        """What completes "KEY must be ..."."""
        return self.about.wanted or f"{wanted(self.type)}{_within(limits(self.attribute.validator))}"

    @property
    def section(self) -> type[Any] | None:
        """The class of the section that the key may hold; None for a plain value."""
        return next((one for one in members(self.type) if attrs.has(one)), None)

    @property
    def items(self) -> type[Any] | None:
        """The class of the sections that the key may list; None for anything else."""
        inner = get_args(self.type)[:1] if get_origin(self.type) is tuple else ()
        return next((one for one in inner if attrs.has(one)), None)


def fields_of(cls: type[Any]) -> Mapping[str, Field]:
    """The fields of a class of settings, by key. Raises `NameError` for an annotation that has no meaning."""
    if cls not in _KNOWN:
        _KNOWN[cls] = _fields(cls)
    return _KNOWN[cls]


_KNOWN: dict[Any, Mapping[str, Field]] = {}


def _fields(cls: type[Any]) -> Mapping[str, Field]:
    hints = get_type_hints(cls)
    found = [
        Field((one.alias or one.name).rstrip("_"), hints[one.name], about(one), one)
        for one in attrs.fields(cls)
        if one.init and not about(one).aside
    ]
    return {one.key: one for one in found}


def members(kind: Any) -> tuple[Any, ...]:
    """The types that a union allows; a type that is none, alone."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def typed(kind: Any, value: Any) -> Any:
    """The value as a type that is no section. Raises `ValueError`, `TypeError` or `OverflowError`."""
    if len(members(kind)) > 1:
        return _one_of(members(kind), value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _literal(inner, value)
    if origin in (tuple, frozenset):
        return origin(typed(inner[0], one) for one in items(value))
    if origin is not None:
        if not isinstance(value, Mapping):
            raise TypeError
        return {str(key): typed(inner[1], one) for key, one in value.items()}
    return _PLAIN[kind](value)


def _one_of(kinds: tuple[Any, ...], value: Any) -> Any:
    if NoneType in kinds and (value is None or value == ""):
        return None
    for kind in kinds:
        try:
            return typed(kind, value)
        except (ValueError, TypeError, OverflowError, KeyError):
            continue
    raise ValueError


def _literal(words: tuple[Any, ...], value: Any) -> Any:
    for word in words:
        if value == word and isinstance(value, type(word)):
            return word
    raise ValueError


def items(value: Any) -> Iterator[Any]:
    """The items of a list; a text of the environment is one with commas between them."""
    if isinstance(value, Filled):
        return (one.strip() for one in value.split(",") if one.strip())
    if not isinstance(value, list | tuple):
        raise TypeError
    return iter(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _number(value: Any) -> float:
    number = float(_plainly(value))
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    if isinstance(value, bool | float):
        raise TypeError
    return int(_plainly(value))


def _plainly(value: Any) -> Any:
    """The value, when it is no text that only Python takes for a number: ``6_0``, digits of other scripts."""
    if isinstance(value, str) and ("_" in value or not value.isascii()):
        raise ValueError
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[value.lower() if isinstance(value, str) else value]


_PLAIN: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    float: _number,
    int: _whole,
    bool: _boolean,
    Any: lambda value: value,
}

_NAMES = {str: "text", float: "a number", int: "a whole number", bool: "true or false", Any: "a value"}
_LISTS = {str: "a list of texts", float: "a list of numbers", int: "a list of whole numbers"}


def wanted(kind: Any) -> str:
    """What a value of a type is, in a few words."""
    kinds = [one for one in members(kind) if one is not NoneType]
    if len(kinds) > 1:
        return ", or ".join(wanted(one) for one in kinds)
    origin, inner = get_origin(kinds[0]), get_args(kinds[0])
    if origin is Literal:
        *first, last = [str(one) for one in inner]
        return f"{', '.join(first)} or {last}" if first else last
    if origin in (tuple, frozenset):
        return _LISTS.get(inner[0], "a list")
    return _NAMES.get(kinds[0], "a mapping")


_BOUNDS = {">": "exclusiveMinimum", ">=": "minimum", "<": "exclusiveMaximum", "<=": "maximum"}


def limits(validator: Any) -> dict[str, Any]:
    """What attrs' own validators ask for, as keywords of JSON Schema; others say nothing here."""
    found: dict[str, Any] = {}
    for one in getattr(validator, "_validators", (validator,)):
        inner = getattr(one, "validator", None)
        if inner is not None:
            found.update(limits(inner))
        if getattr(one, "compare_op", None) in _BOUNDS:
            found[_BOUNDS[one.compare_op]] = one.bound
        if hasattr(one, "pattern"):
            found["pattern"] = f"^(?:{one.pattern.pattern})$"
        if hasattr(one, "min_length"):
            found["minLength"] = one.min_length
        if hasattr(one, "max_length"):
            found["maxLength"] = one.max_length
    return found


_WORDS = {
    "exclusiveMinimum": "above {}",
    "minimum": "from {}",
    "exclusiveMaximum": "below {}",
    "maximum": "to {}",
    "minLength": "of {} characters at least",
    "maxLength": "of {} characters at most",
    "pattern": "that matches {}",
}


def _within(limits: Mapping[str, Any]) -> str:
    return "".join(f" {words.format(limits[key])}" for key, words in _WORDS.items() if key in limits)
