"""Packs and engine roots to measure on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

PINS = {"manifest_fingerprint": "a" * 64, "parameter_hash": "b" * 64, "seed": 42}


def request(key: str, root: Path | None, outputs: list[str], **pins: Any) -> dict[str, Any]:
    """A request for these outputs of a root. `pins`: other than the usual ones."""
    return {
        "run_equivalence_key": key,
        **PINS,
        **pins,
        "scenario": {"scenario_id": "bench"},
        "window": {
            "window_start_utc": "2026-01-01T00:00:00Z",
            "window_end_utc": "2026-01-02T00:00:00Z",
            "window_tz": "UTC",
        },
        "output_ids": outputs,
        **({} if root is None else {"engine_run_root": str(root)}),
    }


def profile(folder: Path, pack: Path) -> Path:
    """A file-and-SQLite profile on that pack."""
    path = folder / "profile.yaml"
    node = {"profile": "bench", "runtime_root": f"{folder}/runs", "engine": {"interface_pack": str(pack)}}
    path.write_text(json.dumps(node), "utf-8")
    return path


FILLER = """\
  - output_id: filler_{n:03d}
    class: surface
    exposure: internal
    owner_segment: 1A
    scope: scope_seed_manifest_fingerprint
    path_template: "data/layer9/filler_{n:03d}/seed={{seed}}/manifest_fingerprint={{manifest_fingerprint}}/"
    partitions:
      - seed
      - manifest_fingerprint
    primary_key:
      - merchant_id
      - site_order
    join_keys: []
    availability: required
    read_requires_gates: []
    schema_ref: schemas.layer9.yaml#/outputs/filler_{n:03d}
    dictionary_ref: contracts/dataset_dictionary.layer9.yaml#filler_{n:03d}
    immutability:
      immutable_once_written: true
    description: An output that this run does not ask for, there to be read past as in a catalogue of the usual length.
