"""Every event that a release recorded is a kind of the catalogue, and its details mean the same when written again."""

from __future__ import annotations

import pytest

from sr_domain.record.events import EVENTS
from sr_domain.record.kinds import Kept
from tests.upgrade.test_archive import recorded
from tests.upgrade.worlds import RUNS, Run


@pytest.mark.parametrize("run", [run for run in RUNS if run.state is not None], ids=lambda run: run.name)
def test_details_survive_reading_and_writing(run: Run) -> None:
    events = recorded(run).events
    assert events
    for event in events:
        kind = EVENTS[event.event_kind]
        assert kind.kept is not Kept.NOT
        assert kind.details.of(event.details).document() == event.details
