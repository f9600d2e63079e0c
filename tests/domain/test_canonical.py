"""Canonical JSON: one document, one hash, any key order."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sr_domain.canonical import canonical_json, digest_of, exact_json

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


@given(DOCUMENTS)
def test_artifact_bytes_read_back_as_the_document_and_are_canonical(document: object) -> None:
    assert json.loads(exact_json(document)) == document
    assert exact_json(document) == canonical_json(document)


@given(st.integers(2**53, 2**64 - 1))
def test_a_big_seed_is_exact_in_artifacts_and_a_string_in_hashes(seed: int) -> None:
    assert json.loads(exact_json({"seed": seed})) == {"seed": seed}
    assert json.loads(canonical_json({"seed": seed})) == {"seed": str(seed)}
    assert digest_of({"seed": seed}) != digest_of({"seed": seed + 1})
