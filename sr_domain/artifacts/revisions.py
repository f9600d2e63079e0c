"""The rules of every revision there has been, and which of them a run is under.

A new revision is a module beside these and a row here; ``docs/contracts.md`` tells how.
"""

from __future__ import annotations

from sr_domain.artifacts import revision_1, revision_2
from sr_domain.artifacts.rules import Rules
from sr_domain.record import revisions
from sr_domain.record.ledger import Event, Ledger

RULES: dict[int, Rules] = {
    1: revision_1.RULES,
    2: revision_2.RULES,
}


def today() -> Rules:
    """The rules that this release decides by."""
    return RULES[revisions.REVISION]


def rules_of(ledger: Ledger) -> Rules:
    """The rules that a record came to: those of what it decided last."""
    return RULES[ledger.revision]


def rules_at(event: Event) -> Rules:
    """The rules that an event of a kind that names them was decided by. Raises `ValueError` for another kind."""
    if event.revision is None:
        raise ValueError(event.event_kind)
    return RULES[event.revision]
