"""The run request: what makes one intent, and every way to be refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_adapters.runtime.timezones import known_timezone
from sr_domain.encoding.canonical import digest_of
from sr_domain.plan.request import RunRequest, parse_request
from sr_ports import BadInput, ReasonCode
from tests.kit import request


def parse(document: Any) -> RunRequest:
    return parse_request(document, known_timezone)


def fingerprint(document: Any) -> str:
    return digest_of(parse(document).intent())


@settings(max_examples=50, deadline=None)
@given(st.permutations(sorted(request())), st.permutations(["daily", "events", "world", "world"]))
def test_order_and_repetition_make_no_other_intent(names: list[str], outputs: list[str]) -> None:
    document = request(output_ids=outputs)
    assert fingerprint({name: document[name] for name in names}) == fingerprint(request())


SPELLINGS = st.builds(
    lambda minutes, sep, fraction: (timezone(timedelta(minutes=minutes)), sep, fraction),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", "t", " "]),
    st.sampled_from(["", ".0", ".000000", ".000000000", "." + "0" * 40]),
)


@settings(max_examples=50, deadline=None)
@given(SPELLINGS)
def test_any_spelling_of_the_window_is_one_intent(spelling: tuple[timezone, str, str]) -> None:
    zone, separator, fraction = spelling
    instant = datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone)
    text = instant.strftime(f"%Y-%m-%d{separator}%H:%M:%S{fraction}") + (instant.isoformat()[-6:])
    window = {**request()["window"], "window_start_utc": text}
    assert fingerprint(request(window=window)) == fingerprint(request())


def test_hex_in_upper_case_is_the_same_intent() -> None:
    lower = request(supersedes="c" * 32)
    upper = {
        **lower,
        **{name: lower[name].upper() for name in ("manifest_fingerprint", "parameter_hash", "supersedes")},
    }
    assert fingerprint(upper) == fingerprint(lower)
    assert parse(upper).document() == parse(lower).document()


@pytest.mark.parametrize("text", ["2026-01-01t00:00:00.250000000z", "2026-01-01 01:00:00.25+01:00"])
def test_the_spellings_of_other_languages_are_read(text: str) -> None:
    window = {**request()["window"], "window_start_utc": text}
    assert parse(request(window=window)).intent()["window_start_utc"] == "2026-01-01T00:00:00.250000Z"


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": "r"}, {"notes": "n"}, {"invoker": "i"}, {"engine_run_root": "/r"},
        {"requested_strategy": "FORCE_REUSE"}, {"run_equivalence_key": "another"},
    ],
)  # fmt: skip
def test_how_and_by_whom_is_no_part_of_the_intent(changes: dict[str, Any]) -> None:
    assert fingerprint(request(**changes)) == fingerprint(request())


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8}, {"manifest_fingerprint": "c" * 64}, {"parameter_hash": "c" * 64}, {"output_ids": ["world"]},
        {"scenario": {"scenario_id": "other"}}, {"scenario": {"scenario_set": ["a", "b"]}}, {"output_ids": None},
        {"supersedes": "0" * 32},
        {"window": {**request()["window"], "window_tz": "UTC"}},
        {"window": {**request()["window"], "window_end_utc": "2026-01-02T00:00:00.000001Z"}},
    ],
)  # fmt: skip
def test_what_was_asked_for_is_the_intent(changes: dict[str, Any]) -> None:
    assert fingerprint(request(**changes)) != fingerprint(request())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sampled_from([None, ["b", "a", "b"], ["x"]]))
def test_the_normalised_document_parses_to_the_same_value(seed: int, names: list[str] | None) -> None:
    scenario = {"scenario_id": "one"} if names is None else {"scenario_set": names}
    parsed = parse(request(seed=seed, scenario=scenario, notes="n"))
    assert parse(json.loads(parsed.canonical())) == parsed


W = request()["window"]
BAD: list[tuple[Any, str]] = [
    ([], "must be an object"),
    ({}, "lacks manifest_fingerprint"),
    (request(extra=1), "unknown fields: extra"),
    (request(run_equivalence_key=""), "run_equivalence_key"),
    (request(run_equivalence_key=5), "run_equivalence_key"),
    (request(run_equivalence_key="k" * 513), "run_equivalence_key"),
    (request(manifest_fingerprint="g" * 64), "manifest_fingerprint must be 64 lower-case hex"),
    (request(manifest_fingerprint="a" * 64 + "\n"), "manifest_fingerprint must be 64 lower-case hex"),
    (request(parameter_hash="b" * 63), "parameter_hash"),
    (request(seed=-1), "seed must be an integer from 0"),
    (request(seed=2**64), "seed must be an integer from 0"),
    (request(seed="7"), "seed must be an integer from 0"),
    (request(seed=7.0), "seed must be an integer from 0"),
    (request(seed=True), "seed must be an integer from 0"),
    (request(scenario={}), "exactly one of"),
    (request(scenario={"scenario_id": "a", "scenario_set": ["a"]}), "exactly one of"),
    (request(scenario={"scenario_id": ""}), "scenario"),
    (request(scenario={"scenario_id": "a/b"}), "scenario name"),
    (request(scenario={"scenario_id": ".."}), "scenario name"),
    (request(scenario={"scenario_id": "a\\b"}), "scenario name"),
    (request(scenario={"scenario_id": "{seed}"}), "scenario name"),
    (request(scenario={"scenario_id": "*"}), "scenario name"),
    (request(scenario={"scenario_id": "a\0b"}), "scenario"),
    (request(scenario={"scenario_set": []}), "scenario"),
    (request(scenario={"scenario_set": ["a|b"]}), "scenario name"),
    (request(window={**W, "window_start_utc": W["window_end_utc"]}), "window starts at"),
    (request(window={**W, "window_end_utc": "2025-01-01T00:00:00Z"}), "window starts at"),
    (request(window={**W, "window_end_utc": "2026-01-01"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-13-01T00:00:00Z"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-01-02T00:00:00"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "9999-12-31T23:59:59-14:00"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-01-02T00:00:00.0000001Z"}), "digits beyond microseconds"),
    (request(window={**W, "window_end_utc": "2026-01-01T23:59:60Z"}), "second 60 is a leap second"),
    (request(window={**W, "window_end_utc": "2026-01-02T00:00:00+24:00"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-01-02T00:00:00+05:75"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-01-02T24:00:00Z"}), "window_end_utc"),
    (request(window={**W, "window_end_utc": "2026-02-30T00:00:00Z"}), "window_end_utc"),
    (request(window={**W, "window_tz": "Mars/Olympus"}), "not a known time zone"),
    (request(window={**W, "window_tz": "../../etc/passwd"}), "not a known time zone"),
    (request(window={"window_tz": "UTC"}), "window lacks"),
    (request(output_ids=[]), "output_ids"),
    (request(output_ids=["a b"]), "output_ids"),
    (request(output_ids="world"), "output_ids"),
    (request(requested_strategy="MAYBE"), "must be one of AUTO"),
    (request(supersedes="x"), "supersedes must be 32 lower-case hex"),
    (request(engine_run_root=""), "engine_run_root"),
    (request(notes="n" * 5000), "notes"),
]


@pytest.mark.parametrize(("document", "said"), BAD)
def test_a_malformed_field_is_named_in_one_line(document: Any, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(document)
    assert caught.value.code is ReasonCode.REQUEST_INVALID
    assert said in caught.value.what
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(request())), JSONISH)
def test_whatever_stands_in_a_field_is_parsed_or_refused(field: str, value: Any) -> None:
    try:
        parse(request(**{field: value}))
    except BadInput as error:
        assert "\n" not in str(error)