"""


def wide_pack(folder: Path, source: Path, outputs: int) -> Path:
    """The pack in `source` with its catalogue filled up to so many outputs."""
    import yaml

    pack = folder / "pack"
    shutil.copytree(source, pack)
    catalogue = pack / "engine_outputs.catalogue.yaml"
    text = catalogue.read_text("utf-8")
    known = len(yaml.load(text, Loader=yaml.CSafeLoader)["outputs"])
    catalogue.write_text(text + "".join(FILLER.format(n=n) for n in range(outputs - known)), "utf-8")
    return pack


def single_gate(
    folder: Path, *, files: int, size: int, bundle_size: int = 1000, sparse: bool = False
) -> tuple[Path, Path]:
    """A pack of one gate and one output, and a root whose output has `files` files of `size` bytes."""
    pack, root = folder / "pack", folder / "root"
    bundle, data = root / "bundle", root / "data"
    for path in (pack, bundle, data):
        path.mkdir(parents=True, exist_ok=True)
    gate = {
        "gate_id": "gate.bench",
        "scope": "fingerprint",
        "passed_flag_path_template": "bundle/_passed.flag",
        "bundle_root_template": "bundle/",
        "verification_method": {"kind": "sha256_bundle_digest", "exclude_filenames": ["_passed.flag"]},
        "authorizes_outputs": ["out"],
        "upstream_gate_dependencies": [],
    }
    output = {
        "output_id": "out",
        "scope": "scope_seed_manifest_fingerprint",
        "partitions": ["seed", "manifest_fingerprint"],
        "path_template": "data/",
    }
    (pack / "engine_gates.map.yaml").write_text(json.dumps({"version": "1", "gates": [gate]}), "utf-8")
    (pack / "engine_outputs.catalogue.yaml").write_text(json.dumps({"version": "1", "outputs": [output]}), "utf-8")
    block = hashlib.sha256(b"bench").digest() * 32768
    for at in range(files):
        with (data / f"part-{at:06d}.bin").open("wb") as file:
            _fill(file, size, block, sparse)
    with (bundle / "all.bin").open("wb") as file:
        _fill(file, bundle_size, block, sparse)
    flag = hashlib.sha256()
    with (bundle / "all.bin").open("rb") as file:
        while chunk := file.read(1 << 20):
            flag.update(chunk)
    (bundle / "_passed.flag").write_text(f"sha256_hex = {flag.hexdigest()}\n", "utf-8")
    return pack, root


def many_outputs(folder: Path, *, outputs: int, size: int) -> tuple[Path, Path, list[str]]:
    """As `single_gate`, and the gate authorises so many outputs of one file each; their names, too."""
    pack, root = single_gate(folder, files=0, size=0)
    names = [f"out_{at:03d}" for at in range(outputs)]
    for name in names:
        (root / "data" / name).mkdir()
        (root / "data" / name / "part.bin").write_bytes(hashlib.sha256(name.encode()).digest() * (size // 32))
    gates, catalogue = pack / "engine_gates.map.yaml", pack / "engine_outputs.catalogue.yaml"
    document = json.loads(gates.read_text("utf-8"))
    document["gates"][0]["authorizes_outputs"] = names
    gates.write_text(json.dumps(document), "utf-8")
    (one,) = json.loads(catalogue.read_text("utf-8"))["outputs"]
    made = [{**one, "output_id": name, "path_template": f"data/{name}/"} for name in names]
    catalogue.write_text(json.dumps({"version": "1", "outputs": made}), "utf-8")
    return pack, root, names


def over_all(folder: Path, *, files: int, size: int, indexed: bool) -> tuple[Path, Path]:
    """As `single_gate`, and the gate covers every file of the output: all of its folder, or those of an index."""
    pack, root = single_gate(folder, files=files, size=size)
    named, gates = sorted(path.name for path in (root / "data").iterdir()), pack / "engine_gates.map.yaml"
    one = (root / "data" / named[0]).read_bytes()
    (root / "bundle" / "_passed.flag").write_text(f"sha256_hex = {_repeated(one, files)}\n", "utf-8")
    document = json.loads(gates.read_text("utf-8"))
    (gate,) = document["gates"]
    gate["bundle_root_template"] = "data/"
    if indexed:
        listed = [{"path": name, "sha256_hex": hashlib.sha256(one).hexdigest()} for name in named]
        (root / "bundle" / "index.json").write_text(json.dumps(listed), "utf-8")
        gate["index_path_template"] = "bundle/index.json"
        gate["verification_method"]["kind"] = "sha256_index_json_ascii_lex_raw_bytes"
    gates.write_text(json.dumps(document), "utf-8")
    return pack, root


def _repeated(data: bytes, times: int) -> str:
    whole = hashlib.sha256()
    for _ in range(times):
        whole.update(data)
    return whole.hexdigest()


def own_data(folder: Path, *, files: int, size: int) -> tuple[Path, Path, str]:
    """The layout that ``sr init`` makes over one output, sealed: its pack, its root and its manifest_fingerprint."""
    from sr_adapters.own_data.documents import GATES, OUTPUTS, gates_text, outputs_text
    from sr_adapters.own_data.infer import infer
    from sr_adapters.sealing import scan, seal

    root = folder / "root"
    (root / "out").mkdir(parents=True)
    block = hashlib.sha256(b"bench").digest() * 32768
    for at in range(files):
        with (root / "out" / f"part-{at:06d}.bin").open("wb") as file:
            _fill(file, size, block, sparse=False)
    layout = infer(scan(root))
    for name, text in ((GATES, gates_text), (OUTPUTS, outputs_text)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text("gate.bench", layout.outputs), "utf-8")
    return (folder / GATES).parent, root, seal(root).manifest_fingerprint


def _fill(file: Any, size: int, block: bytes, sparse: bool) -> None:
    if sparse:
        file.truncate(size)
        return
    while size > 0:
        file.write(block[:size])
        size -= len(block)
