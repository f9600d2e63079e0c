"""With the same store and authority, a machine from which nothing was ever submitted sees what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.sqlite.authority import SqliteAuthority
from sr_domain.encoding.ids import run_id_for
from sr_ports import ReasonCode, Unreachable
from tests.cli.conftest import Answer, Shell
from tests.worlds import tree

RUN, BAD = run_id_for("key"), run_id_for("bad")


def profile(folder: Path, name: str) -> str:
    """A profile of a machine with a disk of its own, and a store and an authority that all share."""
    shared = {
        "runtime_root": f"disk-{name}",
        "object_store": {"adapter": "file", "root": "shared/store"},
        "authority": {"adapter": "sqlite", "path": "shared/authority.db"},
        "control_bus": {"adapter": "file", "root": "shared/bus"},
        "engine": {"interface_pack": "pack"},
    }
    (folder / f"{name}.yaml").write_text(json.dumps(shared))
    return f"{name}.yaml"


@pytest.fixture
def two(sr: Shell) -> Shell:
    """One machine has made a READY run and a quarantined one; the other has done nothing."""
    one = profile(sr.folder, "one")
    profile(sr.folder, "two")
    assert sr("--profile", one, "submit", sr.request()).code == 0
    (sr.folder / "root/up/report.json").write_bytes(b"altered")
    assert sr("--profile", one, "submit", sr.request("bad")).code == 5
    return sr


def second(sr: Shell, *args: str) -> Answer:
    return sr("--profile", "two.yaml", *args)


def test_the_second_machine_reads_what_the_first_has_made(two: Shell) -> None:
    before = tree(two.folder)
    rows = {one["run_id"]: one["state"] for one in second(two, "--json", "list").json["runs"]}
    assert rows == {RUN: "READY", BAD: "QUARANTINED"}
    for command in ("status", "facts", "show", "explain"):
        mine, theirs = two("--profile", "one.yaml", "--json", command, RUN), second(two, "--json", command, RUN)
        assert (theirs.code, theirs.json) == (0, mine.json), command
    for words in (("audit", RUN), ("verify", RUN, "--fast"), ("quarantine", "show", BAD)):
        assert second(two, *words).code == 0, words
    assert [one["run_id"] for one in second(two, "--json", "quarantine", "list").json["quarantine"]] == [BAD]
    assert second(two, "status", BAD).code == 5
    assert tree(two.folder) == before, "and makes nothing of its own"
    assert not (two.folder / "disk-two").exists()


def test_another_platform_run_sees_them_too(two: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260201T000000Z")
    assert second(two, "verify", RUN, "--fast").code == 0
    assert [one["run_id"] for one in second(two, "--json", "quarantine", "list").json["quarantine"]] == [BAD]
    assert second(two, "quarantine", "show", BAD).code == 0
    assert second(two, "reemit", RUN, "--kind", "READY_ONLY").code == 0


def test_a_run_that_nobody_made_is_still_not_found(two: Shell) -> None:
    for command in ("status", "facts", "show", "explain"):
        answer = second(two, command, "0" * 32)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND"), command


def test_with_no_server_reachable_nothing_is_said_not_to_be_there(two: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable(ReasonCode.AUTHORITY_UNREACHABLE, "the authority is away")

    for method in ("find", "runs", "holder"):
        monkeypatch.setattr(SqliteAuthority, method, away)
    for words in (("list",), *((name, "0" * 32) for name in ("status", "facts", "show", "explain", "audit"))):
        answer = second(two, *words)
        assert (answer.code, answer.error) == (9, "AUTHORITY_UNREACHABLE"), words
    for machine in ("one.yaml", "two.yaml"):
        for name in ("status", "facts", "show", "explain"):
            answer = two("--profile", machine, name, RUN)
            assert answer.code == 0, "the records answer while the authority is away"
            assert "note: the authority was not asked" in answer.err, name
        assert two("--profile", machine, "--json", "quarantine", "list").json["quarantine"][0]["run_id"] == BAD
        assert two("--profile", machine, "verify", RUN, "--fast").code == 0
    assert two("--profile", "one.yaml", "verify", RUN, "--fast").err == "", "which needs none"


def test_where_the_authority_is_a_platform_runs_own_there_is_nothing_yet(sr: Shell) -> None:
    answer = sr("list")
    where, step = answer.out.splitlines()
    assert (answer.code, where.partition(", file://")[0]) == (0, "No runs here yet: profile profile.yaml")
    assert where.endswith("/runs")
    assert step.startswith("  next: sr init DATA")
    assert sr("quarantine", "list").out == "Nothing is in quarantine.\n"
    assert sr("status", RUN).error == "RUN_NOT_FOUND"
    assert not (sr.folder / "runs").exists()


READS = ("status", "facts", "show", "explain")


def without_record(folder: Path) -> None:
    for record in (folder / "shared").rglob(f"{RUN}.jsonl"):
        record.unlink()


def test_a_run_whose_record_is_in_another_store_is_told_as_that(two: Shell) -> None:
    document = json.loads((two.folder / "two.yaml").read_text())
    document["object_store"]["root"] = "another/store"
    (two.folder / "two.yaml").write_text(json.dumps(document))
    for command in READS:
        answer = second(two, command, RUN)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND"), command
        assert f"run {RUN} is not in this store: the authority knows it in file://" in answer.err
        assert "shared/store" in answer.err
        assert "sr recover" not in answer.err, "nothing was lost"


@pytest.mark.parametrize("words", [(name, RUN) for name in (*READS, "wait", "diff", "resume")], ids=" ".join)
def test_a_run_whose_record_was_deleted_is_told_with_what_the_index_knows(two: Shell, words: tuple[str, ...]) -> None:
    without_record(two.folder)
    answer = second(two, *words, *([BAD] if words[0] == "diff" else []))
    assert (answer.code, answer.error) == (5, "TRUTH_ROLLED_BACK")
    assert "the index has known the run as READY and settled" in answer.err
    assert f" recover {RUN} --accept-loss --reason R" in answer.err
    assert second(two, "reemit", RUN, "--kind", "READY_ONLY").error == "TRUTH_ROLLED_BACK"


def test_a_run_whose_record_is_an_older_one_is_told_with_what_the_index_knows(two: Shell) -> None:
    (record,) = (two.folder / "shared").rglob(f"{RUN}.jsonl")
    whole = record.read_bytes()
    for left in range(1, len(whole.splitlines())):
        record.write_bytes(b"".join(whole.splitlines(keepends=True)[:left]))
        for command, code in (("status", 5), ("wait", 5), ("explain", 0)):
            answer = second(two, "--json", command, RUN)
            assert (answer.code, answer.json["reason_code"]) == (code, "TRUTH_ROLLED_BACK"), (left, command)
        assert f"recover {RUN} --accept-loss --reason R" in answer.json["next"]
        decided = b"EVIDENCE_COMPLETE" in record.read_bytes()
        assert (second(two, "facts", RUN).code == 0) is decided, "what was decided is read on"
        assert decided or second(two, "facts", RUN).error == "TRUTH_ROLLED_BACK"
    record.write_bytes(whole)
    assert second(two, "wait", RUN).code == 0


def test_the_remedy_leads_on(two: Shell) -> None:
    without_record(two.folder)
    assert second(two, "recover", RUN, "--accept-loss", "--reason", "deleted by hand").code == 4
    assert second(two, "--json", "status", RUN).json["reason_code"] == "TRUTH_LOST"
    assert second(two, "resume", "--all").out.startswith("Nothing to resume")


def test_a_quarantine_whose_record_was_deleted_is_told_and_none_once_that_is_accepted(two: Shell) -> None:
    (record,) = (two.folder / "shared").rglob(f"{BAD}.jsonl")
    record.unlink()
    assert second(two, "quarantine", "show", BAD).error == "TRUTH_ROLLED_BACK"
    (row,) = second(two, "--json", "quarantine", "list").json["quarantine"]
    assert (row["run_id"], row["trouble"]["reason_code"]) == (BAD, "TRUTH_ROLLED_BACK")
    assert second(two, "recover", BAD, "--accept-loss", "--reason", "deleted by hand").code == 4
    assert second(two, "quarantine", "show", BAD).error == "TRUTH_LOST"
    answer = second(two, "--json", "quarantine", "list")
    assert (answer.code, answer.json["quarantine"]) == (0, [])


def test_resume_all_tells_of_a_settled_run_whose_record_was_deleted(two: Shell) -> None:
    assert second(two, "resume", "--all").out.startswith("Nothing to resume")
    without_record(two.folder)
    answer = second(two, "--json", "resume", "--all")
    assert answer.code == 5
    (row,) = answer.json["runs"]
    assert (row["run_id"], row["reason_code"]) == (RUN, "TRUTH_ROLLED_BACK")


def test_resuming_all_tells_the_next_step_of_each_reason_once(two: Shell) -> None:
    without_record(two.folder)
    answer = second(two, "resume", "--all")
    assert answer.code == 5
    assert answer.out.count("TRUTH_ROLLED_BACK: ") == 1
    assert f" recover {RUN} --accept-loss --reason R" in answer.out


def test_what_a_crash_left_without_a_record_is_not_lost(two: Shell) -> None:
    """Its holder died before anything was accepted: the index knows the key, and no more."""
    without_record(two.folder)
    with SqliteAuthority("shared/authority.db")._database.writing() as link:
        link.execute("UPDATE store_run SET state = 'OPEN', settled = 0, seq = NULL, event_id = NULL")
    for command in READS:
        answer = second(two, command, RUN)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND"), command
        assert f" resume {RUN} writes one where a crash left none" in answer.err
    assert second(two, "resume", RUN).code != 8
