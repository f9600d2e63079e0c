"""Rights: a list names actors and roles, and neither is taken for the other."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from sr_domain.run.ports import Settings
from sr_domain.run.rights import may


@pytest.mark.parametrize(
    ("allowed", "actor", "roles", "answer"),
    [
        (None, "eve", (), True),
        ((), "ann", (), False),
        (("ann",), "ann", (), True),
        (("ann",), "eve", ("ann",), False),
        (("role:leads",), "ann", ("leads",), True),
        (("role:leads",), "ann", ("lead",), False),
        (("role:leads",), "role:leads", (), False),
        (("role:role:leads",), "role:leads", ("role:leads",), True),
    ],
)
def test_who_may(allowed: Collection[str] | None, actor: str, roles: Collection[str], answer: bool) -> None:
    assert may(allowed, actor, roles) is answer


def test_an_embedder_who_names_submitters_opens_no_other_door() -> None:
    ann, bob = frozenset({"ann"}), frozenset({"bob"})
    named, opened = Settings(submitters=ann), Settings()
    assert (named.reemitters, named.superseders, named.recoverers) == (ann, ann, frozenset())
    assert (opened.reemitters, opened.superseders, opened.recoverers) == (None, None, None)
    assert Settings(submitters=ann, superseders=bob).superseders == bob
