"""Making a world: outputs, bundles, flags, receipt and pack manifest, all from the pins."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sr_adapters.demo_engine import bundles
from sr_adapters.demo_engine.bundles import Gate, gates_of
from sr_adapters.demo_engine.content import Filler
from sr_adapters.demo_engine.paths import EngineFault, files_of, fill, pins_of

RELEASE = "demo-engine-1"
_TELL_EVERY = 100_000_000
GATES = "engine_gates.map.yaml"
OUTPUTS = "engine_outputs.catalogue.yaml"
_EVIDENCE = 4
"""How many output files a bundle that is based on the run root vouches for itself."""


@dataclasses.dataclass(frozen=True)
class Faults:
    """What is to go wrong, on purpose: ids of gates and outputs.

    `fail`: one byte of the bundle is changed after it was sealed. `missing`: the flag is left
    out. `omit`: the outputs are left out. `receipt_mismatch`: the receipt has another seed.
    """

    fail: Collection[str] = ()
    missing: Collection[str] = ()
    omit: Collection[str] = ()
    receipt_mismatch: bool = False


@dataclasses.dataclass(frozen=True)
class Written:
    """What a world consists of. `outputs`: files by output id. `skipped`: outputs without a path here."""

    outputs: Mapping[str, tuple[str, ...]]
    skipped: tuple[str, ...]
    total_bytes: int
    flags: Mapping[str, str]
    """Digest by gate id, for the gates that have a flag; by ``GATE@YYYY-MM-DD`` for a gate of each day."""


@dataclasses.dataclass(frozen=True)
class World:
    """A world to be written. `size`: total bytes of outputs, about. `parts`: files of a folder or glob."""

    pack: Path
    root: Path
    invocation: Mapping[str, Any]
    size: int = 200_000
    parts: int = 2
    days: tuple[str, ...] = ("2026-01-01",)
    only: Collection[str] = ()
    faults: Faults = Faults()
    say: Callable[[str], None] = lambda line: None

    def write(self) -> Written:
        """Everything, in the order an engine seals a world. Raises `EngineFault`, OSError."""
        pins = pins_of(self.invocation)
        catalogue = _load(self.pack / OUTPUTS, "outputs")
        gate_map = _load(self.pack / GATES, "gates")
        self._check_names(catalogue, gate_map)
        gates = self._gates(gate_map, pins)
        self.root.mkdir(parents=True, exist_ok=True)
        outputs, skipped = self._plan(catalogue, gates, pins)
        total = self._fill(sorted({path for paths in outputs.values() for path in paths}), pins)
        flags = self._seal(gates, outputs)
        self._close(pins, total)
        return Written(outputs, skipped, total, flags)

    def _check_names(self, catalogue: Sequence[Mapping[str, Any]], gate_map: Sequence[Mapping[str, Any]]) -> None:
        outputs = {entry["output_id"].strip() for entry in catalogue}
        gates = {entry["gate_id"].strip() for entry in gate_map}
        unknown = sorted({*self.only, *self.faults.omit} - outputs | {*self.faults.fail, *self.faults.missing} - gates)
        if unknown:
            raise EngineFault(f"the pack has no {', '.join(unknown)}")

    def _gates(self, gate_map: Sequence[Mapping[str, Any]], pins: Mapping[str, str]) -> list[Gate]:
        """Gates whose paths can be filled, the deepest bundle first: an outer one covers inner ones."""
        gates = []
        for at, entry in enumerate(gate_map):
            filled = list(gates_of(entry, at, pins, self.days))
            if None in filled:
                self.say(f"demo engine: skipped {entry['gate_id']}: its paths cannot be filled")
            gates += [gate for gate in filled if gate is not None]
        return sorted(gates, key=lambda gate: (-gate.folder.count("/"), gate.name))

    def _plan(
        self, catalogue: Sequence[Mapping[str, Any]], gates: Sequence[Gate], pins: Mapping[str, str]
    ) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
        """The files of every output to be written here, and the outputs without a path.

        Bundles, indexes and flags may be outputs of the catalogue too; sealing writes those.
        """
        sealed = {path for gate in gates for path in gate.sealed}
        folders = {gate.folder for gate in gates}
        chosen: dict[str, tuple[str, ...]] = {}
        skipped = []
        for entry in catalogue:
            name, template = entry["output_id"].strip(), str(entry["path_template"])
            if name in self.faults.omit or (self.only and name not in self.only):
                continue
            if any(
                (fill(template, {**pins, "utc_day": day}) or "").rstrip("/") in folders for day in self.days or ("",)
            ):
                continue
            files = files_of(template, pins, self.days, self.parts)
            if not files:
                skipped.append(name)
                self.say(f"demo engine: skipped {name}: no pin fills {template.strip()}")
            chosen[name] = tuple(path for path in files if path not in sealed)
        above = {folder for paths in (*chosen.values(), sealed) for path in paths for folder in _parents(path)}
        above |= folders | {parent for folder in folders for parent in _parents(folder)}
        kept = {name: tuple(path for path in paths if path not in above) for name, paths in chosen.items()}
        return {name: paths for name, paths in kept.items() if paths}, tuple(skipped)

    def _fill(self, paths: Sequence[str], pins: Mapping[str, str]) -> int:
        filler = Filler(self.root, pins["manifest_fingerprint"])
        each = max(1, self.size // max(1, len(paths)))
        told = 0
        for done, path in enumerate(paths, 1):
            filler.write(path, each)
            if done == len(paths) or (done - told) * each >= _TELL_EVERY:
                told = done
                self.say(f"demo engine: {done} of {len(paths)} output files, {done * each} bytes")
        return each * len(paths)

    def _seal(self, gates: Sequence[Gate], outputs: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        taken = {path for paths in outputs.values() for path in paths}
        reports = {gate.name: bundles.write_reports(self.root, gate, taken) for gate in gates}
        flags = {}
        for gate in gates:
            members = reports[gate.name]
            if gate.by_root:  # such a bundle vouches for the outputs themselves, one of a day for that day's
                vouched = sorted(
                    path for one in gate.authorizes for path in outputs.get(one, ()) if (gate.day or "") in path
                )
                members = sorted({*members, *vouched[:_EVIDENCE]})
            digest = bundles.seal(self.root, gate, [one for one in members if _name(one) not in gate.excluded])
            if digest is None:
                self.say(f"demo engine: no flag for {gate.gate_id}: {gate.law} is not known here")
            elif gate.gate_id not in self.faults.missing:
                bundles.write_flag(self.root, gate, digest)
                flags[gate.name] = digest
        for gate in gates:
            if gate.gate_id in self.faults.fail:
                bundles.spoil(self.root, gate, reports[gate.name])
        self.say(f"demo engine: {len(gates)} validation bundles, {len(flags)} flags")
        return flags

    def _close(self, pins: Mapping[str, str], total: int) -> None:
        """The run receipt and the pack's manifest: last, for they say that all the rest is there."""
        seed = int(pins["seed"])
        world = {key: pins[key] for key in ("manifest_fingerprint", "parameter_hash", "scenario_id")}
        receipt = {
            **{key: pins[key] for key in ("run_id", "manifest_fingerprint", "parameter_hash")},
            "seed": seed + 1 if self.faults.receipt_mismatch else seed,
            "engine_release": RELEASE,
            "output_bytes": total,
        }
        manifest = {
            "version": "1.0",
            "oracle_pack_id": hashlib.sha256(json.dumps({**world, "seed": seed}, sort_keys=True).encode()).hexdigest(),
            "world_key": {**world, "seed": seed},
            "engine_release": RELEASE,
            "catalogue_digest": bundles.file_digest(self.pack / OUTPUTS),
            "gate_map_digest": bundles.file_digest(self.pack / GATES),
            "created_at_utc": "2026-01-01T00:00:00Z",  # not a clock reading: the same world, the same bytes
        }
        for name, document in (("_oracle_pack_manifest.json", manifest), ("run_receipt.json", receipt)):
            bundles.write_text(self.root / name, json.dumps(document, indent=2, sort_keys=True) + "\n")


def build_world(
    pack_dir: Path | str,
    root: Path | str,
    invocation: Mapping[str, Any],
    *,
    size: int = 200_000,
    files: int = 2,
    days: Iterable[str] = ("2026-01-01",),
    only: Collection[str] = (),
    fail: str | None = None,
    missing: str | None = None,
    omit: Collection[str] = (),
    receipt_mismatch: bool = False,
) -> Written:
    """Write an engine root in this process, as the program would. Raises `EngineFault`, OSError."""
    faults = Faults([fail] if fail else (), [missing] if missing else (), omit, receipt_mismatch)
    return World(Path(pack_dir), Path(root), invocation, size, files, tuple(days), only, faults).write()


def _load(path: Path, key: str) -> list[dict[str, Any]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader, faster
        entries: list[dict[str, Any]] = document[key]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise EngineFault(f"{path} cannot be used: {' '.join(str(error).split())}") from error
    return entries


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:at]) for at in range(1, len(parts))]


def _name(path: str) -> str:
    return path.rpartition("/")[2]
