"""IP2: the same key and intent again: one outcome, no second effect."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.memory.authority import MemoryAuthority
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_ports import EngineCall, EngineResult, Lease, LeaseLost, ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import TTL_S, Lab, request
from tests.worlds import engine, small_world


def test_a_duplicate_of_a_ready_run_changes_nothing(any_lab: Lab) -> None:
    first = any_lab.reuse(small_world())
    before = any_lab.truth()
    again = any_lab.runner().submit(request(engine_run_root=str(any_lab.root / "engine")))
    assert (again.state, again.published, again.is_new) == (RunState.READY, True, False)
    assert again.run_id == first.run_id
    assert again.refs["facts_view_ref"] == first.refs["facts_view_ref"]
    assert any_lab.truth() == before
    assert len(any_lab.published()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": "another"},
        {"notes": "another"},
        {"invoker": "another"},
        {"requested_strategy": "FORCE_REUSE"},
        {"engine_run_root": "/somewhere/else"},
        {"output_ids": ["daily", "world", "events"]},
        {
            "window": {
                "window_start_utc": "2026-01-01T01:00:00.000+01:00",
                "window_end_utc": "2026-01-02T00:00:00+00:00",
                "window_tz": "Europe/London",
            }
        },
    ],
)
def test_what_is_not_intent_makes_no_other_run(lab: Lab, changes: dict[str, Any]) -> None:
    lab.reuse(small_world())
    before = lab.truth()
    again = lab.runner().submit(request(**changes))
    assert again.state is RunState.READY
    assert lab.truth() == before


def test_a_duplicate_of_a_failed_run_is_answered_with_its_end(lab: Lab) -> None:
    first = lab.runner().submit(request(output_ids=["nowhere"]))
    before = lab.truth()
    again = lab.runner().submit(request(output_ids=["nowhere"]))
    assert (again.state, again.reason_code) == (RunState.FAILED, first.reason_code)
    assert lab.truth() == before


def test_while_it_is_in_flight_elsewhere_its_status_is_given_and_nothing_is_written(lab: Lab) -> None:
    seen: list[Any] = []
    make = engine(lab.root / "engine", small_world())

    def behaviour(call: EngineCall) -> EngineResult:
        before = lab.truth()
        seen.append(lab.runner().submit(request()))
        seen.append(lab.truth() == before)
        return make(call)

    first = lab.runner(engine=behaviour).submit(request())
    busy, unchanged = seen
    assert (busy.state, busy.reason_code, busy.in_flight) == (RunState.EXECUTING, ReasonCode.LEASE_BUSY, True)
    assert unchanged
    assert first.state is RunState.READY


def test_a_duplicate_under_another_platform_run_finds_the_run_it_was_bound_in(lab: Lab) -> None:
    from sr_adapters.runtime.platform import FixedPlatformRuns

    first = lab.reuse(small_world())
    later = lab.runner(platform=FixedPlatformRuns("platform_20270101T000000Z"))
    again = later.submit(request())
    assert (again.state, again.platform_run_id) == (RunState.READY, first.platform_run_id)
    assert not [key for key in lab.truth() if "platform_2027" in key]


STEPS = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from([None, *Mode]), st.booleans()), min_size=1, max_size=6
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_any_sequence_of_submissions_and_crashes_has_one_outcome(
    steps: list[tuple[int, Mode | None, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab.memory(Path(folder))
        root = lab.world(small_world())
        for at, mode, lapse in steps:
            plan = CrashPlan(None if mode is None else at, mode or Mode.BEFORE)
            ports = crash({"store": lab.store, "authority": lab.authority, "bus": lab.bus}, plan)
            with contextlib.suppress(Died, Unreachable, LeaseLost):
                lab.runner(**ports).submit(request(engine_run_root=root))
            lab.clock.sleep(TTL_S + 1 if lapse else 1)
        lab.lapse()
        outcome = lab.runner().submit(request(engine_run_root=root))
        assert (outcome.state, outcome.published) == (RunState.READY, True)
        messages = lab.published()
        assert len({one.message_id for one in messages}) == 1
        assert lab.kinds(run_id_for("key")).count("READY_COMMITTED") == 1
        facts = lab.document("run_facts_view", outcome.run_id)
        assert messages[0].payload["bundle_hash"] == facts["bundle_hash"]


def test_who_bound_the_key_says_so_also_where_another_got_to_work_first(tmp_path: Path) -> None:
    lab = Lab.memory(tmp_path)

    class Overtaken(MemoryAuthority):
        """Before the first lease is taken another worker takes it."""

        def acquire(self, resource: str, owner: str, **more: Any) -> Lease | None:
            lab.authority.acquire(resource, "another", **more)
            return super().acquire(resource, owner, **more)

    slow = lab.authority.handle()
    slow.__class__ = Overtaken
    bound = lab.runner(authority=slow).submit(request(engine_run_root=lab.world(small_world())))
    assert (bound.in_flight, bound.is_new) == (True, True)
    known = lab.runner().submit(request(engine_run_root=lab.world(small_world())))
    assert (known.in_flight, known.is_new) == (True, False)
