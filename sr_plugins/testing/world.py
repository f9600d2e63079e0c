"""A small sealed world: an interface pack of two outputs behind one gate, and the engine roots that it speaks of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from sr_ports import EngineCall, EngineResult, Part

if TYPE_CHECKING:
    from sr_domain import InterfacePack

MANIFEST: Final = "a" * 64
PARAMETERS: Final = "b" * 64
DAY: Final = "2026-01-01"
GATE: Final = "gates/sealed"
FLAG: Final = f"{GATE}/_passed.flag"
INDEX: Final = f"{GATE}/index.json"
ORDERS: Final = f"data/orders/utc_day={DAY}"
CUSTOMERS: Final = f"data/customers/manifest_fingerprint={MANIFEST}/customers.csv"
DATA: Final[Mapping[str, bytes]] = {
    f"{ORDERS}/part-0.csv": b"id,amount\n1,10\n",
    f"{ORDERS}/part-1.csv": b"id,amount\n2,20\n",
    CUSTOMERS: b"id,name\n1,Ada\n2,Grace\n",
}

GATES: Final[Mapping[str, Any]] = {
    "version": "1.0",
    "gates": [
        {
            "gate_id": "sealed",
            "scope": "fingerprint",
            "passed_flag_path_template": FLAG,
            "bundle_root_template": f"{GATE}/",
            "index_path_template": INDEX,
            "verification_method": {
                "kind": "sha256_part_list",
                "path_base": "run_root",
                "exclude_filenames": ["_passed.flag", "index.json"],
            },
            "authorizes_outputs": ["orders", "customers"],
            "upstream_gate_dependencies": [],
        }
    ],
}
OUTPUTS: Final[Mapping[str, Any]] = {
    "version": "1.0",
    "outputs": [
        {
            "output_id": "orders",
            "scope": "scope_global",
            "path_template": "data/orders/utc_day={utc_day}/part-*.csv",
            "partitions": ["utc_day"],
            "read_requires_gates": ["sealed"],
        },
        {
            "output_id": "customers",
            "scope": "scope_manifest_fingerprint",
            "path_template": "data/customers/manifest_fingerprint={manifest_fingerprint}/customers.csv",
            "partitions": ["manifest_fingerprint"],
            "read_requires_gates": ["sealed"],
        },
    ],
}


@attrs.frozen
class SmallWorld:
    """The world below `folder`, a folder of its test's own: ``pack/``, and a folder for each engine root."""

    folder: Path

    @property
    def pack_folder(self) -> Path:
        """The interface pack on disk, as a profile's ``engine.interface_pack`` names it."""
        folder = self.folder / "pack"
        if not folder.exists():
            folder.mkdir(parents=True)
            (folder / "engine_gates.map.yaml").write_text(json.dumps(GATES), "utf-8")  # JSON is YAML
            (folder / "engine_outputs.catalogue.yaml").write_text(json.dumps(OUTPUTS), "utf-8")
        return folder

    @property
    def pack(self) -> InterfacePack:
        """The interface pack."""
        from sr_plugins import load_pack

        return load_pack(str(self.pack_folder))

    def ready(self, data: Mapping[str, bytes] = DATA) -> dict[str, bytes]:
        """Every file of an engine root whose run ends READY: the data, sealed. By path relative to the root."""
        return {**data, **sealed(data)}

    def waiting(self) -> dict[str, bytes]:
        """Of a root whose flag is not there yet: the run waits, and is FAILED at the policy's deadline."""
        return {path: content for path, content in self.ready().items() if path != FLAG}

    def conflicting(self) -> dict[str, bytes]:
        """Of a root whose bytes are not those that were sealed: the run is QUARANTINED."""
        return {**self.ready(), CUSTOMERS: b"id,name\n1,Eve\n2,Grace\n"}

    def root(self, name: str, files: Mapping[str, bytes]) -> str:
        """An engine root of these files on disk; its path. Once written, it stays as it is."""
        root = self.folder / name
        for path, content in {} if root.exists() else files.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return str(root)

    def request(self, key: str = "orders-1", **changes: Any) -> dict[str, Any]:
        """A request for both outputs, of the root that is ready; a change to None leaves the field out."""
        document: dict[str, Any] = {
            "run_equivalence_key": key,
            "manifest_fingerprint": MANIFEST,
            "parameter_hash": PARAMETERS,
            "seed": 7,
            "scenario": {"scenario_id": "baseline"},
            "window": {
                "window_start_utc": f"{DAY}T00:00:00Z",
                "window_end_utc": "2026-01-02T00:00:00Z",
                "window_tz": "UTC",
            },
            "output_ids": ["orders", "customers"],
            "engine_run_root": self.root("ready", self.ready()),
            **changes,
        }
        return {name: value for name, value in document.items() if value is not None}

    def engine(self, files: Mapping[str, bytes] | None = None) -> Callable[[EngineCall], EngineResult]:
        """An engine that writes these files and its run receipt; those of a world that is ready if none are given."""

        def behaviour(call: EngineCall) -> EngineResult:
            root = call.engine_run_root or str(self.folder / f"engine-{call.invocation['run_id']}-{call.attempt_no}")
            made = {**(self.ready() if files is None else files), "run_receipt.json": receipt(call)}
            for path, content in made.items():
                place = Path(root) / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            return EngineResult(None, root, stdout=b"made a world\n")

        return behaviour


def sealed(data: Mapping[str, bytes]) -> dict[str, bytes]:
    """Index and flag of these files, as an engine that seals its world writes them last."""
    from sr_domain.evidence.digests import part_list

    parts = [Part(path, len(data[path]), hashlib.sha256(data[path]).hexdigest()) for path in sorted(data)]
    listed = [{"path": part.path, "sha256_hex": part.sha256} for part in parts]
    digest = hashlib.sha256(part_list(parts)).hexdigest()
    return {INDEX: json.dumps({"files": listed}).encode(), FLAG: f"sha256_hex = {digest}\n".encode()}


def receipt(call: EngineCall) -> bytes:
    """The run receipt of an engine that was asked so."""
    pins = ("run_id", "manifest_fingerprint", "parameter_hash", "seed")
    return json.dumps({name: call.invocation[name] for name in pins}).encode()
