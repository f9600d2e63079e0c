"""Making a world: outputs, bundles, flags, receipt and pack manifest, all from the pins."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.demo_engine.bundles import write_bundle

_TOKEN = re.compile(r"\{([^{}]*)\}")
_BLOCK = 1 << 20
RELEASE = "demo-engine-1"


@attrs.frozen
class Faults:
    """What is to go wrong, on purpose. Gate and output ids; empty for none."""

    fail: str = ""
    missing: str = ""
    omit: str = ""
    receipt_mismatch: bool = False


@attrs.frozen
class World:
    """A world to be written. `size`: total bytes, about. `parts`: files of a folder or glob output."""

    pack: Path
    root: Path
    invocation: Mapping[str, Any]
    size: int = 200_000
    parts: int = 2
    days: tuple[str, ...] = ("2026-01-01",)
    only: frozenset[str] = frozenset()
    faults: Faults = Faults()
    say: Callable[[str], None] = lambda line: None

    def write(self) -> None:
        """Everything, in the order an engine seals a world: outputs, bundles, flags, receipt, manifest."""
        pins = self.pins()
        catalogue, gates = (
            _load(self.pack / "engine_outputs.catalogue.yaml"),
            _load(self.pack / "engine_gates.map.yaml"),
        )
        self.root.mkdir(parents=True, exist_ok=True)
        written = self._outputs(catalogue["outputs"], gates["gates"], pins)
        self.say(f"demo engine: {written} files of outputs")
        outputs = {entry["output_id"]: entry for entry in catalogue["outputs"]}
        for gate in gates["gates"]:
            self._gate(gate, outputs, pins)
        self.say(f"demo engine: {len(gates['gates'])} validation bundles sealed")
        self._receipt(pins)
        self._manifest(pins)

    def pins(self) -> dict[str, str]:
        """The invocation's pins, as path text."""
        binding = self.invocation["scenario_binding"]
        names = binding.get("scenario_set")
        scenario = binding.get("scenario_id") if names is None else _set_id(names)
        plain = {key: str(self.invocation[key]) for key in ("manifest_fingerprint", "parameter_hash", "seed", "run_id")}
        return {**plain, "scenario_id": str(scenario)}

    def _outputs(
        self, entries: Sequence[Mapping[str, Any]], gates: Sequence[Mapping[str, Any]], pins: Mapping[str, str]
    ) -> int:
        keys = ("bundle_root_template", "index_path_template", "passed_flag_path_template")
        sealed = {_fill(gate[key], pins) for gate in gates for key in keys if gate.get(key)}
        wanted = []
        for entry in entries:
            if entry["output_id"] == self.faults.omit or (self.only and entry["output_id"] not in self.only):
                continue
            if _fill(str(entry["path_template"]), pins) in sealed:
                continue  # bundles, indexes and flags are outputs of the catalogue too; they are sealed below
            files = list(self._files(entry, pins))
            if not files:
                self.say(f"demo engine: skipped {entry['output_id']}: no pin fills its path")
            wanted += files
        wanted = sorted(set(wanted))
        each = max(1, self.size // max(1, len(wanted)))
        for path in wanted:
            self._fill_file(path, each, pins)
        return len(wanted)

    def _files(self, entry: Mapping[str, Any], pins: Mapping[str, str]) -> Iterator[str]:
        template = str(entry["path_template"]).strip()
        for day in self.days if "{utc_day}" in template else ("",):
            path = _fill(template, {**pins, "utc_day": day})
            if path is None:
                return
            if path.endswith("/"):
                yield from (f"{path}part-{at:05d}.bin" for at in range(self.parts))
            elif "*" in path:
                yield from (path.replace("*", f"{at:05d}") for at in range(self.parts))
            else:
                yield path

    def _fill_file(self, path: str, size: int, pins: Mapping[str, str]) -> None:
        """Bytes that follow from the pins and the path: the same world, the same bytes."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        head = hashlib.sha256(f"{pins['manifest_fingerprint']}|{pins['seed']}|{path}".encode()).hexdigest().encode()
        block = (head * (min(size, _BLOCK) // len(head) + 1))[: min(size, _BLOCK)]
        with target.open("wb") as file:
            left = size
            while left > 0:
                file.write(block[:left] if left < len(block) else block)
                left -= len(block)

    def _gate(self, gate: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]], pins: Mapping[str, str]) -> None:
        vouched = [outputs[one] for one in gate.get("authorizes_outputs", ()) if one in outputs]
        evidence = [path for entry in vouched for path in self._files(entry, pins) if (self.root / path).is_file()]
        filled = {key: _fill(value, pins) if key.endswith("_template") else value for key, value in gate.items()}
        write_bundle(
            self.root,
            filled,
            evidence,
            corrupt=gate["gate_id"] == self.faults.fail,
            flag=gate["gate_id"] != self.faults.missing,
        )

    def _receipt(self, pins: Mapping[str, str]) -> None:
        seed = int(self.invocation["seed"])
        receipt = {
            "run_id": pins["run_id"],
            "manifest_fingerprint": pins["manifest_fingerprint"],
            "parameter_hash": pins["parameter_hash"],
            "seed": seed + 1 if self.faults.receipt_mismatch else seed,
            "engine_release": RELEASE,
        }
        _write_json(self.root / "run_receipt.json", receipt)

    def _manifest(self, pins: Mapping[str, str]) -> None:
        world = {
            "manifest_fingerprint": pins["manifest_fingerprint"],
            "parameter_hash": pins["parameter_hash"],
            "scenario_id": pins["scenario_id"],
            "seed": int(self.invocation["seed"]),
        }
        manifest = {
            "version": "1.0",
            "oracle_pack_id": hashlib.sha256(json.dumps(world, sort_keys=True).encode()).hexdigest(),
            "world_key": world,
            "engine_release": RELEASE,
            "catalogue_digest": _file_digest(self.pack / "engine_outputs.catalogue.yaml"),
            "gate_map_digest": _file_digest(self.pack / "engine_gates.map.yaml"),
            "created_at_utc": "2026-01-01T00:00:00Z",
        }
        _write_json(self.root / "_oracle_pack_manifest.json", manifest)


def _load(path: Path) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader, faster
    return document


def _fill(template: str, pins: Mapping[str, str]) -> str | None:
    template = template.strip()
    if any(token not in pins for token in _TOKEN.findall(template)):
        return None
    return _TOKEN.sub(lambda match: pins[match[1]], template)


def _set_id(names: Iterable[str]) -> str:
    return "scnset_" + hashlib.sha256("|".join(sorted(set(names))).encode()).hexdigest()[:16]


def _write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")


def _file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
