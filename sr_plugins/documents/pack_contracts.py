"""A pack's own contracts, read: the files that bind, each where it is there (spec: wire)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sr_domain.encoding.canonical import exact_json
from sr_domain.encoding.pack_contracts import checker
from sr_domain.encoding.pack_schema import SchemaFault, self_contained
from sr_plugins.documents.pack_entries import bad
from sr_plugins.documents.pack_files import read_yaml_file

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FOLDER = "contracts"
BINDING = {
    "engine_invocation": "engine_invocation.schema.yaml",
    "run_receipt": "run_receipt.schema.yaml",
    "gate_receipt": "gate_receipt.schema.yaml",
    "instance_receipt": "instance_proof_receipt.schema.yaml",
    "output_locator": "engine_output_locator.schema.yaml",
}
"""The file of each contract that a pack may have, by the name of SR's own."""


def read_contracts(pack: Traversable) -> dict[str, Any]:
    """The pack's contracts, self-contained, by the name of SR's own. Raises `BadInput(PACK_INVALID)`."""
    folder = pack / FOLDER
    return {name: _read(folder, file) for name, file in BINDING.items() if (folder / file).is_file()}


def _read(folder: Traversable, file: str) -> Any:
    def read(name: str) -> Any:
        path = folder
        for part in name.split("/"):
            path = path / part
        if isinstance(folder, Path) and not Path(str(path)).resolve().is_relative_to(folder.parent.resolve()):
            raise SchemaFault(f"$ref to {name!r} leaves the pack")
        return read_yaml_file(path)

    try:
        schema = self_contained(read(file), file, read)
        checker(exact_json(schema).decode())
    except SchemaFault as fault:
        raise bad(str(folder / file), str(fault)) from fault
    return schema
