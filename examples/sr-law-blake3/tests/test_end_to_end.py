"""The command line with this distribution installed: files to READY, and tampered twins that never are."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from sr_law_blake3.sums import line_of

BIN = Path(sys.executable).parent
B3SUM = os.environ.get("SR_B3SUM") or shutil.which("b3sum")
FILES = {"orders/part-0.csv": b"1,2\n", "orders/part-1.csv": b"3,4\n", "notes.txt": b"beside them\n"}
GATES = """\
version: "1"
gates:
  - gate_id: gate.data
    scope: fingerprint
    bundle_root_template: ./
    passed_flag_path_template: B3SUMS
    verification_method: {kind: b3sums_file%s}
    upstream_gate_dependencies: []
    authorizes_outputs: [orders]
"""
OUTPUTS = """\
version: "1"
outputs:
  - output_id: orders
    path_template: orders/part-*.csv
    scope: scope_manifest_fingerprint
    partitions: [manifest_fingerprint]
    availability: required
    read_requires_gates: [gate.data]
"""
REQUEST = {
    "run_equivalence_key": "orders-1",
    "manifest_fingerprint": "a" * 64,
    "parameter_hash": "b" * 64,
    "seed": 0,
    "scenario": {"scenario_id": "baseline"},
    "window": {
        "window_start_utc": "2026-01-01T00:00:00Z",
        "window_end_utc": "2026-01-02T00:00:00Z",
        "window_tz": "UTC",
    },
    "output_ids": ["orders"],
    "engine_run_root": "data",
}


def sr(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PLATFORM_"))}
    return subprocess.run([BIN / "sr", *words], cwd=folder, env=own, capture_output=True, text=True, check=False)


def sums() -> str:
    return "".join(line_of(name, blake3(data).hexdigest()) for name, data in FILES.items())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data with its manifest, a pack whose gate is this law's, and a request."""
    for name, data in {**FILES, "B3SUMS": sums().encode()}.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "engine_gates.map.yaml").write_text(GATES % "")
    (tmp_path / "pack" / "engine_outputs.catalogue.yaml").write_text(OUTPUTS)
    (tmp_path / "sr.yaml").write_text("runtime_root: runs\nengine: {interface_pack: pack}\n")
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    return tmp_path


def facts(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(sr(folder, "--json", "facts", "key:orders-1").stdout)
    return told


def test_files_with_their_manifest_are_ready_judged_by_this_law_in_a_worker(folder: Path) -> None:
    done = sr(folder, "submit", "request.json")
    assert done.returncode == 0, done.stderr
    notes = facts(folder)["evidence_notes"]
    assert any("sr-law-blake3" in note for note in notes)
    assert not any(note.startswith("LAW_IN_CALLERS_PROCESS") for note in notes)
    assert sr(folder, "verify", "key:orders-1").returncode == 0


def changed_byte(folder: Path) -> None:
    (folder / "data/orders/part-0.csv").write_bytes(b"1,3\n")


def changed_byte_that_no_output_has(folder: Path) -> None:
    (folder / "data/notes.txt").write_bytes(b"another\n")


def changed_line(folder: Path) -> None:
    (folder / "data/B3SUMS").write_text(sums().replace(blake3(b"3,4\n").hexdigest(), "0" * 64))


def unlisted_output(folder: Path) -> None:
    kept = [line for line in sums().splitlines(keepends=True) if "part-1" not in line]
    (folder / "data/B3SUMS").write_text("".join(kept))


def absent_file(folder: Path) -> None:
    (folder / "data/notes.txt").unlink()


def linked_file(folder: Path) -> None:
    (folder / "elsewhere").write_bytes(FILES["notes.txt"])
    (folder / "data/notes.txt").unlink()
    (folder / "data/notes.txt").symlink_to(folder / "elsewhere")


def torn_manifest(folder: Path) -> None:
    (folder / "data/B3SUMS").write_text(sums()[:-1])


def empty_manifest(folder: Path) -> None:
    (folder / "data/B3SUMS").write_text("")


def other_program(folder: Path) -> None:
    (folder / "data/B3SUMS").write_text(sums().upper())


WAITING, QUARANTINED = 3, 5
TWINS: dict[Callable[[Path], None], int] = {
    changed_byte: QUARANTINED,
    changed_byte_that_no_output_has: QUARANTINED,
    changed_line: QUARANTINED,
    linked_file: QUARANTINED,
    other_program: QUARANTINED,
    unlisted_output: WAITING,
    absent_file: WAITING,
    torn_manifest: WAITING,
    empty_manifest: WAITING,
}


@pytest.mark.parametrize("tamper", TWINS, ids=lambda tamper: tamper.__name__)
def test_a_tampered_twin_is_never_ready(folder: Path, tamper: Callable[[Path], None]) -> None:
    tamper(folder)
    done = sr(folder, "submit", "request.json")
    assert done.returncode == TWINS[tamper], (done.stdout, done.stderr)
    assert json.loads(sr(folder, "--json", "list", "--ready").stdout)["runs"] == []


def test_bytes_that_rot_after_ready_are_found(folder: Path) -> None:
    assert sr(folder, "submit", "request.json").returncode == 0
    changed_byte(folder)
    assert sr(folder, "verify", "key:orders-1").returncode == QUARANTINED


@pytest.mark.parametrize(("params", "code"), [(", max_threads: 2", 0), (", max_treads: 2", 2), (", max_threads: 0", 2)])
def test_params_are_those_of_the_schema(folder: Path, params: str, code: int) -> None:
    (folder / "pack" / "engine_gates.map.yaml").write_text(GATES % params)
    done = sr(folder, "submit", "request.json")
    assert done.returncode == code, done.stderr


@pytest.mark.skipif(B3SUM is None, reason="b3sum is not here: cargo install b3sum")
def test_the_readme_runs_as_written(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    places = os.pathsep.join([str(BIN), str(Path(str(B3SUM)).parent), os.environ["PATH"]])
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("SR_")}, "PATH": places}
    done = subprocess.run(["sh", "-e"], input=block, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "READY" in done.stdout
