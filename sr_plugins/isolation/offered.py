"""What a plugin gives, as its worker says who has imported it: names, and nothing that is executed here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final, NoReturn, cast

import attrs

from sr_domain.encoding.strict_json import strict_loads
from sr_domain.evidence.law_traits import CALLS, LawTraits, traits_of
from sr_domain.evidence.provided_law import LawStopped
from sr_plugins.host.loading import PORTS, NamedLaw
from sr_plugins.isolation.frames import Garbled
from sr_ports import BadInput
from sr_ports.hooks import Adapter

_LONGEST_SCHEMA: Final = 64 << 10


class GivesNothing(LawStopped):
    """A plugin is sound, and has no law and no adapter."""


class Unloaded(LawStopped):
    """A plugin raised when it was imported or asked, and its process went on."""


@attrs.frozen
class Offered:
    """`laws`: as they are known here. `adapters`: each with its port; none can be built before its plugin is imported
    here. `notes`: what is wrong with it all the same.
    """

    laws: tuple[NamedLaw, ...] = ()
    adapters: tuple[tuple[str, Adapter[Any]], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of its laws."""
        return tuple(one.kind for one in self.laws)


def told_of_law(kind: str, traits: LawTraits) -> dict[str, Any]:
    """What is said of a law to whoever has not imported its plugin. Raises for a schema that JSON cannot say."""
    schema = None if traits.params_schema is None else json.dumps(_plain(traits.params_schema), allow_nan=False)
    if len(schema or "") > _LONGEST_SCHEMA:
        raise ValueError(f"the params_schema of {kind} has more than {_LONGEST_SCHEMA} characters")
    told = {"kind": kind, "version": traits.version, "algorithm": traits.algorithm, "schema": schema}
    return {**told, "offers": sorted(traits.offers), "lists_outputs": traits.lists_outputs}


def law(node: Any) -> NamedLaw:
    """A law as a worker tells of it. Raises `Garbled`."""
    match node:
        case {
            "kind": str(kind),
            "version": version,
            "algorithm": str(algorithm),
            "schema": schema,
            "offers": list(names),
        }:
            offers = frozenset(one for one in names if one in CALLS)
            told = SimpleNamespace(kind=kind, version=version, algorithm=algorithm, params_schema=_schema(schema))
            try:
                traits = traits_of(cast("Any", told))
            except TypeError as error:
                raise Garbled(str(error)) from error
            lists = node.get("lists_outputs") is True
            return NamedLaw(kind, attrs.evolve(traits, offers=offers, lists_outputs=lists))
    raise Garbled("a law that is none")


def _schema(text: Any) -> Any:
    if not isinstance(text, str):
        return None
    try:
        return strict_loads(text.encode(), what="a law's schema", max_bytes=4 * _LONGEST_SCHEMA)
    except BadInput as error:
        raise Garbled(error.what) from error


def _plain(node: Any) -> Any:
    """A schema with mappings and lists of JSON's own."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    return [_plain(one) for one in node] if isinstance(node, list | tuple) else node


def adapter(node: Any) -> tuple[str, Adapter[Any]]:
    """An adapter as a worker tells of it, and its port. Raises `Garbled`."""
    match node:
        case {"port": str(port), "name": str(name), "lacks": list(lacks), "extra": extra, "schemes": list(schemes)}:
            if port in PORTS and isinstance(extra, str | None):
                return port, Adapter(name, _elsewhere, extra, tuple(map(str, lacks)), schemes=tuple(map(str, schemes)))
    raise Garbled("an adapter that is none")


def _elsewhere(wiring: object) -> NoReturn:
    raise LawStopped("its code is in another process")
