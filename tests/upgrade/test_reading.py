"""Every run of every earlier release, read: audited, verified, told. Nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sr_adapters.cli.app import run as sr
from sr_domain.queries.audit import Audit
from sr_domain.runner import ScenarioRunner
from sr_plugins.consumer import open_facts, verify_facts
from sr_ports import BadInput, Fault, NotFound
from tests.upgrade.worlds import KEY, RUNS, Home, Run, named

Shown = tuple[Home, ScenarioRunner]
READY = [run for run in RUNS if run.state == "READY"]
PROVABLE = [run for run in READY if run.has("READY_COMMITTED") and "run_facts_view" in str(run.told["artifacts"])]
SOUND = [run for run in PROVABLE if not run.told["audit"]]


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_it_audits_no_worse_than_by_the_release_that_made_it(run: Run, shown: Shown) -> None:
    findings = shown[1].audit(run.run_id).findings
    assert {one.code.value for one in findings} <= set(run.told["audit"]), findings
    assert run.told.get("unfinished") or not findings


@pytest.mark.parametrize("run", [run for run in RUNS if run.state is not None], ids=named)
def test_it_is_told_as_it_was(run: Run, shown: Shown) -> None:
    _, runner = shown
    assert [one.event_kind for one in runner.record(run.run_id)] == run.told["events"]
    timeline = runner.timeline(run.run_id)
    assert (timeline.state, len(timeline.steps)) == (run.state, len(run.told["events"]))
    status, why = runner.status(run.run_id), runner.explain(run.run_id)
    assert status.state == why.state == run.state
    assert status.reason_code == run.told["reason_code"]
    # A READY run that the bus has not taken yet is explained by that.
    assert why.reason_code == (status.unpublished or run.told)["reason_code"]
    assert status.published is run.told["published"]
    assert list(status.superseded_by) == run.told.get("superseded_by", [])
    if run.state == "WAITING_EVIDENCE":
        assert "MISSING" in {one.verdict for one in (*why.gates, *why.outputs)}
    if run in PROVABLE:
        assert runner.facts(run.run_id)["run_id"] == run.run_id
    if "quarantine" in {key.split("/")[3] for key in run.told["artifacts"]}:
        assert runner.quarantine(run.run_id)["run_id"] == run.run_id


@pytest.mark.parametrize("run", [run for run in RUNS if run.state is None], ids=named)
def test_what_was_never_admitted_is_no_run(run: Run, shown: Shown) -> None:
    _, runner = shown
    with pytest.raises(NotFound):
        runner.status(run.run_id)
    if not run.told["events"]:
        with pytest.raises(NotFound):
            runner.record(run.run_id)
    else:
        assert {one.event_kind for one in runner.record(run.run_id)} == {"AUTH_DENIED"}


@pytest.mark.parametrize("run", SOUND, ids=named)
def test_its_bytes_are_proven_again(run: Run, shown: Shown) -> None:
    home, runner = shown
    done = runner.verify(run.run_id)
    # A release that takes a superseded run for a fault says that and nothing else of it.
    assert {one.code.value for one in done.findings} <= ({"SUPERSEDED"} if run.superseded else set()), done
    facts = json.loads(home.view.read_bytes())
    assert (done.proven_outputs, done.proven_gates) == (len(facts["locators"]), len(facts["gate_receipts"]))


@pytest.mark.parametrize("run", SOUND, ids=named)
def test_a_consumer_opens_it_and_reads_what_its_view_names(run: Run, shown: Shown) -> None:
    """A view of the first release names no files: it is opened, and says so when a file is asked for."""
    home, _ = shown
    facts = json.loads(home.view.read_bytes())
    with open_facts(home.view, home.profile, superseded="allow") as opened:
        assert opened.outputs == tuple(dict.fromkeys(one["output_id"] for one in facts["locators"]))
        assert opened.days
        assert (opened.superseded_by is not None) is run.superseded
        for output in opened.outputs:
            if all(one["path"].startswith("/") for one in facts["locators"]):
                assert opened.paths(output)
            else:
                with pytest.raises(BadInput, match="name no files"):
                    opened.paths(output)
    if run.superseded:
        with pytest.raises(Fault):
            open_facts(home.view, home.profile)


@pytest.mark.parametrize("run", [one for one in SOUND if one.told.get("signed")], ids=named)
def test_its_signature_holds(run: Run, shown: Shown) -> None:
    home, _ = shown
    guard = verify_facts(home.view, profile=home.profile, key=run.corpus.root / KEY)
    assert guard.verification.proven_outputs
    guard.raise_if_faulty()


@pytest.mark.parametrize("run", [one for one in SOUND if one.told["name"] in ("reused", "days", "signed")], ids=named)
def test_another_root_with_other_bytes_is_not_the_one_that_was_proven(run: Run, shown: Shown) -> None:
    home, other = shown[0], run.corpus.root / "engine" / "drift"
    done = verify_facts(home.view, profile=home.profile, engine_run_root=str(other)).verification
    assert {one.where for one in done.findings} & {"events", "days"}


STANDS = {"READY": 0, "WAITING_EVIDENCE": 3, "FAILED": 4, "QUARANTINED": 5, "VERIFYING": 3, "EXECUTING": 3}
SPOKEN = {run.state: run for run in RUNS if run.state is not None and not run.told["audit"]}
"""A run of every state."""


@pytest.mark.parametrize("run", SPOKEN.values(), ids=named)
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
    assert said("audit", home.run.run_id)[0] == 0


HOMES = {(run.corpus.folder.name, run.told["home"]): run for run in RUNS}
"""A run of every home."""


@pytest.mark.parametrize("run", HOMES.values(), ids=named)
def test_an_audit_of_the_whole_store_accuses_nobody_beyond_that(run: Run, shown: Shown) -> None:
    """Records, artifacts, index and bus of a home against each other."""
    told = {
        one.run_id: set(one.told["audit"]) for one in RUNS if HOMES[one.corpus.folder.name, one.told["home"]] is run
    }
    whole = shown[1].audit_all()
    for ref, done in whole.audits():
        assert isinstance(done, Audit), ref
        assert {one.code.value for one in done.findings} <= told.get(done.run_id, set()), done
    assert whole.store == []
    assert all("names no store" in what for what in whole.not_asked)
