"""The JSON Schema of a profile, made from the classes that read it (draft-07)."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs

from sr_plugins.documents.profile import DISABLED, Auth, NamedSink, Profile, Section
from sr_plugins.documents.shapes import Field, fields_of, limits, members
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.wiring.adapter_settings import settings_class
from sr_ports import BadInput

_FROM_ENVIRONMENT = {"type": "string", "pattern": r"\$\{"}
_TYPES = {str: "string", float: "number", int: "integer", bool: "boolean", NoneType: "null"}


def profile_schema(host: PluginHost | None = None) -> dict[str, Any]:
    """What a profile may say, with the settings of every adapter that `host` offers; built-ins when left out."""
    host = PluginHost.discover() if host is None else host
    whole = _section(fields_of(Profile), host)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Scenario Runner profile", **whole}


def _section(fields: Mapping[str, Field], host: PluginHost | None) -> dict[str, Any]:
    """A mapping with these keys and no others."""
    known = {key: field for key, field in fields.items() if not field.about.rest}
    made: dict[str, Any] = {
        "type": ["object", "null"],
        "properties": {key: _field(key, field, host) for key, field in known.items()},
        "additionalProperties": len(known) < len(fields),
    }
    required = [key for key, field in known.items() if field.required]
    return {**made, "required": required} if required else made


def _field(key: str, field: Field, host: PluginHost | None) -> dict[str, Any]:
    about = {"description": field.about.text} if field.about.text else {}
    default = field.attribute.default
    if field.section is Auth:
        return {**about, **_auth(host)}
    if field.section is not None:
        if issubclass(field.section, Section):
            return {**about, **_adapters(key, field, host)}
        return {**about, **_section(fields_of(field.section), host)}
    if field.items is not None:
        return {**about, **_list(key, field, host)}
    told = default is attrs.NOTHING or isinstance(default, attrs.Factory) or field.about.secret  # type: ignore[arg-type]
    shown = {} if told else {"default": list(default) if isinstance(default, tuple | frozenset) else default}
    hidden = {"writeOnly": True} if field.about.secret else {}
    return {**about, **shown, **hidden, "anyOf": [*_kinds(field), _FROM_ENVIRONMENT]}


def _kinds(field: Field) -> list[dict[str, Any]]:
    """The types of a plain value, each within the validators' limits."""
    bounds = limits(field.attribute.validator)
    return [{**_kind(one), **(bounds if one is not NoneType else {})} for one in members(field.type)]


def _kind(kind: Any) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (tuple, frozenset):
        return {"type": "array", "items": {"anyOf": [_kind(inner[0]), _FROM_ENVIRONMENT]}}
    if origin is not None:
        return {"type": "object"}
    return {"type": _TYPES[kind]} if kind in _TYPES else {}


def _adapters(key: str, field: Field, host: PluginHost | None) -> dict[str, Any]:
    """A section that names an adapter: further keys are those of the adapter that it names or means."""
    cls = field.section or Section
    own = {name: _field(name, one, None) for name, one in fields_of(cls).items() if not one.about.rest}
    default = field.attribute.default if isinstance(field.attribute.default, Section) else field.about.base
    offers = [] if host is None else list(host.adapters(key))
    rules = []
    for offer in sorted(offers, key=lambda one: one.name):
        known = _settings(key, offer)
        if known is None:
            continue
        named = {"properties": {"adapter": {"const": offer.name}}}
        when = named if default is not None and offer.name == default.adapter else {**named, "required": ["adapter"]}
        rules.append({"if": when, "then": {**known, "properties": {**own, **known["properties"]}}})
    return {"anyOf": [{"type": ["object", "null"], "properties": own, "allOf": rules}, *_words(key)]}


def _auth(host: PluginHost | None) -> dict[str, Any]:
    """The section that names an authenticator by its mode: further keys are that authenticator's."""
    own = {name: _field(name, one, None) for name, one in fields_of(Auth).items() if not one.about.rest}
    offers = sorted([] if host is None else host.adapters("authenticator"), key=lambda one: one.name)
    bare = {"properties": {"mode": {"const": DISABLED}}}
    rules: list[dict[str, Any]] = [{"if": bare, "then": {"properties": own, "additionalProperties": False}}]
    for offer in offers:
        known = _settings("authenticator", offer)
        if known is not None:
            named = {"properties": {"mode": {"const": offer.name}}, "required": ["mode"]}
            rules.append({"if": named, "then": {**known, "properties": {**own, **known["properties"]}}})
    modes = [{"enum": [DISABLED, *(one.name for one in offers)]}, _FROM_ENVIRONMENT]
    own = {**own, "mode": {**own["mode"], "anyOf": modes}}
    return {"anyOf": [{"type": ["object", "null"], "properties": own, "allOf": rules}]}


def _list(key: str, field: Field, host: PluginHost | None) -> dict[str, Any]:
    """A list of sections that name an adapter each, or of such names."""
    cls = field.items or NamedSink
    word = next(iter(fields_of(cls)))
    rules = []
    for offer in sorted([] if host is None else list(host.adapters(word)), key=lambda one: one.name):
        known = _settings(word, offer)
        if known is not None:
            own = {word: {"const": offer.name}}
            rules.append({"if": {"properties": own}, "then": {**known, "properties": {**own, **known["properties"]}}})
    named = {"type": "object", "properties": {word: {"type": "string"}}, "required": [word], "allOf": rules}
    default = [getattr(one, word) for one in field.attribute.default or ()]
    return {
        "default": default,
        "anyOf": [{"type": "array", "items": {"anyOf": [{"type": "string"}, named]}}, _FROM_ENVIRONMENT],
    }


def _words(key: str) -> list[dict[str, Any]]:
    """What a section may be besides a mapping."""
    return [{"const": "none"}] if key == "invoker" else []


def _settings(port: str, adapter: Any) -> dict[str, Any] | None:
    """The keys of an adapter; None where its class of settings is not to be had."""
    try:
        cls = settings_class(port, adapter)
        return _section({} if cls is None else fields_of(cls), None)
    except (BadInput, NameError, TypeError):  # of another distribution, whose annotations may mean nothing
        return None
