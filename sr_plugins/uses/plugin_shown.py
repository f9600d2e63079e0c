"""One adapter or law, as ``sr plugins show`` tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_plugins.documents.shapes import Field, fields_of
from sr_plugins.host.loading import PluginError, Source, canonical
from sr_plugins.host.offers import Offer
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.uses.law_probe import law_traits, plain
from sr_plugins.uses.plugin_apart import ask_apart
from sr_plugins.wiring.adapter_settings import settings_class
from sr_ports import NotFound, ReasonCode
from sr_ports.errors import described


@attrs.frozen
class ShownSetting:
    """A setting of an adapter, or a parameter of a law. `default`: a JSON value, None for a secret's, too."""

    key: str
    wanted: str
    text: str
    required: bool
    secret: bool
    default: Any


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Shown(Offer):
    """An offer, and what it takes. `law`: of a law its version, algorithm, schema of parameters, count of vectors."""

    extra: str | None
    requires: tuple[str, ...]
    schemes: tuple[str, ...]
    settings: tuple[ShownSetting, ...]
    law: Mapping[str, Any] | None


def shown(host: PluginHost, name: str) -> list[Shown]:
    """Every offer of this name, or all of the distribution of this name. Raises `NotFound(PLUGIN_NOT_FOUND)`."""
    rows = host.offers()
    found = [one for one in rows if one.name == name and one.name != "?"]
    found = found or [one for one in rows if canonical(one.distribution) == canonical(name)]
    if not found:
        import difflib

        near = difflib.get_close_matches(name, {one.name for one in rows} | {one.distribution for one in rows}, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise NotFound(ReasonCode.PLUGIN_NOT_FOUND, f"no adapter, law or distribution is named {name!r}{hint}")
    return [_shown(host, one) for one in found]


def _shown(host: PluginHost, row: Offer) -> Shown:
    why = row.why
    settings: tuple[ShownSetting, ...] = ()
    offer: Any = None
    law: Mapping[str, Any] | None = None
    try:
        offer, source = _found(host, row)
        law = _law(offer, source) if row.port == "law" and source is not None else None
        settings = tuple(_settings(row.port, offer, law))
    except Exception as error:  # noqa: BLE001 - a class, or a schema, of another distribution
        why = f"{f'{why}; ' if why else ''}its settings cannot be read: {described(error)}"
    return Shown(
        **{**attrs.asdict(row, recurse=False), "why": why},
        extra=getattr(offer, "extra", None),
        requires=tuple(getattr(offer, "requires", ())),
        schemes=tuple(getattr(offer, "schemes", ())),
        settings=settings,
        law=law,
    )


def _found(host: PluginHost, row: Offer) -> tuple[Any, Source | None]:
    """What is offered, an adapter imported for it; nothing where it cannot be used, or another gives the name first."""
    if not row.loaded:
        return host.offered.get((row.port, row.name), (None, None))
    found = host.find(row.port, row.name)
    return (None, None) if found is None or found[1].distribution != row.distribution else found


def _law(law: Any, source: Source) -> Mapping[str, Any] | None:
    """What a law says of itself; one of another distribution is asked in a process of its own."""
    if source.own or source.given:
        return law_traits(law)
    told = ask_apart(source, "show", law.kind)
    if isinstance(told, str):
        raise PluginError(told)
    traits: Mapping[str, Any] = told
    return traits


def _settings(port: str, offer: Any, law: Mapping[str, Any] | None) -> Iterator[ShownSetting]:
    if law is not None:
        yield from _params(law["params_schema"] or {})
    elif offer is not None:
        cls = settings_class(port, offer)
        yield from _fields(fields_of(cls) if cls is not None else {}, "")


def _params(schema: Mapping[str, Any]) -> Iterator[ShownSetting]:
    for key, one in schema.get("properties", {}).items():
        words = one.get("enum") or [one["const"]] if "enum" in one or "const" in one else ()
        is_ = " or ".join(map(str, words)) or str(one.get("type", "a value"))
        required = key in schema.get("required", ())
        yield ShownSetting(key, is_, str(one.get("description", "")), required, False, one.get("default"))


def _fields(fields: Mapping[str, Field], where: str) -> Iterator[ShownSetting]:
    for key, field in fields.items():
        if field.section is not None:
            yield from _fields(fields_of(field.section), f"{where}{key}.")
            continue
        default, secret = field.attribute.default, field.about.secret
        told = not (secret or field.required or isinstance(default, attrs.Factory))  # type: ignore[arg-type]
        value = list(default) if isinstance(default, tuple | frozenset) else default
        shown = plain(value) if told and isinstance(value, str | int | float | bool | list | Mapping) else None
        yield ShownSetting(f"{where}{key}", field.wanted, field.about.text, field.required, secret, shown)
