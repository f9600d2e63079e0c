"""Text that YAML reads as something else is told as it was written, and what to do about it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell

DIGITS = "1" * 64
EXPONENT = "1" * 9 + "e" + "9" * 54


def write(sr: Shell, **changes: str) -> str:
    """A YAML request with these fields as they stand here, unquoted."""
    document = json.loads((sr.folder / sr.request()).read_text())
    lines = [f"{key}: {changes.get(key, json.dumps(value))}" for key, value in document.items()]
    lines += [f"{key}: {text}" for key, text in changes.items() if key not in document]
    (sr.folder / "r.yaml").write_text("\n".join(lines) + "\n")
    return "r.yaml"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"run_equivalence_key": "680841e1"},
            "run_equivalence_key must be one line of 1 to 512 characters; 680841e1 wit",
        ),
        ({"run_equivalence_key": "20260101"}, "20260101 without quotes is read as a number: put it in quotes"),
        ({"run_equivalence_key": "1.50"}, "; 1.50 without quotes is read as a number: put it in quotes"),
        ({"run_equivalence_key": "true"}, "; true without quotes is read as a boolean: put it in quotes"),
        ({"manifest_fingerprint": DIGITS}, f"; {DIGITS} without quotes is read as a number: put it in quotes"),
        ({"parameter_hash": EXPONENT}, f"a number out of range: {EXPONENT}; text goes in quotes"),
        ({"scenario": "{scenario_id: 1e3}"}, "scenario.scenario_id must be"),
        ({"scenario": "{scenario_id: 1e3}"}, "; 1e3 without quotes is read as a number"),
        ({"scenario": "{scenario_set: [a, 7]}"}, "; 7 without quotes is read as a number"),
        ({"request_id": "42"}, "; 42 without quotes"),
        ({"invoker": "false"}, "; false without quotes is read as a boolean"),
        ({"notes": "3.0"}, "; 3.0 without quotes"),
        ({"output_ids": "[1e5]"}, "; 1e5 without quotes"),
        ({"supersedes": "1" * 32}, f"; {'1' * 32} without quotes"),
        ({"seed": "1.0"}, "seed must be an integer from 0 to 2^64 - 1, not 1.0"),
        ({"notes": "null"}, "notes must be text of 1 to 4096 characters, not None"),
    ],
)
def test_a_number_where_text_belongs_is_shown_as_written(sr: Shell, changes: dict[str, str], told: str) -> None:
    answer = sr("submit", write(sr, **changes))
    assert (answer.code, answer.error) in ((2, "REQUEST_INVALID"), (2, "DOCUMENT_INVALID"))
    assert told in answer.err
    assert not (sr.folder / "runs").exists()


@pytest.mark.parametrize(
    "key", ["'680841e1'", "2026-01-01", "yes", "no", "012", "0x10", "1_000", "12:30:45", "1e", "~x"]
)
def test_what_stays_text_is_taken_without_quotes(sr: Shell, key: str) -> None:
    assert sr("plan", write(sr, run_equivalence_key=key)).code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("profile: 1e3", "profile must be one line of 1 to 512 characters; 1e3 without quotes is read as a number"),
        ("runtime_root: 2026", "runtime_root must be a folder; 2026 without quotes"),
        ("lease: {ttl_seconds: -1e2}", "lease.ttl_seconds must be a number of seconds, not -1e2"),
    ],
)
def test_a_profile_is_told_alike(sr: Shell, text: str, told: str) -> None:
    (sr.folder / "profile.yaml").write_text(text + "\n")
    answer = sr("list")
    assert (answer.code, answer.error) == (2, "PROFILE_INVALID")
    assert told in answer.err


def test_a_policy_is_told_alike(sr: Shell) -> None:
    (sr.folder / "other.yaml").write_text("policy_id: test\nrevision: 1e0\n")
    answer = sr.bare("policy", "seal", "other.yaml")
    assert answer.error == "POLICY_INVALID"
    assert "; 1e0 without quotes is read as a number: put it in quotes" in answer.err


def test_a_pack_is_told_alike(sr: Shell) -> None:
    path = sr.folder / "pack/engine_outputs.catalogue.yaml"
    path.write_text(path.read_text().replace('"world"', "1e3", 1))
    answer = sr("contracts", "check", "pack")
    assert answer.code == 5
    assert "output_id must be text; 1e3 without quotes is read as a number: put it in quotes" in answer.out


def test_numbers_that_are_numbers_are_read_as_before(sr: Shell) -> None:
    (sr.folder / "other.yaml").write_text("policy_id: test\nrevision: '1'\nretry_backoff_seconds: 1.50\n")
    first = sr.bare("--json", "policy", "seal", "other.yaml").json["content_digest"]
    (sr.folder / "other.yaml").write_text("policy_id: test\nrevision: '1'\nretry_backoff_seconds: 15e-1\n")
    assert sr.bare("--json", "policy", "seal", "other.yaml").json["content_digest"] == first
