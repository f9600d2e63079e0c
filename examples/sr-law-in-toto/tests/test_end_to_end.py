"""The command line with this distribution installed: files to READY, and tampered twins that never are."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keys import PREDICATE, flag_of, pem, signer

BIN = Path(sys.executable).parent
FILES = {"orders/part-0.csv": b"1,2\n", "orders/part-1.csv": b"3,4\n", "report.txt": b"all is well\n"}
OUTPUTS = {
    "version": "1",
    "outputs": [
        {
            "output_id": "orders",
            "path_template": "orders/part-*.csv",
            "scope": "scope_manifest_fingerprint",
            "partitions": ["manifest_fingerprint"],
            "availability": "required",
            "read_requires_gates": ["gate.data"],
        }
    ],
}
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


def gates(**params: Any) -> str:
    method = {"kind": "in_toto_statement", "public_key": pem(signer()), "predicate_type": PREDICATE, **params}
    gate = {
        "gate_id": "gate.data",
        "scope": "fingerprint",
        "bundle_root_template": "./",
        "passed_flag_path_template": "validated.json",
        "verification_method": {name: value for name, value in method.items() if value is not None},
        "upstream_gate_dependencies": [],
        "authorizes_outputs": ["orders"],
    }
    return json.dumps({"version": "1", "gates": [gate]})


def sr(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "PLATFORM_"))}
    return subprocess.run([BIN / "sr", *words], cwd=folder, env=own, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data with its statement, a pack whose gate is this law's, and a request."""
    for name, data in {**FILES, "validated.json": flag_of(FILES)}.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "engine_gates.map.yaml").write_text(gates())
    (tmp_path / "pack" / "engine_outputs.catalogue.yaml").write_text(json.dumps(OUTPUTS))
    (tmp_path / "sr.yaml").write_text("runtime_root: runs\nengine: {interface_pack: pack}\n")
    (tmp_path / "request.json").write_text(json.dumps(REQUEST))
    return tmp_path


def test_files_with_their_signed_statement_are_ready_judged_by_this_law_in_a_worker(folder: Path) -> None:
    done = sr(folder, "submit", "request.json")
    assert done.returncode == 0, done.stderr
    notes = json.loads(sr(folder, "--json", "facts", "key:orders-1").stdout)["evidence_notes"]
    assert any("sr-law-in-toto" in note for note in notes)
    assert not any(note.startswith("LAW_IN_CALLERS_PROCESS") for note in notes)
    assert sr(folder, "verify", "key:orders-1").returncode == 0


def flag(folder: Path, data: bytes) -> None:
    (folder / "data" / "validated.json").write_bytes(data)


def changed_byte(folder: Path) -> None:
    (folder / "data/orders/part-0.csv").write_bytes(b"1,3\n")


def changed_byte_that_no_output_has(folder: Path) -> None:
    (folder / "data/report.txt").write_bytes(b"all is ill\n")


def unsigned(folder: Path) -> None:
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "signatures": []}).encode())


def another_key(folder: Path) -> None:
    flag(folder, flag_of(FILES, signer("ed25519", 1)))


def signature_of_another_statement(folder: Path) -> None:
    other = json.loads(flag_of({**FILES, "orders/part-0.csv": b"1,3\n"}))
    changed_byte(folder)
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "payload": other["payload"]}).encode())


def wrong_payload_type(folder: Path) -> None:
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "payloadType": "application/json"}).encode())


def wrong_predicate(folder: Path) -> None:
    flag(folder, flag_of(FILES, predicateType="https://slsa.dev/provenance/v1"))


def missing_subject(folder: Path) -> None:
    flag(folder, flag_of({name: data for name, data in FILES.items() if "part-1" not in name}))


def absent_file(folder: Path) -> None:
    (folder / "data/report.txt").unlink()


def torn(folder: Path) -> None:
    flag(folder, flag_of(FILES)[:-1])


WAITING, QUARANTINED = 3, 5
TWINS: dict[Callable[[Path], None], int] = {
    changed_byte: QUARANTINED,
    changed_byte_that_no_output_has: QUARANTINED,
    unsigned: QUARANTINED,
    another_key: QUARANTINED,
    signature_of_another_statement: QUARANTINED,
    wrong_payload_type: QUARANTINED,
    wrong_predicate: QUARANTINED,
    missing_subject: WAITING,
    absent_file: WAITING,
    torn: WAITING,
}


@pytest.mark.parametrize("tamper", TWINS, ids=lambda tamper: tamper.__name__)
def test_a_tampered_twin_is_never_ready(folder: Path, tamper: Callable[[Path], None]) -> None:
    tamper(folder)
    done = sr(folder, "submit", "request.json")
    assert done.returncode == TWINS[tamper], (done.stdout, done.stderr)
    assert json.loads(sr(folder, "--json", "list", "--ready").stdout)["runs"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"scheme": "ed25519"}, 0),
        ({"scheme": "md5"}, 2),
        ({"public_key": None}, 2),
        ({"predicate_type": None}, 2),
        ({"key": "x"}, 2),
    ],
    ids=str,
)
def test_params_are_those_of_the_schema(folder: Path, params: dict[str, Any], code: int) -> None:
    (folder / "pack" / "engine_gates.map.yaml").write_text(gates(**params))
    done = sr(folder, "submit", "request.json")
    assert done.returncode == code, done.stderr


def test_a_key_that_is_none_lets_the_run_rest_until_the_pack_is_mended(folder: Path) -> None:
    broken = "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----\n"
    (folder / "pack" / "engine_gates.map.yaml").write_text(gates(public_key=broken))
    done = sr(folder, "submit", "request.json")
    assert done.returncode == 9, (done.stdout, done.stderr)
    assert "LAW_FAILED" in done.stderr


def test_the_readme_runs_as_written(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    own = {name: value for name, value in os.environ.items() if not name.startswith("SR_")}
    env = {**own, "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])}
    done = subprocess.run(["sh", "-e"], input=block, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "READY" in done.stdout
