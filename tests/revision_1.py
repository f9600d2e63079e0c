"""Runs like those of the first release, made by this one: what it really derived is in the corpus (`tests/upgrade`)."""

from __future__ import annotations

import attrs
import pytest

from sr_domain.artifacts import revision_2
from sr_domain.artifacts.revisions import RULES
from sr_ports.wanted import FIRST_RELEASE


def decides(patch: pytest.MonkeyPatch) -> None:
    """Where `REVISION` is 1 runs are decided: by its listing rules, and by today's derivations under its number."""
    patch.setitem(RULES, 1, attrs.evolve(revision_2.RULES, revision=1, listing=FIRST_RELEASE))
