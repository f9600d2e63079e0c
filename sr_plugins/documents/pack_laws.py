"""The keys of a gate map's ``verification_method`` that are a law's own, held against what the law says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sr_domain.evidence.provided_law import ProvidedLaw
from sr_domain.plan.pack import InterfacePack
from sr_plugins.documents.pack_entries import bad
from sr_plugins.documents.pack_words import METHOD, Word, unknown
from sr_ports import BadInput, ReasonCode, VerificationMethod

_WHERE = "verification_method"


def check_laws(pack: InterfacePack, laws: Mapping[str, ProvidedLaw]) -> None:
    """Raise `BadInput` for the first key of a gate map that its law does not know, or knows otherwise.

    Plugins that give the pack's laws are imported now. A law that nobody provides is told where a run is planned.
    """
    for gate in pack.gates.values():
        provided = laws.get(gate.method.kind)
        for what in () if provided is None else param_faults(gate.method, provided):
            raise bad(gate.gate_id, f"{_WHERE}: {what}")


def param_faults(method: VerificationMethod, provided: ProvidedLaw) -> Iterator[str]:
    """What is wrong with the law's own keys, each in a clause. Raises `BadInput(PLUGIN_BROKEN)`."""
    if not method.params:
        return
    schema: Any = provided.traits.params_schema or {}
    known = {**METHOD, **{name: Word("") for name in _named(schema.get("properties"))}}
    own = [key for key in method.params if not _open(schema, key)]
    faults = list(unknown(dict.fromkeys(own), known))
    yield from faults
    if not faults and schema:
        told = _misfit(schema, method.params.document(), provided)
        yield from () if told is None else (told,)


def _named(words: Any) -> tuple[str, ...]:
    return tuple(map(str, words)) if isinstance(words, Mapping) else ()


def _open(schema: Mapping[str, Any], key: str) -> bool:
    """Whether the schema takes keys such as this without naming them one by one."""
    more = schema.get("additionalProperties", False)
    if more is True or isinstance(more, Mapping):
        return True
    try:
        return any(re.search(pattern, key) for pattern in _named(schema.get("patternProperties")))
    except re.error:
        return False


def _misfit(schema: Mapping[str, Any], document: Any, provided: ProvidedLaw) -> str | None:
    """How the keys break the law's schema; None when they fit."""
    import json

    from sr_domain.encoding.pack_contracts import checker
    from sr_domain.encoding.pack_schema import SchemaFault

    try:
        text = json.dumps(_plain(schema), allow_nan=False)
        found = checker(text)(document)
    except (SchemaFault, TypeError, ValueError) as error:
        what = f"{provided.by} has a params_schema that is none: {error}"
        raise BadInput(ReasonCode.PLUGIN_BROKEN, what) from error
    return None if found is None else found[1]


def _plain(node: Any) -> Any:
    """The schema with mappings and lists of JSON's own."""
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    return [_plain(one) for one in node] if isinstance(node, list | tuple) else node
