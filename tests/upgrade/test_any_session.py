"""Every run of every earlier release, found with no session and from another one: nobody has to know where it is."""

from __future__ import annotations

import pytest

from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_ports import BadInput, ReasonCode
from tests.upgrade.worlds import RUNS, Home, Run, named


def place(run: Run) -> tuple[object, ...]:
    return run.corpus, run.told["home"], run.told.get("store"), run.run_id


TWICE = [run for run in RUNS if [place(one) for one in RUNS if one.base != run.base].count(place(run))]
"""Runs of one id in two platform runs of one store."""
ADMITTED = [run for run in RUNS if run.state is not None]
FREE = [run for run in ADMITTED if run.told["platform_run_id"] == "my-run"]
OTHER = "platform_20260909T090909Z"


def opened(home: Home) -> ScenarioRunner:
    return build_runner(home.profile, policy=home.run.corpus.manifest["policy"])


def test_the_corpus_has_runs_under_a_name_of_the_first_release() -> None:
    assert FREE


@pytest.mark.parametrize("session", [None, OTHER])
@pytest.mark.parametrize("run", ADMITTED, ids=named)
def test_it_is_found(home: Home, monkeypatch: pytest.MonkeyPatch, session: str | None) -> None:
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    if session is not None:
        monkeypatch.setenv("PLATFORM_RUN_ID", session)
    run, before = home.run, home.marks()
    ref = f"{run.base}/run_record/{run.run_id}.jsonl"
    with opened(home) as runner:
        if run in TWICE:
            with pytest.raises(BadInput, match="several platform runs"):
                runner.status(run.run_id)
        name = ref if run in TWICE else run.run_id
        status = runner.status(name)
        assert (status.state, status.platform_run_id) == (run.state, run.told["platform_run_id"])
        assert [one.event_kind for one in runner.record(name)] == run.told["events"]
        assert runner.explain(name).state == run.state
        assert {one.code.value for one in runner.audit(name).findings} <= set(run.told["audit"])
        if run.has("READY_COMMITTED") and not run.told["audit"]:
            assert runner.facts(name)["run_id"] == run.run_id
        rows, more = runner.ready_runs(limit=1000)
        assert (run.run_id in [row["run_id"] for row in rows if "trouble" not in row]) >= (
            run.state == "READY" and not run.told["audit"]
        )
        assert not more
    assert home.marks() == before


@pytest.mark.parametrize("run", FREE, ids=named)
def test_under_a_name_of_the_first_release_it_is_told_and_nothing_new_is_admitted(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", home.run.told["platform_run_id"])
    before = home.marks()
    with opened(home) as runner:
        assert runner.status(home.run.run_id).state == home.run.state
        with pytest.raises(BadInput) as caught:
            runner.submit({**home.run.told["request"], "run_equivalence_key": "another"})
    assert caught.value.code is ReasonCode.PLATFORM_RUN_INVALID
    assert home.marks() == before


@pytest.mark.parametrize("run", [run for run in FREE if run.told["resumed"] is not None], ids=named)
def test_under_a_name_of_the_first_release_it_is_resumed_by_its_home(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORM_RUN_ID", OTHER)
    before = home.truth()
    with opened(home) as runner:
        outcome = runner.resume(home.run.run_id)
        told = home.run.told["resumed"]
        assert (outcome.state, outcome.reason_code) == (told["state"], told["reason_code"])
        assert outcome.platform_run_id == "my-run"
    home.unchanged(before)
    assert not (home.store / "fraud-platform" / OTHER / "sr" / "run_record").exists()
