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


def test_a_run_whose_record_is_in_another_store_is_told_as_that(two: Shell) -> None:
    for record in (two.folder / "shared").rglob(f"{RUN}.jsonl"):
        record.unlink()
    for command in ("status", "facts", "show", "explain"):
        answer = second(two, command, RUN)
        assert (answer.code, answer.error) == (8, "RUN_NOT_FOUND"), command
        assert f"the authority knows run {RUN}, and its record" in answer.err
        assert "sr resume writes one where a crash left none; else check object_store in the profile" in answer.err
