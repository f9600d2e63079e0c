"""Runs like those of the first release, made by this one: what it really derived is in the corpus (`tests/upgrade`)."""

from __future__ import annotations

import attrs
import pytest

from sr_domain.artifacts import revision_1, revision_2
from sr_domain.artifacts.revisions import RULES


def decides(patch: pytest.MonkeyPatch) -> None:
    """Where `REVISION` is 1 runs are decided by its own rules, over instance receipts that this release wrote."""
    patch.setitem(RULES, 1, attrs.evolve(revision_1.RULES, same_receipt=revision_2.same_receipt))
