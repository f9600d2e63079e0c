"""sr governance export: every fact at the moment it became true, with what proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell


def exported(sr: Shell, *args: str) -> list[dict[str, Any]]:
    answer = sr("governance", "export", *args)
    assert (answer.code, answer.err) == (0, "")
    return [json.loads(line) for line in answer.out.splitlines()]


def kinds(facts: list[dict[str, Any]]) -> list[str]:
    return [one["event_kind"] for one in facts]


@pytest.fixture
def ready(sr: Shell) -> Shell:
    assert sr("submit", sr.request()).code == 0
    return sr


def test_a_run_to_ready_and_a_reemit_have_their_facts(ready: Shell) -> None:
    ready("reemit", run_id_for("key"), "--kind", "READY_ONLY")
    assert kinds(exported(ready)) == [
        "GOV_POLICY_REV", "GOV_PLAN_HASH", "GOV_BUNDLE_HASH", "GOV_LAW_PROVENANCE", "GOV_REEMIT_KEY",
    ]  # fmt: skip


def test_a_refused_plan_has_the_policy_that_refused_it(sr: Shell) -> None:
    assert sr("submit", sr.request(output_ids=["nowhere"])).code == 4
    (fact,) = exported(sr)
    assert (fact["event_kind"], fact["run_id"]) == ("GOV_POLICY_REV", run_id_for("key"))
    assert fact["details"]["policy_id"] == "test"


def test_a_superseded_run_says_by_whom(ready: Shell) -> None:
    old = run_id_for("key")
    assert ready("submit", ready.request("newer", supersedes=old, seed=7)).code == 0
    (fact,) = [one for one in exported(ready) if one["event_kind"] == "GOV_SUPERSEDED"]
    assert (fact["run_id"], fact["details"]["successor"]) == (old, run_id_for("newer"))


def test_the_digests_of_a_fact_are_found_in_the_record(ready: Shell) -> None:
    for fact in exported(ready):
        lines = (ready.folder / "runs" / fact["record_ref"]).read_bytes().splitlines()
        line = lines[fact["seq"]]
        assert hashlib.sha256(line).hexdigest() == fact["line_sha256"]
        assert json.loads(line)["event_id"] == fact["event_id"]
        assert hashlib.sha256(lines[fact["seq"] - 1]).hexdigest() == fact["prev_hash"]
        assert hashlib.sha256(lines[-1]).hexdigest() == fact["record_sha256"]


def test_since_leaves_out_what_is_older_and_every_platform_run_is_asked(ready: Shell) -> None:
    assert ready("session", "new").code == 0
    assert ready("submit", ready.request("other")).code == 0
    facts = exported(ready)
    assert len({one["platform_run_id"] for one in facts}) == 2
    assert exported(ready, "--since", "1h") == facts
    newest = max(one["ts_utc"] for one in facts)
    assert {one["run_id"] for one in exported(ready, "--since", newest)} == {run_id_for("other")}
    assert exported(ready, "--since", "2999-01-01") == []


def test_what_is_no_time_is_refused(ready: Shell) -> None:
    answer = ready("governance", "export", "--since", "yesterday")
    assert (answer.code, answer.error) == (2, "USAGE")


@pytest.mark.parametrize("altered", [True, False])
def test_a_damaged_record_is_told_and_the_others_follow(
    ready: Shell, altered: bool, policy: Callable[..., None]
) -> None:
    assert ready("submit", ready.request("other")).code == 0
    (record,) = (ready.folder / "runs").rglob(f"run_record/{run_id_for('key')}.jsonl")
    if altered:
        record.write_bytes(record.read_bytes().replace(b'"revision":"1"', b'"revision":"9"', 1))
    answer = ready("governance", "export")
    runs = {json.loads(line)["run_id"] for line in answer.out.splitlines()}
    assert runs == {run_id_for("other")} | (set() if altered else {run_id_for("key")})
    assert (answer.code, answer.error if altered else answer.err) == ((5, "RECORD_INVALID") if altered else (0, ""))
