"""The interface pack: what an engine can produce and which gates vouch for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sr_ports import VerificationMethod
from sr_ports.compared import Compared


@attrs.frozen(eq=False, repr=False)
class OutputSpec(Compared):
    """An entry of the output catalogue, as text from the catalogue, white space stripped.

    `scope`: the catalogue's scope word, such as ``scope_seed_manifest_fingerprint``.
    `path_template`: a file, a folder (trailing slash) or a glob, relative to the engine root.
    """

    output_id: str
    path_template: str
    scope: str = "scope_global"
    partitions: tuple[str, ...] = ()
    read_requires_gates: tuple[str, ...] = ()
    optional: bool = False
    schema_ref: str | None = None
    dictionary_ref: str | None = None


@attrs.frozen(eq=False, repr=False)
class GateSpec(Compared):
    """An entry of the gate map. Templates are relative to the engine root."""

    gate_id: str
    passed_flag_path_template: str
    bundle_root_template: str
    method: VerificationMethod
    index_path_template: str | None = None
    scope: str = "fingerprint"
    authorizes_outputs: tuple[str, ...] = ()
    upstream_gate_dependencies: tuple[str, ...] = ()


@attrs.frozen(eq=False, repr=False)
class InterfacePack(Compared):
    """Catalogue and gate map by id. `digest`: hex64 over the canonical content of both, and of the contracts.

    `contracts`: the pack's own, as of `PackContracts`.
    """

    outputs: Mapping[str, OutputSpec]
    gates: Mapping[str, GateSpec]
    digest: str
    contracts: Mapping[str, Any] = attrs.field(factory=dict)
