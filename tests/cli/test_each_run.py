"""Loops over runs: whatever one run raises is its own row, and the others are served."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.flows import resume
from sr_domain.flows.due_runs import DueRuns
from sr_domain.queries import audit
from sr_domain.queries import lookups as views
from tests.cli.conftest import Shell
from tests.reliability.lab import write_world

KEYS = ("one", "two", "three")
IDS = sorted(run_id_for(key) for key in KEYS)
BAD = IDS[0]  # the first that any loop meets
RAISED = [OverflowError("date value out of range"), KeyError("x"), RecursionError("too deep"), MemoryError()]


def raising(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: Exception, at: int) -> None:
    """Have a function raise for the bad run. `at`: which argument is the run or its id."""
    whole = getattr(module, name)

    def spoilt(*args: Any, **more: Any) -> Any:
        if BAD in (args[at], getattr(args[at], "run_id", None)):
            raise error
        return whole(*args, **more)

    monkeypatch.setattr(module, name, spoilt)


@pytest.fixture
def waiting(sr: Shell, policy: Callable[..., None]) -> Shell:
    """Three runs that wait for an output, which has come since."""
    policy(evidence_wait_seconds=600)
    (sr.folder / "root/data/world.bin").unlink()
    assert [sr("submit", sr.request(key)).code for key in KEYS] == [3, 3, 3]
    write_world(sr.folder / "root")
    return sr


@pytest.fixture
def ready(sr: Shell) -> Shell:
    assert [sr("submit", sr.request(key)).code for key in KEYS] == [0, 0, 0]
    return sr


def truth(folder: Path, kind: str, run_id: str) -> Path:
    (path,) = folder.glob(f"runs/fraud-platform/*/sr/{kind}/{run_id}.*")
    return path


@pytest.mark.parametrize("error", RAISED, ids=lambda one: type(one).__name__)
def test_what_one_run_raises_is_its_row_and_the_others_go_on(
    waiting: Shell, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    raising(monkeypatch, resume, "work", error, at=2)
    answer = waiting("--json", "resume", "--all")
    rows = {row["run_id"]: row for row in answer.json["runs"]}
    assert answer.code == 1
    assert (rows[BAD]["state"], rows[BAD]["reason_code"]) == (None, "INTERNAL")
    assert rows[BAD]["message"].startswith(type(error).__name__)
    assert [rows[one]["state"] for one in IDS[1:]] == ["READY", "READY"]


def test_without_such_a_run_the_same_command_ends_well(waiting: Shell) -> None:
    answer = waiting("--json", "resume", "--all")
    assert answer.code == 0
    assert [row["state"] for row in answer.json["runs"]] == ["READY"] * 3


def test_ids_by_hand_go_on_too_and_a_traceback_is_shown_when_asked_for(
    waiting: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, resume, "work", KeyError("x"), at=2)
    answer = waiting("-v", "--json", "resume", *IDS)
    assert "KeyError: 'x'" in answer.err
    assert [row["state"] for row in answer.json["runs"]] == [None, "READY", "READY"]
    assert "Traceback" not in waiting("--json", "resume", *IDS).err


def test_a_watch_outlives_a_bug_of_one_run_and_of_a_look(waiting: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def lost(_: object, **asked: object) -> None:
        raise IndexError("no such page")

    def sleep(seconds: float) -> None:
        if seconds != 5.0:  # not the watch's own
            return
        looks.append(seconds)
        if len(looks) == 2:
            monkeypatch.setattr(DueRuns, "claim", lost)
        if len(looks) == 3:
            raise KeyboardInterrupt

    raising(monkeypatch, resume, "work", OverflowError("date value out of range"), at=2)
    monkeypatch.setattr("sr_adapters.cli.runs.time.sleep", sleep)
    answer = waiting("--json", "resume", "--watch")
    told = [json.loads(line) for line in answer.out.splitlines()[:-1]]
    assert (answer.code, len(looks)) == (130, 3)
    assert [row["run_id"] for row in told if row.get("reason_code") == "INTERNAL"] == [BAD, "-"]
    assert sorted(row["run_id"] for row in told if row["state"] == "READY") == IDS[1:]


LAST = {"window_start_utc": "9999-12-31T00:00:00Z", "window_end_utc": "9999-12-31T12:00:00Z", "window_tz": "UTC"}
LONG = {"window_start_utc": "1970-01-01T00:00:00Z", "window_end_utc": "2026-01-01T00:00:00Z", "window_tz": "UTC"}


def templated(sr: Shell, template: str) -> None:
    """Have the pack's output `world` at another path."""
    catalogue = sr.folder / "pack/engine_outputs.catalogue.yaml"
    catalogue.write_text(catalogue.read_text("utf-8").replace("data/world.bin", template))


