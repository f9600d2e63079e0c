"""Rows of a list as a table shows them, and a run as a page shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sr_domain.queries.listing import Asked
from sr_domain.queries.rows import RunRow
from sr_ports import ReasonCode, Unreachable
from tests.kit import Lab, request
from tests.worlds import small_world


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.memory(tmp_path)


def row(lab: Lab, **ports: Any) -> RunRow:
    runner = lab.runner(**ports)
    (found,) = runner.rows(runner.listing(Asked()).rows)
    return found


def record(lab: Lab) -> str:
    return next(key for key in lab.truth() if "run_record" in key)


def test_a_row_says_what_the_record_does(lab: Lab) -> None:
    lab.reuse(small_world())
    found = row(lab)
    assert (found.state, found.key, found.scenario) == ("READY", "key", "baseline")
    assert found.window == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    assert (found.gates, found.outputs) == ((3, 3), (3, 3))
    assert (found.took_s, found.owed, found.trouble) == (0.0, False, None)


def test_a_run_that_waits_has_taken_no_time_yet_and_one_without_a_plan_has_no_counts(lab: Lab) -> None:
    lab.reuse({"a": b""})
    found = row(lab)
    assert (found.gates, found.took_s) == ((0, 3), None)
    lab.authority._state.index.clear()
    refused = lab.reuse({"a": b""}, run_equivalence_key="refused", output_ids=["nothing_such"]).run_id
    runner = lab.runner()
    (found,) = [one for one in runner.rows(runner.listing(Asked()).rows) if one.run_id == refused]
    assert (found.state, found.gates, found.outputs) == ("FAILED", None, None)


def test_a_record_that_is_gone_or_altered_is_a_trouble_of_its_row(lab: Lab) -> None:
    lab.reuse(small_world())
    key = record(lab)
    data = lab.truth()[key]
    lab.store.delete(key)
    assert row(lab).trouble is not None
    lab.store.create(key, data.replace(b'"seq":3', b'"seq":4'))
    assert "RECORD_INVALID" in str(row(lab).trouble)


def test_a_status_that_cannot_be_read_is_a_trouble_of_its_row(lab: Lab) -> None:
    lab.reuse(small_world())
    key = next(key for key in lab.truth() if "run_status" in key)
    lab.store.delete(key)
    lab.store.create(key, b"no json")
    assert row(lab).trouble is not None


def test_a_store_that_is_away_is_a_trouble_of_its_rows(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.reuse(small_world())
    runner = lab.runner()
    listed = runner.listing(Asked()).rows

    def away(key: str) -> None:
        raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")

    monkeypatch.setattr(lab.store, "read", away)
    (found,) = runner.rows(listed)
    assert found.trouble == "STORE_UNREACHABLE: the store is away"


def test_what_is_not_settled_is_counted(lab: Lab) -> None:
    assert (lab.runner().standing().waiting, lab.runner().standing().oldest_waiting_utc) == (0, None)
    lab.reuse({"a": b""})
    told = lab.runner().standing()
    assert (told.waiting, told.owed, told.oldest_waiting_utc) == (1, 0, "2026-01-31T13:42:00Z")


def test_a_dossier_is_of_one_reading_of_the_record(lab: Lab) -> None:
    run_id = lab.reuse(small_world()).run_id
    told = lab.runner().dossier(run_id)
    assert told.explanation == lab.runner().explain(run_id)
    assert [one.name for one in told.spans] == ["PlanCompile", "EvidenceVerify", "CommitFacts", "PublishReady"]
    assert [one.name for one in told.artifacts] == ["record", "status", "plan", "facts view", "ready signal"]
    (parts,) = told.parts.values()
    assert [one.path for one in parts] == ["part-0.bin", "part-1.bin"]


def test_a_part_list_that_is_gone_or_altered_is_left_out_of_a_dossier(lab: Lab) -> None:
    run_id = lab.reuse(small_world()).run_id
    key = next(key for key in lab.truth() if "part_lists" in key)
    lab.store.delete(key)
    assert list(lab.runner().dossier(run_id).parts.values()) == [()]
    lab.store.create(key, b"[]")
    assert list(lab.runner().dossier(run_id).parts.values()) == [()]


def test_a_run_that_is_worked_on_has_spans_that_go_on(lab: Lab) -> None:
    run_id = lab.reuse({"a": b""}).run_id
    assert [(one.name, one.ended_utc) for one in lab.runner().dossier(run_id).spans][-1] == ("EvidenceVerify", None)
    failed = lab.runner().submit(request("other", output_ids=["nothing_such"], engine_run_root=lab.world({}))).run_id
    assert all(one.ended_utc for one in lab.runner().dossier(failed).spans)
