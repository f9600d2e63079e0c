"""A request by flags: in place of a file, or over its fields."""

from __future__ import annotations

import json

from tests.cli.conftest import Shell
from tests.reliability.lab import request


def flags(key: str = "key") -> list[str]:
    """The usual request as a command line."""
    node = request(key)
    given = {
        "--run-equivalence-key": node["run_equivalence_key"],
        "--manifest-fingerprint": node["manifest_fingerprint"],
        "--parameter-hash": node["parameter_hash"],
        "--seed": str(node["seed"]),
        "--scenario-id": node["scenario"]["scenario_id"],
        "--window-start": node["window"]["window_start_utc"],
        "--window-end": node["window"]["window_end_utc"],
        "--window-tz": node["window"]["window_tz"],
        "--engine-run-root": "root",
    }
    outputs = [word for one in node.get("output_ids") or () for word in ("--output", one)]
    return [word for pair in given.items() for word in pair] + outputs


def test_flags_make_the_request_that_a_file_would(sr: Shell) -> None:
    by_file = sr("--json", "plan", sr.request()).json
    by_flags = sr("--json", "plan", *flags()).json
    assert {**by_flags, "problems": []} == {**by_file, "problems": []}
    assert sr("--json", "submit", *flags()).json["state"] == "READY"
    assert sr("--json", "submit", sr.request()).json["is_new"] is False


def test_flags_stand_for_the_fields_of_a_file(sr: Shell) -> None:
    name = sr.request()
    plain = sr("--json", "plan", name).json
    for args in (
        ("--seed", "8"),
        ("--parameter-hash", "c" * 64),
        ("--scenario-id", "stress"),
        ("--window-end", "2026-01-03T00:00:00Z"),
        ("--window-tz", "Europe/Oslo"),
        ("--supersedes", "1" * 32),
    ):
        other = sr("--json", "plan", name, *args).json
        assert other["intent_fingerprint"] != plain["intent_fingerprint"], args
    assert sr("--json", "plan", name, "--run-equivalence-key", "two").json["run_id"] != plain["run_id"]
    assert sr("--json", "plan", name, "--strategy", "FORCE_REUSE").json["strategy"] == "FORCE_REUSE"
    (one,) = sr("--json", "plan", name, "--output", "events").json["intended_outputs"]
    assert one == "events"
    assert sr("--json", "plan", name).json == plain


def test_what_no_request_can_be_made_of_is_refused_and_what_is_missing_is_named(sr: Shell) -> None:
    assert sr("submit").error == "USAGE"
    told = sr("submit", "--seed", "3", "--window-start", "2026-01-01T00:00:00Z")
    assert told.error == "USAGE"
    for name in (
        "--run-equivalence-key",
        "--manifest-fingerprint",
        "--parameter-hash",
        "--scenario-id",
        "--window-end",
    ):
        assert name in told.err
    assert "--seed" not in told.err
    assert sr("plan", *flags(), "--seed", "-1").code == 2
    assert sr("plan", *flags(), "--window-end", "yesterday").error == "REQUEST_INVALID"
    (sr.folder / "odd.json").write_text(json.dumps({"window": "soon"}))
    assert sr("plan", "odd.json").error == "REQUEST_INVALID"
