"""A name that identifies has one spelling; whatever else could be taken for it is refused and named."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sr_domain.encoding.names import misspelling

FILLERS = "\u115f\u1160\u3164\uffa0"
GOOD = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"], exclude_characters=FILLERS),
    min_size=1, max_size=20,
).map(lambda text: unicodedata.normalize("NFC", text))  # fmt: skip
BAD = st.characters(
    categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"], exclude_characters=" "
) | st.sampled_from(FILLERS)


@settings(deadline=None)
@given(GOOD, GOOD)
@example("d\u00e9mo", "\u65e5\u672c\u8a9e")
@example("a/b:c|d", "\U0001f600")
def test_plain_text_in_any_script_is_a_name(one: str, other: str) -> None:
    assert misspelling(one) is None
    assert misspelling(f"{one} {other}") is None


@settings(deadline=None)
@given(GOOD, BAD, GOOD)
def test_what_nobody_sees_is_refused_and_named(before: str, char: str, after: str) -> None:
    wrong = misspelling(before + char + after)
    assert wrong is not None
    assert f"U+{ord(char):04X} " in wrong
    assert f"as character {len(before) + 1}" in wrong


@settings(deadline=None)
@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8))
@example("caf\u00e9", "cafe\u0301")
@example("\u00c5", "\u212b")
@example("a", "a ")
def test_of_all_spellings_that_normalise_alike_one_at_most_is_a_name(one: str, other: str) -> None:
    if one != other and unicodedata.normalize("NFC", one).strip() == unicodedata.normalize("NFC", other).strip():
        assert misspelling(one) is not None or misspelling(other) is not None


@settings(deadline=None)
@given(st.text(max_size=12))
def test_the_rule_is_the_specs(name: str) -> None:
    categories = {unicodedata.category(char) for char in name}
    sound = (
        unicodedata.normalize("NFC", name) == name
        and not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        and not any(unicodedata.category(char) == "Zs" and char != " " for char in name)
        and name == name.strip(" ")
        and not set(name) & set(FILLERS)
    )
    assert (misspelling(name) is None) == sound


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("k1 ", "ends with U+0020 SPACE as character 3"),
        (" k1", "begins with U+0020 SPACE as character 1"),
        ("k\u200b1", "has U+200B ZERO WIDTH SPACE as character 2"),
        ("k\u00a01", "has U+00A0 NO-BREAK SPACE as character 2"),
        ("k\u202e1", "has U+202E RIGHT-TO-LEFT OVERRIDE as character 2"),
        ("cafe\u0301", "U+0301 COMBINING ACUTE ACCENT as character 5"),
        ("\ue000", "U+E000 (without a name)"),
    ],
)
def test_the_character_is_named_and_counted(name: str, named: str) -> None:
    assert named in (misspelling(name) or "")