def test_a_run_of_the_last_day_there_is_waits_as_any_other(waiting: Shell) -> None:
    templated(waiting, "day={utc_day}/x.csv")
    answer = waiting("submit", waiting.request("last", window=LAST, output_ids=["world"]))
    assert (answer.code, answer.error) == (3, "EVIDENCE_WAITING")
    assert waiting("resume", "--all").code == 3
    assert [row["state"] for row in waiting("--json", "list").json["runs"]].count("READY") == 3


def test_too_many_days_end_in_a_line_that_tells_the_limit(sr: Shell) -> None:
    templated(sr, "day={utc_day}/x.csv")
    answer = sr("submit", sr.request(window=LONG, output_ids=["world"]))
    assert (answer.code, answer.error) == (2, "REQUEST_INVALID")
    assert "the window is 20,454 days long, and {utc_day} is filled for at most 3,660" in answer.err


def test_a_pattern_that_matches_nothing_is_no_bug(sr: Shell, policy: Callable[..., None]) -> None:
    policy(evidence_wait_seconds=600)
    templated(sr, "data/wor[z-a]ld.bin")
    answer = sr("submit", sr.request(output_ids=["world"]))
    assert (answer.code, answer.error) == (3, "EVIDENCE_WAITING")
    assert sr("resume", run_id_for("key")).error == "EVIDENCE_WAITING"


def test_an_index_is_rebuilt_around_a_record_that_cannot_be_read(ready: Shell) -> None:
    for path in ready.folder.glob("runs/fraud-platform/*/sr/index/*"):
        path.unlink()
    record = truth(ready.folder, "run_record", BAD)
    sound = record.read_bytes()
    record.write_bytes(b"{}\n")
    answer = ready("--json", "resume", "--rebuild-index")
    assert (answer.code, answer.json["rebuilt"]) == (5, 2)
    (row,) = answer.json["not_rebuilt"]
    assert (row["run_id"], row["trouble"]["reason_code"]) == (BAD, "RECORD_INVALID")
    assert f"error[RECORD_INVALID]: run {BAD}: " in answer.err
    record.write_bytes(sound)
    answer = ready("--json", "resume", "--rebuild-index")
    assert (answer.code, answer.json["rebuilt"], answer.json["not_rebuilt"]) == (0, 1, [])


def test_an_audit_goes_on_after_a_run_that_cannot_be_audited(ready: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = audit.audit
    raising(monkeypatch, audit, "audit", KeyError("x"), at=2)
    answer = ready("--json", "audit", "--all")
    assert answer.code == 1
    assert [(row["run_id"], row["ok"]) for row in answer.json["runs"]] == [(one, one != BAD) for one in IDS]
    assert f"error[INTERNAL]: run {BAD}: it cannot be audited: KeyError: 'x'" in answer.err
    monkeypatch.setattr(audit, "audit", whole)
    assert ready("audit", "--all").code == 0


def test_a_list_shows_the_runs_beside_one_whose_status_is_spoilt(ready: Shell) -> None:
    assert ready("list").code == 0
    truth(ready.folder, "run_status", BAD).write_bytes(b"no json")
    answer = ready("--json", "list")
    assert answer.code == 5
    assert [row["state"] for row in answer.json["runs"]] == ["READY"] * 3
    (spoilt,) = [row for row in answer.json["runs"] if "trouble" in row]
    assert (spoilt["run_id"], spoilt["trouble"]["reason_code"]) == (BAD, "TRUTH_ALTERED")
    assert f"error[TRUTH_ALTERED]: run {BAD}: " in answer.err


def test_the_quarantine_list_shows_the_runs_beside_a_spoilt_record(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    write_world(sr.folder / "root", spoil="gate.end")
    assert [sr("submit", sr.request(key)).code for key in KEYS] == [5, 5, 5]
    assert sr("quarantine", "list").code == 0
    raising(monkeypatch, views, "_quarantined", RecursionError("deep"), at=2)
    answer = sr("--json", "quarantine", "list")
    assert answer.code == 1
    shown = answer.json["quarantine"]
    remedy = "run again with -v and report the traceback"
    trouble = {"reason_code": "INTERNAL", "message": "RecursionError: deep", "remedy": remedy}
    assert shown[0] == {"run_id": BAD, "trouble": trouble}
    keys = {run_id_for(key): key for key in KEYS}
    newest = [run_id_for(key) for key in reversed(KEYS)]
    assert [one["run_id"] for one in shown[1:]] == [one for one in newest if one != BAD]
    assert all(one["run_equivalence_key"] == keys[one["run_id"]] for one in shown[1:])
    people = sr("quarantine", "list")
    assert all(one in people.out for one in IDS)
