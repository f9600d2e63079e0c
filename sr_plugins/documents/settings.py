"""The one reader of settings, of the profile's own sections and of every adapter's.

It says the key, the nearest known key and what is wanted, and never a value that came from the environment
or that is secret: such a value is told by the name of its variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

import attrs

from sr_domain.encoding.contracts import unquoted
from sr_plugins.documents.environment import Filled, variables
from sr_plugins.documents.shapes import Field, fields_of, items, members, typed
from sr_ports import BadInput, ReasonCode, SrError
from sr_ports.compared import Compared
from sr_ports.settings import Refused
from sr_ports.suspect import suspect

T = TypeVar("T")


Faults = list[tuple[str, BadInput]]
"""Faults, each with the key it is about."""


class _Told(BadInput):
    """What is at fault was told already."""


@attrs.frozen(eq=False, repr=False)
class Reader(Compared):
    """Reads classes of settings. `file`: whose keys they are, before each fault; "" for nothing.

    `owner`: who may have the keys, for people. `faults`: takes every fault, and reading goes on with what is left
    out; with None the first is raised.
    """

    file: str = ""
    owner: str = "it"
    faults: Faults | None = None

    def read(self, cls: type[T], node: Any, where: str, base: Any = None) -> T:
        """The mapping `node`, found under the key `where`, as settings; None is the default.

        `base`: settings of this class which say what is left out, else the class's defaults do.
        Raises `BadInput(PROFILE_INVALID)`.
        """
        node = {} if node is None else node
        if not isinstance(node, Mapping):
            raise self._invalid(f"{where} must be a mapping{_not_this(node)}")
        fields = fields_of(cls)
        rest = next((key for key, one in fields.items() if one.about.rest), None)
        if rest is None:
            self._only(node, fields, where)
        values = {} if base is None else {key: getattr(base, one.attribute.name) for key, one in fields.items()}
        for key, field in fields.items():
            if key == rest:
                values[key] = {str(name): value for name, value in node.items() if name not in fields or name == key}
                continue
            try:
                if key in node:
                    values[key] = self._value(field, node[key], _path(where, key))
                elif field.required and base is None:
                    raise self._invalid(f"{_path(where, key)} is required: {field.wanted}")
            except BadInput as error:
                self._fault(_path(where, key), error)
        return self._made(cls, values, node, where)

    def _fault(self, key: str, error: BadInput) -> None:
        """Raise a fault, or note it and go on."""
        if self.faults is None:
            raise error
        if not isinstance(error, _Told):
            self.faults.append((key, error))

    def _only(self, node: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
        for key in node:
            if key in allowed:
                continue
            import difflib

            near = difflib.get_close_matches(str(key), allowed, 1)
            may = f"{self.owner} may have {', '.join(allowed) or 'no settings'}"
            what = f"unknown key {_path(where, key)}; {f'did you mean {near[0]}?' if near else may}"
            self._fault(_path(where, key), self._invalid(what))

    def _value(self, field: Field, value: Any, path: str) -> Any:
        if isinstance(value, Filled) and not field.about.secret and suspect(value) and _masked(value):
            what = f"{path} holds a password, a key or a token{_from(value.variables)}, and is no place for one"
            raise self._invalid(what, "give it where credentials belong, and name a plain value here")
        try:
            ready = value if field.about.before is None else field.about.before(value)
            if field.items is not None:
                ready = list(items(ready))
            elif field.section is None:
                return typed(field.type, ready)
        except (ValueError, TypeError, OverflowError, KeyError) as error:
            raise self._unfit(field, value, path, error) from error
        if field.items is not None:
            return tuple(self._item(field.items, one, f"{path}.{at}") for at, one in enumerate(ready))
        if field.section is None:
            return ready
        default = field.attribute.default
        base = default if isinstance(default, field.section) else field.about.base
        if ready is None and not isinstance(default, field.section):
            return default
        return self.read(field.section, ready, path, base)

    def _item(self, cls: type[Any], node: Any, path: str) -> Any:
        """A section of a list; a word stands for one that says no more than its first key."""
        return self.read(cls, {next(iter(fields_of(cls))): node} if isinstance(node, str) else node, path)

    def _made(self, cls: type[T], values: dict[str, Any], node: Mapping[str, Any], where: str) -> T:
        fields = fields_of(cls)
        if self.faults is not None and any(one.required and key not in values for key, one in fields.items()):
            self._refused(cls, values, node, where)
            raise _Told(ReasonCode.PROFILE_INVALID, where)
        try:
            return cls(**{fields[key].attribute.alias or key: value for key, value in values.items()})
        except (ValueError, TypeError, OverflowError) as error:
            refused = self._refused(cls, values, node, where)
            if refused:
                left = {key: value for key, value in values.items() if key not in refused}
                return self._made(cls, left, node, where)
            shown = not variables(node) and not any(one.about.secret for one in fields.values())
            what = str(error) if shown else "its keys do not go together"
            raise self._invalid(f"{where or 'the profile'}: {what}{_from(variables(node))}") from error

    def _refused(self, cls: type[Any], values: Mapping[str, Any], node: Mapping[str, Any], where: str) -> set[str]:
        """The keys whose value the class itself refuses, each told as a fault."""
        refused = set()
        for key, field in fields_of(cls).items():
            why = _objection(cls, field, values) if key in node and key in values else None
            if why is not None:
                self._fault(_path(where, key), self._unfit(field, node[key], _path(where, key), why))
                refused.add(key)
        return refused

    def _unfit(self, field: Field, value: Any, path: str, error: Exception) -> BadInput:
        hidden = bool(variables(value)) or field.about.secret
        if isinstance(error, Refused):
            told = f" {error.value}" if error.value is not None and not hidden else ""
            return self._invalid(f"{path}{told} {error.why}{_from(variables(value))}", error.remedy)
        told = _from(variables(value)) if hidden else _not_this(value, text=str in members(field.type))
        return self._invalid(f"{path} must be {field.wanted}{told}")

    def _invalid(self, what: str, remedy: str | None = None) -> BadInput:
        return BadInput(ReasonCode.PROFILE_INVALID, f"{self.file}: {what}" if self.file else what, remedy)


def _path(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _objection(cls: type[Any], field: Field, values: Mapping[str, Any]) -> Exception | None:
    """What a field's own converter or validator has against its value."""
    one, convert = field.attribute, cast("Any", field.attribute.converter)
    bare = object.__new__(cls)
    try:
        for key, other in fields_of(cls).items():
            object.__setattr__(bare, other.attribute.name, values.get(key))
        value = convert(values[field.key]) if callable(convert) else values[field.key]
        if one.validator is not None:
            one.validator(bare, one, value)
    except SrError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        return error
    return None


def _masked(text: str) -> bool:
    """Whether a secret is recognised in it."""
    from sr_ports.masking import redact

    return redact(text) != text


def _from(names: tuple[str, ...]) -> str:
    """Where a value is from, in place of the value."""
    if not names:
        return ""
    return f" (from the environment variable{'s' if len(names) > 1 else ''} {' and '.join(names)})"


def _not_this(value: Any, *, text: bool = False) -> str:
    """The value that cannot be, unless it came from the environment."""
    if variables(value):
        return _from(variables(value))
    if text and isinstance(value, bool | int | float):
        return f"; {unquoted(value)}"
    return f", not {shown(value)}"


def shown(value: Any) -> str:
    """Enough of a value to find it."""
    whole = getattr(value, "spelled", None) or repr(value)
    return whole if len(whole) <= 60 else whole[:57] + "..."  # noqa: PLR2004
