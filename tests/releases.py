"""Releases that decide by another revision of the rules than this one does."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sr_domain.artifacts.revisions import RULES
from sr_domain.record import revisions
from sr_domain.record.proofs import Decision
from tests import revision_1, revision_3

_DOCUMENT = Decision.document


def by(patch: pytest.MonkeyPatch, revision: int) -> None:
    """From here on this is the release that decides by `revision`."""
    if revision > max(RULES):
        revision_3.released(patch)
    if revision == 1:
        revision_1.decides(patch)
    patch.setattr(revisions, "REVISION", revision)
    patch.setattr(Decision, "document", _of_the_first_release if revision == 1 else _DOCUMENT)


def _of_the_first_release(decision: Decision) -> dict[str, Any]:
    """A decision as the first release put it on record: laws, and no judges."""
    return _DOCUMENT(attrs.evolve(decision, by_laws=True))
