"""Which listing rules a run is judged by: today's, and those of its admission."""

from __future__ import annotations

from sr_domain.artifacts.revisions import rules_at, today
from sr_domain.evidence.admitted import Admitted
from sr_domain.record.read import Record


def admitted(record: Record) -> Admitted:
    """How the root is listed for this run: today, and as it was when the run was admitted."""
    accepted = record.accepted
    then = today() if accepted is None else rules_at(accepted.event)
    return Admitted(today().listing, then.listing, late=then.revision < today().revision)
