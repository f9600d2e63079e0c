"""The contracts that an engine's pack brings with it: they bind beside SR's own, where they ask for more."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import attrs

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.contracts import Problem
from sr_domain.encoding.pack_schema import Schema, SchemaFault, self_contained
from sr_ports import Fault, ReasonCode
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class PackContracts(Compared):
    """`schemas`: self-contained (see `pack_schema`), by the name of the contract of SR's that each stands beside."""

    schemas: Mapping[str, Schema] = attrs.field(factory=dict)

    def problem(self, contract: str, document: Any) -> Problem | None:
        """What breaks the pack's contract of that name; None when the document fits, or the pack has none.

        Raises `Fault(RECORD_INVALID)` where a schema, which a plan on record may have, is none that a pack may have.
        """
        schema = self.schemas.get(contract)
        if schema is None:
            return None
        try:
            what = checker(exact_json(schema).decode())(document)
        except SchemaFault as fault:
            raise Fault(ReasonCode.RECORD_INVALID, f"the plan's contract {contract}: {fault}") from fault
        return None if what is None else Problem(contract, what[0], f"{what[1]}, says the pack's own contract")


@cache
def checker(schema: str) -> Callable[[Any], tuple[str, str] | None]:
    """What tells where and how a document breaks a self-contained schema, None when it fits. Raises `SchemaFault`.

    `schema`: as JSON text. It is looked through again, whoever wrote it: code is made from it.
    """
    import fastjsonschema  # at run time needed by packs with contracts alone

    node = self_contained(json.loads(schema), "the schema")
    named = {**node, "$schema": "http://json-schema.org/draft-07/schema#"} if isinstance(node, dict) else node
    try:
        check = fastjsonschema.compile(named, use_default=False, use_formats=False)
    except fastjsonschema.JsonSchemaDefinitionException as error:
        raise SchemaFault(f"it cannot be compiled: {error}") from error

    def first(document: Any) -> tuple[str, str] | None:
        try:
            check(document)
        except fastjsonschema.JsonSchemaValueException as error:
            path = str(error.name).removeprefix("data").removeprefix(".")
            told = str(error.message).removeprefix(str(error.name)).strip()
            return path, f"{path or 'it'} {told}"
        return None

    return first
