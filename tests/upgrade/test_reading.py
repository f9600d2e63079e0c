"""Every run of every earlier release, read: audited, verified, told. Nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sr_adapters.cli.app import run as sr
from sr_plugins.consumer import verify_facts
from sr_ports import NotFound
from tests.upgrade.worlds import KEY, RUNS, Home, named

READY = [run for run in RUNS if run.state == "READY"]
PROVABLE = [run for run in READY if run.has("READY_COMMITTED") and "run_facts_view" in str(run.told["artifacts"])]
SOUND = [run for run in PROVABLE if not run.told["audit"]]


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_it_audits_no_worse_than_by_the_release_that_made_it(home: Home) -> None:
    before, run = home.truth(), home.run
    with home.runner() as runner:
        findings = runner.audit(run.run_id).findings
    assert {one.code.value for one in findings} <= set(run.told["audit"]), findings
    assert run.told.get("unfinished") or not findings
    assert home.truth() == before


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_it_is_told_as_it_was(home: Home) -> None:
    before, run = home.truth(), home.run
    with home.runner() as runner:
        if not run.told["events"]:
            with pytest.raises(NotFound):
                runner.record(run.run_id)
            return
        assert [one.event_kind for one in runner.record(run.run_id)] == run.told["events"]
        shown = runner.timeline(run.run_id)
        assert (shown.state, len(shown.steps)) == (run.state, len(run.told["events"]))
        if run.state is None:
            with pytest.raises(NotFound):
                runner.status(run.run_id)
            return
        status, why = runner.status(run.run_id), runner.explain(run.run_id)
        assert status.state == why.state == run.state
        assert status.reason_code == why.reason_code == run.told["reason_code"]
        assert status.published is run.told["published"]
        assert list(status.superseded_by) == run.told.get("superseded_by", [])
        if run.state == "WAITING_EVIDENCE":
            assert "MISSING" in {one.verdict for one in (*why.gates, *why.outputs)}
        if run.state == "READY" and run in PROVABLE:
            assert runner.facts(run.run_id)["run_id"] == run.run_id
        if "quarantine" in {key.split("/")[3] for key in run.told["artifacts"]}:
            assert runner.quarantine(run.run_id)["run_id"] == run.run_id
    assert home.truth() == before


@pytest.mark.parametrize("run", SOUND, ids=named)
def test_its_bytes_are_proven_again(home: Home) -> None:
    before, run = home.truth(), home.run
    key = str(run.corpus.root / KEY) if run.told.get("signed") else None
    done = verify_facts(home.view, profile=home.profile, key=key).verification
    # A release that takes a superseded run for a fault says that and nothing else of it.
    assert run.superseded or not done.findings
    assert {one.code.value for one in done.findings} <= {"SUPERSEDED"}
    facts = json.loads(home.view.read_bytes())
    assert (done.proven_outputs, done.proven_gates) == (len(facts["locators"]), len(facts["gate_receipts"]))
    assert home.truth() == before


@pytest.mark.parametrize("run", [one for one in SOUND if one.told["name"] in ("reused", "days", "signed")], ids=named)
def test_another_root_with_other_bytes_is_not_the_one_that_was_proven(home: Home) -> None:
    other = home.run.corpus.root / "engine" / "drift"
    done = verify_facts(home.view, profile=home.profile, engine_run_root=str(other)).verification
    assert {one.where for one in done.findings} & {"events", "days"}


STANDS = {"READY": 0, "WAITING_EVIDENCE": 3, "FAILED": 4, "QUARANTINED": 5, "VERIFYING": 3, "EXECUTING": 3}
SPOKEN = [run for at, run in enumerate(RUNS) if run.state not in {one.state for one in RUNS[:at]} and run.state]


@pytest.mark.parametrize("run", SPOKEN, ids=named)
def test_the_commands_tell_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(home.profile))
    monkeypatch.setenv("PLATFORM_RUN_ID", home.run.told["platform_run_id"])

    def said(*words: str) -> tuple[int, str]:
        code = sr(["--profile", str(tmp_path / "profile.json"), *words])
        return code, capsys.readouterr().out

    assert home.run.state is not None
    for words in (("status", home.run.run_id), ("explain", home.run.run_id), ("show", home.run.run_id), ("list",)):
        code, out = said(*words)
        assert code == (STANDS[home.run.state] if words[0] == "status" else 0)
        assert home.run.run_id in out
        assert home.run.state in out
    assert said("audit", home.run.run_id)[0] == (5 if home.run.told["audit"] else 0)
