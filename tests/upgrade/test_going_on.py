"""Every run of every earlier release, gone on with: resumed, asked for again, told again. What stands is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sr_domain.run.outcome import Outcome
from sr_ports import NotFound, ReasonCode
from tests.upgrade.corpus import locked
from tests.upgrade.worlds import KEY, RUNS, Home, Run, named, write


def _launches(run: Run) -> bool:
    """Whether going on with the run starts its engine, which writes into its root."""
    return run.told["profile"] == "engine" and run.state == "EXECUTING"


RESUMED = [run for run in RUNS if run.told["resumed"] is not None and not _launches(run)]
LAUNCHING = [run for run in RUNS if _launches(run)]
WAITING = [run for run in RUNS if "arrives" in run.told]
LINKED = [run for run in RUNS if "inner_link" in run.told]
BOUND = [run for run in RUNS if run.told["resumed"] is not None]
SETTLED = [run for run in BOUND if not run.told.get("unfinished")]
FINAL = [run for run in SETTLED if run.state in ("READY", "FAILED", "QUARANTINED")]
LOST = [run for run in RUNS if run.told.get("lost_index")]


def _as_told(home: Home, outcome: Outcome, told: dict[str, Any]) -> None:
    """The run came to what its own release brought it to."""
    run = home.run
    if "inner_link" in run.told and outcome.state == "WAITING_EVIDENCE":
        return  # a release that follows no link waits for the file itself
    assert (outcome.state, outcome.reason_code) == (told["state"], told["reason_code"]), outcome
    fixed = ["run_plan"] if run.has("PLAN_COMMITTED") else []
    fixed += ["run_facts_view"] if run.has("EVIDENCE_COMPLETE") else []
    fixed += ["quarantine"] if run.state in ("FAILED", "QUARANTINED") else []
    for kind in fixed:
        assert home.digest(kind) == told.get(kind), kind


def _published(home: Home, bus: Any, told: dict[str, Any]) -> None:
    """READY is on the bus, under one message id: its own release's, where that had decided."""
    facts = home.ready_facts(bus)
    assert {one.message_id for one in facts} == {facts[0].payload["message_id"]}
    if home.run.has("EVIDENCE_COMPLETE"):
        assert facts[0].message_id == told["message_id"]


def _resumed(home: Home, told: dict[str, Any]) -> Outcome:
    before, run = home.truth(), home.run
    with home.runner() as runner:
        outcome = runner.resume(run.run_id)
        _as_told(home, outcome, told)
        findings = {one.code.value for one in runner.audit(run.run_id).findings}
        assert findings <= set(told["audit"])
        if outcome.state == "READY":
            assert outcome.published
            _published(home, runner.ports.bus, told)
            codes = {one.code.value for one in runner.verify(run.run_id).findings}
            assert codes <= ({"SUPERSEDED"} if run.superseded else set())
    home.unchanged(before)
    return outcome


@pytest.mark.parametrize("run", RESUMED, ids=named)
def test_it_is_resumed(home: Home) -> None:
    _resumed(home, home.run.told["resumed"])


@pytest.mark.parametrize("run", LAUNCHING, ids=named)
def test_an_attempt_of_a_dead_holder_is_followed_by_another(lone_home: Home) -> None:
    _resumed(lone_home, lone_home.run.told["resumed"])


@pytest.mark.parametrize("run", [run for run in RESUMED if run.told.get("signed")], ids=named)
def test_its_signature_holds_after_all(home: Home) -> None:
    from sr_plugins.consumer import verify_facts

    _resumed(home, home.run.told["resumed"])
    done = verify_facts(home.view, profile=home.profile, key=str(home.run.corpus.root / KEY)).verification
    assert not done.findings


@pytest.mark.parametrize("run", WAITING, ids=named)
def test_what_it_waits_for_comes(lone_home: Home) -> None:
    run = lone_home.run
    write(run, run.told["arrives"])
    _resumed(lone_home, run.told["arrived"])


@pytest.mark.parametrize("run", LINKED, ids=named)
def test_the_file_itself_comes_in_its_links_place(lone_home: Home) -> None:
    run = lone_home.run
    assert run.engine_root is not None
    for path in run.told["inner_link"]:
        Path(run.engine_root, path).unlink()
    write(run, {**run.told.get("arrives", {}), **run.told["inner_link"]})
    assert _resumed(lone_home, run.told.get("arrived") or run.told["resumed"]).state == "READY"


@pytest.mark.parametrize("run", BOUND, ids=named)
def test_its_key_is_taken_and_answered_from_what_stands(home: Home) -> None:
    run, before = home.run, home.truth()
    with home.runner() as runner:
        refused = runner.submit({**run.told["request"], "seed": 5}, actor=run.told.get("actor"))
        assert (refused.state, refused.reason_code) == (None, ReasonCode.EQUIVALENCE_COLLISION)
        assert refused.differences == {"seed": {"old": run.told["request"]["seed"], "new": 5}}
        if not run.told.get("unfinished") and not run.told.get("overdue"):  # those go on, as when resumed
            known = runner.submit(run.told["request"], actor=run.told.get("actor"))
            assert (known.run_id, known.state, known.is_new) == (run.run_id, run.state, False)
            assert known.reason_code == run.told["reason_code"]
            assert known.platform_run_id == run.told["platform_run_id"]
    assert home.truth() == before


