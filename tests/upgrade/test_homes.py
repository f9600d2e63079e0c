"""What is said again of a run of an earlier release goes home, and says which store holds it."""

from __future__ import annotations

import pytest

from tests.upgrade.worlds import RUNS, Home, Run, named

SOUND = [run for run in RUNS if run.told["resumed"] is not None and not run.superseded and not run.told.get("store")]
SAID = [run for run in SOUND if run.state == "READY" and run.told["profile"] != "reemit"][:2]
SAID += [run for run in SOUND if run.state == "FAILED"][:1] + [run for run in SOUND if run.state == "QUARANTINED"][:1]


@pytest.mark.parametrize("run", SAID, ids=named)
def test_a_fact_that_is_told_again_names_home_store_and_state(home: Home) -> None:
    run: Run = home.run
    identity = home.store / "fraud-platform" / "_store.json"
    with home.runner() as runner:
        assert not identity.exists()
        assert runner.reemit(run.run_id, "BOTH", actor=run.told.get("actor", "on call")).reason_code is None
        told = [one for one in runner.tail() if one.attributes["kind"].endswith("_REEMIT")]
        fact = told[-1]
        location = runner.ports.store.location()
    assert fact.attributes["platform_run_id"] == run.told["platform_run_id"]
    assert fact.attributes["store_uri"] == location
    assert fact.attributes["store_id"] in identity.read_text()
    assert fact.attributes.get("state") == (None if run.state == "READY" else run.state)
    topic = home.folder / "fraud-platform" / run.told["platform_run_id"] / "control_bus" / fact.topic
    assert any(fact.attributes["store_id"] in path.read_text() for path in topic.glob("[0-9a-f]*.json"))


@pytest.mark.parametrize("run", SAID[:1], ids=named)
def test_envelopes_of_an_earlier_release_are_read_as_they_are(home: Home) -> None:
    with home.runner() as runner:
        facts = list(runner.tail())
    assert facts
    assert not any("store_id" in one.attributes for one in facts)
