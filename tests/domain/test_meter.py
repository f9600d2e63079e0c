"""Progress of a long read: nothing for a short one, then now and then."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sr_adapters.runtime.clock import ManualClock
from sr_domain.evidence.progress import ReadProgress, amount
from sr_ports import LeaseLost

START = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_short_read_tells_nothing_a_long_one_after_a_second_and_then_every_five() -> None:
    clock, told = ManualClock(START), list[str]()
    progress = ReadProgress(told.append, clock.now)
    for _ in range(9):
        progress(1 << 20)
        clock.sleep(0.1)
    assert told == []
    clock.sleep(0.1)
    progress(1 << 20)
    assert told == ["read 10.0 MiB in 1 s (10.0 MiB/s)"]
    for _ in range(100):
        clock.sleep(0.1)
        progress(0)
    assert len(told) == 3
    assert told[-1].startswith("read 10.0 MiB in 11 s")


def test_a_lost_lease_stops_the_count() -> None:
    def gone() -> None:
        raise LeaseLost("run", 1)

    with pytest.raises(LeaseLost):
        ReadProgress(lambda _told: None, ManualClock(START).now, gone)(1)


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (200 * 2**30, "200.0 GiB")],
)
def test_amounts_are_for_people(size: int, told: str) -> None:
    assert amount(size) == told
