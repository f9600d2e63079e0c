"""Identity formulas, against the spec's own words."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sr_domain.encoding import ids

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@given(TEXT)
def test_run_id_is_the_first_32_hex_of_the_keyed_hash(key: str) -> None:
    assert ids.run_id_for(key) == sha("sr_run|" + key)[:32]


@given(TEXT, st.integers(1, 99))
def test_attempt_id_names_run_and_number(run_id: str, number: int) -> None:
    assert ids.attempt_id_for(run_id, number) == sha(f"sr_attempt|{run_id}|{number}")[:32]


@given(st.lists(st.text("abcxyz_", min_size=1, max_size=8), min_size=1, max_size=8), st.randoms())
def test_scenario_id_ignores_order_and_repetition(names: list[str], random: object) -> None:
    shuffled = [*names, names[0]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    expected = "scnset_" + sha("|".join(sorted(set(names))))[:16]
    assert ids.scenario_id_for(names) == ids.scenario_id_for(shuffled) == expected


def test_message_ids_follow_their_formulas() -> None:
    assert ids.ready_message_id("platform_x", "run", "bundle") == sha("ready|platform_x|run|bundle")
    assert ids.terminal_reemit_key("run", "FAILED", "status") == sha("terminal|run|FAILED|status")