UNSETTLED = {run.told["home"]: run for run in RUNS if run.told.get("unfinished") or "arrives" in run.told}


@pytest.mark.parametrize("run", UNSETTLED.values(), ids=named)
def test_a_whole_home_is_gone_on_with(run: Run, scratch: Path) -> None:
    """Every run of it that has something left to do and needs no engine, one after the other."""
    with locked(run.corpus.root, exclusive=False):
        home = Home.copied(run, scratch / "home", whole=True)
        before = home.truth()
        mine = [one for one in RUNS if (one.corpus, one.told["home"]) == (run.corpus, run.told["home"])]
        told = {(one.told["profile"], one.run_id): one.told for one in mine}
        with home.runner() as runner:
            for run_id in list(runner.unsettled()):
                one = told.get((run.told["profile"], run_id))
                if one is not None:
                    state = runner.resume(run_id).state
                    assert state == one["resumed"]["state"] or "inner_link" in one
        home.unchanged(before)


@pytest.mark.parametrize("run", FINAL, ids=named)
def test_it_is_told_again(home: Home) -> None:
    run, before = home.run, home.truth()
    kind = "READY" if run.state == "READY" else "TERMINAL"
    with home.runner() as runner:
        bus = runner.ports.bus
        said = [one.message_id for one in bus.tail("fp.bus.control.v1")]
        done = runner.reemit(run.run_id, f"{kind}_ONLY", actor=run.told.get("actor", "on call"))
        facts = list(bus.tail("fp.bus.control.v1"))[len(said) :]
        events = runner.record(run.run_id)
    home.unchanged(before)
    if run.superseded and not getattr(done, "published", ()):  # a release that speaks of it refuses
        assert not facts
        return
    assert getattr(done, "published", ()) == (kind,), done
    assert [one.attributes["kind"] for one in facts] == [f"{kind}_REEMIT"]
    assert [one.attributes["run_id"] for one in facts] == [run.run_id]
    if kind == "READY":
        assert facts[0].message_id == run.told["resumed"]["message_id"]
    assert events[-1].event_kind == "GOV_REEMIT_KEY"


@pytest.mark.parametrize("run", LOST[:1], ids=named)
def test_a_lost_index_is_rebuilt_from_the_records(run: Run, scratch: Path) -> None:
    home = Home.copied(run, scratch / "home", whole=True)
    with home.runner(rebuilt=False) as runner:
        assert list(runner.unsettled()) == []
        assert runner.rebuild_index() == len(LOST)
        assert runner.rebuild_index() == 0
        left = {one.run_id for one in LOST if one.told.get("unfinished") or one.state == "WAITING_EVIDENCE"}
        assert set(runner.unsettled()) == left


@pytest.mark.parametrize("run", [run for run in RUNS if run.told["name"] == "denied"], ids=named)
def test_a_denial_alone_binds_nothing(home: Home) -> None:
    run, before = home.run, home.truth()
    with home.runner() as runner:
        with pytest.raises(NotFound):
            runner.resume(run.run_id)
        outcome = runner.submit(run.told["request"], actor="operator")
        assert (outcome.state, outcome.is_new) == ("READY", True)
        assert not runner.audit(run.run_id).findings
    home.unchanged(before)


@pytest.mark.parametrize("run", [run for run in RUNS if run.told["name"] == "reemit-limited"], ids=named)
def test_re_emits_of_the_first_release_count(home: Home) -> None:
    with home.runner(profile="strict-limit") as runner:
        done = runner.reemit(home.run.run_id, "READY_ONLY", actor="on call")
    assert done.reason_code is ReasonCode.REEMIT_RATE_LIMIT


@pytest.mark.parametrize("run", [run for run in RUNS if run.told["name"] == "superseded"], ids=named)
def test_a_superseded_run_has_one_successor(home: Home) -> None:
    with home.runner() as runner:
        request = {**home.run.told["request"], "run_equivalence_key": "another", "supersedes": home.run.run_id}
        outcome = runner.submit(request)
    assert outcome.reason_code is ReasonCode.SUPERSEDES_TAKEN


@pytest.mark.parametrize("run", LOST[:1], ids=named)
def test_a_key_of_a_lost_index_is_known_before_anybody_rebuilds_it(run: Run, scratch: Path) -> None:
    home = Home.copied(run, scratch / "home", whole=True)
    with home.runner(rebuilt=False) as runner:
        outcome = runner.submit(run.told["request"])
        assert (outcome.state, outcome.is_new) == ("READY", False)
        assert len(home.ready_facts(runner.ports.bus)) == 1
