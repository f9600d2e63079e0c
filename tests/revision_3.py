"""A revision 3, made as `docs/contracts.md` tells: one more field in the facts view, in code and in its contract."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import attrs
import pytest
import yaml

import hatch_build
from sr_domain import _contracts
from sr_domain.artifacts import revision_2
from sr_domain.artifacts.revisions import RULES
from sr_domain.record import revisions
from tests.domain.contract_samples import ROOT


def facts_view(*parts: Any) -> dict[str, Any]:
    """The facts view, and how many bytes a consumer will read."""
    facts, decision = revision_2.RULES.facts_view(*parts), parts[3]
    return {**facts, "total_size": sum(proof["size"] for proof in decision["outputs"])}


REVISION_3 = attrs.evolve(revision_2.RULES, revision=3, facts_view=facts_view)


def sources() -> dict[str, Any]:
    """The contracts, and `contracts/revision_3/run_facts_view.schema.yaml` beside them."""
    documents = {name: yaml.safe_load(data) for name, data in hatch_build.sources(ROOT).items()}
    view = documents["run_facts_view.schema.yaml"]
    fields = {**view["properties"], "total_size": {"$ref": "common.schema.yaml#/definitions/uint64"}}
    changed = {**view, "required": [*view["required"], "total_size"], "properties": fields}
    return {**documents, "revision_3/run_facts_view.schema.yaml": changed}


def released(patch: pytest.MonkeyPatch) -> None:
    """From here on this is the release with revision 3."""
    name, schema = "run_facts_view_r3", hatch_build.schemas(sources())["run_facts_view_r3"]
    module = ModuleType(f"sr_domain._contracts.{name}")
    exec(hatch_build.compiled(schema), module.__dict__)
    patch.setitem(sys.modules, module.__name__, module)
    patch.setitem(_contracts.REVISED, "run_facts_view", (3,))
    patch.setitem(RULES, 3, REVISION_3)
    patch.setattr(revisions, "REVISION", 3)
