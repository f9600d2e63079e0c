"""One adapter or law, as ``sr plugins show`` tells of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from sr_plugins.documents.shapes import Field, fields_of
from sr_plugins.host.loading import canonical
from sr_plugins.host.offers import Offer
from sr_plugins.host.plugin_host import PluginHost
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


@attrs.frozen
class Shown:
    """What is known of one offer. `law`: of a law its version, algorithm, schema of parameters and count of vectors."""

    port: str
    name: str
    distribution: str
    version: str
    entry_point: str
    loaded: bool
    why: str | None
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
    offer, source = host.offered.get((row.port, row.name), (None, None))
    if source is not None and source.distribution != row.distribution:
        offer = None  # of two that give the name, the one that is not used
    law = _law(offer) if row.port == "law" and offer is not None else None
    why = row.why
    settings: tuple[ShownSetting, ...] = ()
    try:
        settings = tuple(_settings(row.port, offer, law))
    except Exception as error:  # noqa: BLE001 - a class, or a schema, of another distribution
        why = f"{f'{why}; ' if why else ''}its settings cannot be read: {described(error)}"
    return Shown(
        *(row.port, row.name, row.distribution, row.version, row.entry_point, row.loaded, why),
        extra=getattr(offer, "extra", None),
        requires=tuple(getattr(offer, "requires", ())),
        schemes=tuple(getattr(offer, "schemes", ())),
        settings=settings,
        law=law,
    )


def _law(law: Any) -> dict[str, Any]:
    schema = getattr(law, "params_schema", None)
    return {
        "version": _text(getattr(law, "version", None)),
        "algorithm": _text(getattr(law, "algorithm", None)) or "sha256",
        "params_schema": _plain(schema) if isinstance(schema, Mapping) else None,
        "vectors": len(tuple(getattr(law, "vectors", None) or ())),
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _plain(value: Any) -> Any:
    """A JSON value as the standard library writes it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


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
        plain = list(default) if isinstance(default, tuple | frozenset) else default
        value = _plain(plain) if told and isinstance(plain, str | int | float | bool | list | Mapping) else None
        yield ShownSetting(f"{where}{key}", field.wanted, field.about.text, field.required, secret, value)
