"""Compiling a plan: closure, paths, codes, and one hash for one decision."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.runtime.timezones import known_timezone
from sr_domain.plan.compile import MAX_DAYS, PlanRefused, choose_strategy, compile_plan, scope_pins
from sr_domain.plan.pack import InterfacePack, OutputSpec
from sr_domain.plan.request import Strategy, parse_request
from sr_domain.plan.sealed import SealedPlan
from sr_plugins.documents.policy import load_policy
from sr_ports import ReasonCode
from tests.kit import LAWS, POLICY, request
from tests.worlds import GATES, MF, OUTPUTS, PH, gate, law, pack

UNGATED = {"ungated_outputs": "ALLOW"}


def compiled(
    packed: InterfacePack | None = None, policy: dict[str, Any] | None = None, **changes: Any
) -> SealedPlan | PlanRefused:
    asked = parse_request(request(**changes), known_timezone)
    return compile_plan(asked, load_policy({**POLICY, **(policy or {})}), packed or pack(), LAWS)


def planned(*args: Any, **changes: Any) -> SealedPlan:
    plan = compiled(*args, **changes)
    assert isinstance(plan, SealedPlan), plan
    return plan


def refused(*args: Any, **changes: Any) -> PlanRefused:
    plan = compiled(*args, **changes)
    assert isinstance(plan, PlanRefused)
    return plan


@settings(max_examples=50, deadline=None)
@given(st.permutations(OUTPUTS), st.permutations(GATES), st.permutations(["daily", "events", "world"]))
def test_one_intent_one_plan_whatever_the_order_of_anything(outputs: Any, gates: Any, asked: list[str]) -> None:
    assert planned(pack(tuple(outputs), tuple(gates)), output_ids=asked) == planned()


@pytest.mark.parametrize("changes", [{"notes": "n"}, {"request_id": "r"}, {"invoker": "i"}, {"engine_run_root": "/r"}])
def test_what_is_not_intent_changes_no_hash(changes: dict[str, Any]) -> None:
    assert planned(**changes).plan_hash == planned().plan_hash


@pytest.mark.parametrize(
    ("args", "changes"),
    [
        ((), {"seed": 8}),
        ((), {"output_ids": ["world"]}),
        ((None, {"revision": "2"}), {}),
        ((None, {"attempt_limit": 3}), {}),
        ((attrs.evolve(pack(), digest="1" * 64),), {}),
    ],
)
def test_what_was_decided_is_in_the_hash(args: tuple[Any, ...], changes: dict[str, Any]) -> None:
    assert planned(*args, **changes).plan_hash != planned().plan_hash


def test_the_sealed_plan_reads_back_from_its_document() -> None:
    assert SealedPlan.of(planned().document()) == planned()


def test_the_closure_is_the_gates_of_the_outputs_and_all_upstream() -> None:
    assert planned(output_ids=["world"]).required_gates == ["gate.a"]
    assert planned(output_ids=["daily"]).required_gates == ["gate.a", "gate.b", "gate.c"]
    assert planned(output_ids=["extra"]).required_gates == ["gate.a"], "read_requires_gates counts"
    assert planned(output_ids=["loose"], policy=UNGATED).required_gates == []


def test_without_outputs_the_policys_traffic_is_meant() -> None:
    plan = planned(output_ids=None)
    assert plan.intended_outputs == ["events"]
    assert plan.outputs[0].traffic


def test_a_day_token_spreads_over_the_days_the_window_covers() -> None:
    window = {**request()["window"], "window_end_utc": "2026-01-03T00:00:01Z"}
    (daily,) = planned(output_ids=["daily"], window=window).outputs
    assert [(part.day, part.path) for part in daily.parts("x")] == [
        (f"2026-01-0{day}", f"data/daily/parameter_hash={PH}/utc_day=2026-01-0{day}/part-*.bin") for day in (1, 2, 3)
    ]
    assert daily.path == f"data/daily/parameter_hash={PH}/utc_day={{utc_day}}/part-*.bin"


@pytest.mark.parametrize("spelt", ["{utc_y}{utc_m}{utc_d}", "{utc_y}/{utc_m}/{utc_d}", "{utc_d}-{utc_m}-{utc_y}"])
def test_a_day_in_its_parts_spreads_as_a_day_does(spelt: str) -> None:
    window = {**request()["window"], "window_end_utc": "2026-01-03T00:00:00Z"}
    (daily,) = planned(spec(f"data/{spelt}/x.bin"), output_ids=["bad"], window=window).outputs
    told = [spelt.format(utc_y="2026", utc_m="01", utc_d=day) for day in ("01", "02")]
    assert daily.path == f"data/{spelt}/x.bin"
    assert [(part.day, part.path) for part in daily.parts("x")] == [
        (f"2026-01-0{at + 1}", f"data/{one}/x.bin") for at, one in enumerate(told)
    ]


@pytest.mark.parametrize("template", ["data/{utc_y}/x", "data/{utc_m}{utc_d}/x", "data/{utc_y}/{utc_d}/x"])
def test_a_day_that_is_named_in_part_is_refused(template: str) -> None:
    """Several days would be proven by one file."""
    problem = refused(spec(template), output_ids=["bad"])
    assert problem.code is ReasonCode.UNRESOLVED_PATH_TOKEN
    assert "a day is named whole or not at all" in problem.message
    assert planned(spec(f"{template}/{{utc_day}}"), output_ids=["bad"]).outputs, "named whole beside it"


def test_the_last_day_there_is_can_be_planned() -> None:
    window = {"window_start_utc": "9999-12-31T00:00:00Z", "window_end_utc": "9999-12-31T12:00:00Z", "window_tz": "UTC"}
    (daily,) = planned(output_ids=["daily"], window=window).outputs
    assert [part.path for part in daily.parts("x")] == [f"data/daily/parameter_hash={PH}/utc_day=9999-12-31/part-*.bin"]


def test_a_window_of_too_many_days_is_told_with_the_limit() -> None:
    first = date(2026, 1, 1)
    ends = [f"{first + timedelta(days=MAX_DAYS)}T00:00:0{second}Z" for second in (0, 1)]
    windows = [{**request()["window"], "window_end_utc": end} for end in ends]
    (daily,) = planned(output_ids=["daily"], window=windows[0]).outputs
    assert len(daily.days) == MAX_DAYS
    problem = refused(output_ids=["daily", "world"], window=windows[1])
    assert (problem.code, problem.problems[0].subject) == (ReasonCode.REQUEST_INVALID, "daily")
    assert f"the window is {MAX_DAYS + 1:,} days long" in problem.message
    assert f"at most {MAX_DAYS:,}" in problem.message
    assert planned(output_ids=["world"], window=windows[1]).outputs, "no path of it needs the days"


def test_paths_and_pins_are_filled() -> None:
    events = next(one for one in planned().outputs if one.output_id == "events")
    assert events.path == f"data/events/seed=7/manifest_fingerprint={MF}/"
    assert (events.locator_pins, events.instance_pins) == (("manifest_fingerprint", "seed"),) * 2


def spec(template: str, **more: Any) -> InterfacePack:
    return pack((OutputSpec("bad", template, read_requires_gates=("gate.a",), **more),))


@pytest.mark.parametrize(
    "template",
    ["data/{weather}.bin", "/data/x", "data/../x", "data//x", "./x", "data\\x", "data/{seed", "data/\x00", "data/{}/x"],
)
def test_a_template_that_cannot_be_a_path_is_refused(template: str) -> None:
    problem = refused(spec(template), output_ids=["bad"])
    assert problem.code is ReasonCode.UNRESOLVED_PATH_TOKEN
    assert "bad" in problem.message


def test_tokens_without_a_pin_are_named_and_so_are_the_pins_there_are() -> None:
    problem = refused(spec("data/{day}/{weather}/{seed}.bin"), output_ids=["bad"])
    pins = "{manifest_fingerprint}, {parameter_hash}, {seed}, {scenario_id}, {run_id}"
    days = "{utc_day}, {utc_y}, {utc_m}, {utc_d}"
    assert (
        problem.problems[-1].detail
        == f"no pin fills {{day}}, {{weather}}; the pins are {pins}, {days}; did you mean {{utc_day}}?"
    )


def test_a_scenario_cannot_leave_its_segment() -> None:
    plan = planned(spec("data/{scenario_id}/x"), output_ids=["bad"], scenario={"scenario_id": "a b.c"})
    assert plan.outputs[0].path == "data/a b.c/x"


def test_every_problem_is_told_the_gravest_first() -> None:
    problems = refused(
        pack((*OUTPUTS, OutputSpec("odd", "{x}"))), output_ids=["nowhere", "never", "loose", "odd"]
    )  # fmt: skip
    assert [(one.code.value, one.subject) for one in problems.problems] == [
        ("UNKNOWN_OUTPUT_ID", "never"),
        ("UNKNOWN_OUTPUT_ID", "nowhere"),
        ("OUTPUT_UNGATED", "loose"),
        ("OUTPUT_UNGATED", "odd"),
        ("UNRESOLVED_PATH_TOKEN", "odd"),
    ]
    assert problems.message == "the catalogue has no such output: never, nowhere"


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_cycle_is_named_as_it_goes_round(size: int) -> None:
    names = [f"g{at}" for at in range(size)]
    gates = tuple(
        gate(name, law("sha256_bundle_digest"), "world", after=(names[(at + 1) % size],))
        for at, name in enumerate(names)
    )
    problem = refused(pack(gates=gates), output_ids=["world"])
    assert problem.code is ReasonCode.GATE_CYCLE
    assert re.fullmatch(r"gates depend on each other in a circle: (g\d)( -> g\d)* -> \1", problem.message)


def test_a_cycle_outside_the_closure_is_nobodys_trouble() -> None:
    stray = gate("stray", law("sha256_bundle_digest"), after=("stray",))
    assert planned(pack(gates=(*GATES, stray))).required_gates == planned().required_gates


@pytest.mark.parametrize(
    ("policy", "asked", "chosen"),
    [
        ({}, None, Strategy.AUTO),
        ({}, "FORCE_REUSE", Strategy.FORCE_REUSE),
        ({}, "FORCE_INVOKE", Strategy.FORCE_INVOKE),
        ({"reuse_policy": "DENY"}, "FORCE_REUSE", Strategy.FORCE_INVOKE),
        ({"reuse_policy": "DENY"}, None, Strategy.FORCE_INVOKE),
    ],
)
def test_the_policy_rules_the_strategy(policy: dict[str, Any], asked: str | None, chosen: Strategy) -> None:
    wish = parse_request(request(requested_strategy=asked), known_timezone)
    assert choose_strategy(wish, load_policy({**POLICY, **policy})) is chosen


@pytest.mark.parametrize(
    ("scope", "pins", "rest"),
    [
        ("scope_seed_manifest_fingerprint", {"seed", "manifest_fingerprint"}, ""),
        ("fingerprint", {"manifest_fingerprint"}, ""),
        ("scope_global", set(), ""),
        ("scope_seed_parameter_hash_run_id_utc_day", {"seed", "parameter_hash", "run_id"}, ""),
        ("scope_weather", set(), "weather"),
        ("scope_seed_weather", {"seed"}, "weather"),
    ],
)
def test_a_scope_word_is_read_to_its_end(scope: str, pins: set[str], rest: str) -> None:
    assert scope_pins(scope) == (frozenset(pins), rest)
