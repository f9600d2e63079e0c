"""Canonical JSON: one document, one hash, any key order."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sr_domain.encoding.canonical import canonical_json, digest_of, exact_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdeé", max_size=4), inner, max_size=4),
    max_leaves=12,
)


def reordered(node: object) -> object:
    if isinstance(node, dict):
        return {key: reordered(node[key]) for key in reversed(list(node))}
    return [reordered(one) for one in node] if isinstance(node, list) else node


@given(DOCUMENTS)
def test_key_order_changes_nothing(document: object) -> None:
    assert digest_of(document) == digest_of(reordered(document))


ANY_TEXT = st.text(max_size=6)
ANYTHING = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(ANYTHING)
def test_canonical_is_what_the_library_says_whichever_encoder_wrote_it(document: object) -> None:
    assert canonical_json(document) == rfc8785.dumps(document)  # type: ignore[arg-type]


@pytest.mark.parametrize("half", ["\ud800", {"a": ["\udfff"]}, {"\udc00": 1}])
def test_half_a_character_has_no_canonical_form(half: object) -> None:
    with pytest.raises(ValueError):
        canonical_json(half)


@given(DOCUMENTS)
def test_artifact_bytes_read_back_as_the_document_and_are_canonical(document: object) -> None:
    assert json.loads(exact_json(document)) == document
    assert exact_json(document) == canonical_json(document)


@given(st.integers(2**53, 2**64 - 1))
def test_a_big_seed_is_exact_in_artifacts_and_a_string_in_hashes(seed: int) -> None:
    assert json.loads(exact_json({"seed": seed})) == {"seed": seed}
    assert json.loads(canonical_json({"seed": seed})) == {"seed": str(seed)}
    assert digest_of({"seed": seed}) != digest_of({"seed": seed + 1})
