"""Bad input of any kind ends in one clear line; nothing is written, nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sr_adapters.file.store import FileObjectStore
from tests.cli.conftest import SR, Shell

WINDOW = {"window_start_utc": "2026-01-01T00:00:00Z", "window_end_utc": "2026-01-02T00:00:00Z", "window_tz": "UTC"}


@pytest.mark.parametrize(
    "changes",
    [
        {"run_equivalence_key": ""},
        {"run_equivalence_key": 5},
        {"manifest_fingerprint": "g" * 64},
        {"engine_run_root": "~/engine"},
        {"manifest_fingerprint": "a" * 64 + "\n"},
        {"parameter_hash": "b" * 63},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": 1.0},
        {"seed": True},
        {"seed": "7"},
        {"scenario": {}},
        {"scenario": {"scenario_id": "a", "scenario_set": ["b"]}},
        {"scenario": {"scenario_set": []}},
        {"scenario": {"scenario_id": "../x"}},
        {"scenario": {"scenario_id": "a*"}},
        {"scenario": {"scenario_set": ["a|b"]}},
        {"scenario": {"scenario_id": "x" * 513}},
        {"window": {**WINDOW, "window_end_utc": WINDOW["window_start_utc"]}},
        {"window": {**WINDOW, "window_start_utc": "2026-01-03T00:00:00Z"}},
        {"window": {**WINDOW, "window_start_utc": "2026-13-01T00:00:00Z"}},
        {"window": {**WINDOW, "window_start_utc": "2026-01-01"}},
        {"window": {**WINDOW, "window_tz": "Mars/Olympus"}},
        {"window": {**WINDOW, "window_tz": "../../etc/passwd"}},
        {"window": {}},
        {"output_ids": []},
        {"output_ids": ["a b"]},
        {"output_ids": "events"},
        {"requested_strategy": "MAYBE"},
        {"supersedes": "xyz"},
        {"surprise": 1},
        {"notes": None},
    ],
    ids=lambda changes: json.dumps(changes, default=str)[:50],
)
def test_a_malformed_request_field(sr: Shell, changes: dict[str, Any]) -> None:
    answer = sr(
        "submit",
        sr.request(**{"key": "key", **changes}) if "run_equivalence_key" not in changes else _with_key(sr, changes),
    )
    assert (answer.code, answer.error) == (2, "REQUEST_INVALID")
    assert not (sr.folder / "runs").exists()


def _with_key(sr: Shell, changes: dict[str, Any]) -> str:
    name = sr.request()
    path = sr.folder / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "a: b: c",
        "{",
        '{"a": 1, "a": 2}',
        "a: 1\na: 2",
        "a: !!python/object:x {}",
        "\xff",
        "a: *b",
        "- " * 500,
    ],
)
def test_a_request_that_is_no_document(sr: Shell, text: str) -> None:
    (sr.folder / "r.yaml").write_bytes(text.encode("latin-1"))
    answer = sr("submit", "r.yaml")
    assert answer.code == 2
    assert answer.error in ("DOCUMENT_INVALID", "REQUEST_INVALID", "DOCUMENT_TOO_DEEP", "DOCUMENT_TOO_LARGE")
    assert not (sr.folder / "runs").exists()


def test_a_request_file_that_is_not_there(sr: Shell) -> None:
    assert sr("submit", "nope.yaml").error == "REQUEST_NOT_FOUND"
    assert sr("submit", ".").error == "REQUEST_NOT_FOUND"
    assert sr("submit", "a\0b").error == "REQUEST_NOT_FOUND"


def edit(path: Path, change: Any) -> None:
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ("code", "file", "change"),
    [
        ("UNKNOWN_GATE_ID", "gates", lambda d: d["gates"][1].update(upstream_gate_dependencies=["gate.none"])),
        ("GATE_CYCLE", "gates", lambda d: d["gates"][0].update(upstream_gate_dependencies=["gate.end"])),
        ("OUTPUT_UNGATED", "gates", lambda d: d["gates"][1].update(authorizes_outputs=["events"])),
        ("UNRESOLVED_PATH_TOKEN", "outputs", lambda d: d["outputs"][1].update(path_template="data/{release}/x")),
        ("UNRESOLVED_PATH_TOKEN", "outputs", lambda d: d["outputs"][1].update(path_template="../x")),
        ("UNRESOLVED_PATH_TOKEN", "outputs", lambda d: d["outputs"][1].update(path_template="/etc/passwd")),
        ("INSTANCE_SCOPE_MISSING", "outputs", lambda d: d["outputs"][0].update(partitions=["manifest_fingerprint"])),
    ],
)
def test_a_pack_that_cannot_serve_ends_the_run_failed_with_the_name(
    sr: Shell, code: str, file: str, change: Any
) -> None:
    name = "engine_gates.map.yaml" if file == "gates" else "engine_outputs.catalogue.yaml"
    edit(sr.folder / "pack" / name, change)
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (4, code)


def test_a_law_that_is_not_here_is_no_fault_of_the_packs_and_burns_no_key(sr: Shell) -> None:
    edit(sr.folder / "pack/engine_gates.map.yaml", lambda d: d["gates"][0]["verification_method"].update(kind="nope"))
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (2, "UNKNOWN_HASHING_LAW")
    assert not (sr.folder / "runs").exists()


def test_no_outputs_at_all(sr: Shell) -> None:
    name = sr.request()
    document = json.loads((sr.folder / name).read_text())
    del document["output_ids"]
    (sr.folder / name).write_text(json.dumps(document))
    assert sr("submit", name).error == "NO_OUTPUTS"


@pytest.mark.parametrize("template", ["/abs/*.bin", "inst/../x", "inst//x", "inst/[z-a].bin", "{utc_day"])
def test_a_template_that_cannot_be_is_told_by_the_check_in_one_line(sr: Shell, template: str) -> None:
    path = sr.folder / "pack/engine_outputs.catalogue.yaml"
    catalogue = yaml.safe_load(path.read_text())
    catalogue["outputs"][0]["path_template"] = template
    path.write_text(yaml.safe_dump(catalogue))
    answer = sr("contracts", "check", "pack")
    assert answer.code == 5
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("error[")
    assert sr("--json", "contracts", "check", "pack").json["errors"] == 1


def test_stray_newlines_in_the_catalogue_do_not_matter(sr: Shell) -> None:
    edit(
        sr.folder / "pack" / "engine_outputs.catalogue.yaml",
        lambda d: d["outputs"][1].update(path_template="data/world.bin\n"),
    )
    assert sr("submit", sr.request()).code == 0


def test_a_law_the_policy_does_not_accept(sr: Shell, policy: Any) -> None:
    policy(allowed_laws=["another"])
    assert sr("submit", sr.request()).error == "LAW_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nope: 1", "PROFILE_INVALID"),
        ("object_store: {adapter: file, rooot: x}", "PROFILE_INVALID"),
        ("lease: {ttl_seconds: soon}", "PROFILE_INVALID"),
        ("runtime_root: ${SR_NOT_SET_ANYWHERE}", "ENV_UNSET"),
        ("object_store: {adapter: nfs}", "ADAPTER_UNKNOWN"),
        ("runtime_root: [", "DOCUMENT_INVALID"),
        ("engine: {interface_pack: nowhere}", "PACK_INVALID"),
    ],
)
def test_a_bad_profile(sr: Shell, text: str, code: str) -> None:
    (sr.folder / "profile.yaml").write_text(text)
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (2, code)
    assert not (sr.folder / "runs").exists()


def test_a_profile_that_is_not_there(sr: Shell) -> None:
    assert sr.bare("--profile", "nope.yaml", "list").error == "PROFILE_NOT_FOUND"


def test_a_policy_that_is_not_what_its_digest_says(sr: Shell) -> None:
    path = sr.folder / "policy.yaml"
    path.write_text(path.read_text().replace("evidence_wait_seconds: 0", "evidence_wait_seconds: 1"))
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (2, "POLICY_DIGEST_MISMATCH")
    assert "sr policy seal" in answer.err
    sr.bare("policy", "seal", "policy.yaml")
    assert sr("submit", sr.request()).code == 0


def test_a_full_disk_stops_the_run_where_it_is(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_ports import ReasonCode, Unreachable

    original = FileObjectStore.create

    def full(self: FileObjectStore, key: str, data: bytes) -> Any:
        if "run_facts_view" in key:
            raise Unreachable(ReasonCode.STORE_FULL, f"{key}: No space left on device")
        return original(self, key, data)

    monkeypatch.setattr(FileObjectStore, "create", full)
    stopped = sr("submit", sr.request())
    assert (stopped.code, stopped.error) == (9, "STORE_FULL")
    monkeypatch.undo()
    monkeypatch.chdir(sr.folder)
    assert sr("submit", sr.request()).code == 0


def test_a_runtime_root_that_cannot_be_one(sr: Shell) -> None:
    (sr.folder / "runs").write_text("a file")
    answer = sr("submit", sr.request())
    assert answer.code == 9
    assert answer.error.startswith(("STORE", "AUTHORITY"))


def test_a_half_deleted_store_is_told_and_not_guessed(sr: Shell) -> None:
    sr("submit", sr.request())
    (record,) = (sr.folder / "runs").glob("fraud-platform/*/sr/run_record/*.jsonl")
    record.write_bytes(record.read_bytes()[:-10])
    answer = sr("show", record.stem)
    assert (answer.code, answer.error) == (5, "RECORD_INVALID")
    record.unlink()
    gone = sr("audit", record.stem)
    assert (gone.error, f"{SR} recover {record.stem} --accept-loss" in gone.err) == ("TRUTH_ROLLED_BACK", True)


def test_links_out_of_the_engine_root_are_a_conflict(sr: Shell) -> None:
    target = sr.folder / "root" / "data" / "world.bin"
    target.unlink()
    target.symlink_to("/etc/passwd")
    answer = sr("submit", sr.request())
    assert (answer.code, answer.error) == (5, "EVIDENCE_CONFLICT")
    assert "PATH_ESCAPES" in answer.err


def test_a_missing_extra_says_what_to_install(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in ("psycopg", "boto3") else real(name, *rest)
    )
    (sr.folder / "profile.yaml").write_text(
        "authority: {adapter: postgres, dsn: 'postgresql://u:secretpassword@h/d'}\n"
    )
    answer = sr("list")
    assert (answer.code, answer.error) == (2, "EXTRA_MISSING")
    assert "pip install 'scenario-runner[postgres]'" in answer.err
    assert "secretpassword" not in answer.err + answer.out


def test_all_missing_extras_of_a_profile_are_one_line(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    libraries = ("psycopg", "boto3", "securesystemslib", "cryptography")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in libraries else real(name, *rest)
    )
    (sr.folder / "profile.yaml").write_text(
        "object_store: {adapter: s3, bucket: b}\nauthority: {adapter: postgres, dsn: 'postgresql://u@h/d'}\n"
        "control_bus: {adapter: kinesis, stream: s}\nattest: {signing_key: key.pem}\n"
    )
    answer = sr("list")
    assert (answer.code, answer.error) == (2, "EXTRA_MISSING")
    assert len(answer.err.splitlines()) == 1
    assert "pip install 'scenario-runner[s3,postgres,kinesis,attest]'" in answer.err
    assert "are not installed" in answer.err


@pytest.mark.parametrize("group", [["quarantine"], ["bus"], ["session"], ["pack"], ["contracts"], ["policy"]], ids=str)
def test_a_command_that_lacks_its_second_word_is_an_error_in_json_and_helps_people(sr: Shell, group: list[str]) -> None:
    answer = sr("--json", *group)
    assert (answer.code, answer.json["error"]["message"], answer.json["exit_code"]) == (2, "Missing command", 2)
    helped = sr(*group)
    assert helped.code == 2
    assert helped.out.startswith(" ".join(("Usage: sr", *group)))


def test_errors_are_json_too_when_json_was_asked_for(sr: Shell) -> None:
    answer = sr("--json", "submit", "nope.yaml")
    assert answer.json["error"]["reason_code"] == "REQUEST_NOT_FOUND"
    assert answer.json["exit_code"] == answer.code == 2


def test_a_bug_is_one_line_unless_v_is_given(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from sr_domain.queries import listing as views

    monkeypatch.setattr(views, "listing", lambda *args, **kwargs: 1 / 0)
    answer = sr("list")
    assert (answer.code, answer.error) == (1, "INTERNAL")
    assert "Traceback" in sr("-v", "list").err
