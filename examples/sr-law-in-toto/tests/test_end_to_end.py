"""The command line with this distribution installed: files to READY, and tampered twins that never are."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keys import PREDICATE, flag_of, pem, signer

from sr_plugins.testing import LawFolder

FLAG = "validated.json"
FILES = {"orders/part-0.csv": b"1,2\n", "orders/part-1.csv": b"3,4\n", "report.txt": b"all is well\n"}


def method(**params: Any) -> dict[str, Any]:
    """The gate's; a parameter of None is left out."""
    whole = {"kind": "in_toto_statement", "public_key": pem(signer()), "predicate_type": PREDICATE, **params}
    return {name: value for name, value in whole.items() if value is not None}


@pytest.fixture
def folder(tmp_path: Path) -> LawFolder:
    """A folder of data with its statement, which this law judges."""
    return LawFolder.write(tmp_path, {**FILES, FLAG: flag_of(FILES)}, FLAG, method())


def test_files_with_their_signed_statement_are_ready_judged_by_this_law_in_a_worker(folder: LawFolder) -> None:
    done = folder.sr("submit", "request.json")
    assert done.returncode == 0, done.stderr
    notes = folder.json("facts", "key:orders-1")["evidence_notes"]
    assert any("sr-law-in-toto" in note for note in notes)
    assert not any(note.startswith("LAW_IN_CALLERS_PROCESS") for note in notes)
    assert folder.sr("verify", "key:orders-1").returncode == 0


def flag(folder: LawFolder, data: bytes) -> None:
    (folder.data / FLAG).write_bytes(data)


def changed_byte(folder: LawFolder) -> None:
    (folder.data / "orders/part-0.csv").write_bytes(b"1,3\n")


def changed_byte_that_no_output_has(folder: LawFolder) -> None:
    (folder.data / "report.txt").write_bytes(b"all is ill\n")


def unsigned(folder: LawFolder) -> None:
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "signatures": []}).encode())


def another_key(folder: LawFolder) -> None:
    flag(folder, flag_of(FILES, signer("ed25519", 1)))


def signature_of_another_statement(folder: LawFolder) -> None:
    other = json.loads(flag_of({**FILES, "orders/part-0.csv": b"1,3\n"}))
    changed_byte(folder)
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "payload": other["payload"]}).encode())


def wrong_payload_type(folder: LawFolder) -> None:
    flag(folder, json.dumps({**json.loads(flag_of(FILES)), "payloadType": "application/json"}).encode())


def wrong_predicate(folder: LawFolder) -> None:
    flag(folder, flag_of(FILES, predicateType="https://slsa.dev/provenance/v1"))


def missing_subject(folder: LawFolder) -> None:
    flag(folder, flag_of({name: data for name, data in FILES.items() if "part-1" not in name}))


def absent_file(folder: LawFolder) -> None:
    (folder.data / "report.txt").unlink()


def torn(folder: LawFolder) -> None:
    flag(folder, flag_of(FILES)[:-1])


WAITING, QUARANTINED = 3, 5
TWINS: dict[Callable[[LawFolder], None], int] = {
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
def test_a_tampered_twin_is_never_ready(folder: LawFolder, tamper: Callable[[LawFolder], None]) -> None:
    tamper(folder)
    done = folder.sr("submit", "request.json")
    assert done.returncode == TWINS[tamper], (done.stdout, done.stderr)
    assert folder.json("list", "--ready")["runs"] == []


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
def test_params_are_those_of_the_schema(folder: LawFolder, params: dict[str, Any], code: int) -> None:
    folder.judge_by(method(**params))
    done = folder.sr("submit", "request.json")
    assert done.returncode == code, done.stderr


def test_a_key_that_is_none_lets_the_run_rest_until_the_pack_is_mended(folder: LawFolder) -> None:
    broken = "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----\n"
    folder.judge_by(method(public_key=broken))
    done = folder.sr("submit", "request.json")
    assert done.returncode == 9, (done.stdout, done.stderr)
    assert "LAW_FAILED" in done.stderr


def test_the_readme_runs_as_written(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    done = LawFolder(tmp_path, FLAG).sh(block)
    assert done.returncode == 0, done.stderr
    assert "READY" in done.stdout
