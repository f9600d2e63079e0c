"""The fact that a run was superseded, for the control bus. Pure.

The first release published it without a contract, and nothing is held against it: what is published today
has today's shape, also for a run that an earlier revision decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sr_domain.record.layout import Layout
from sr_ports.masking import redact

if TYPE_CHECKING:
    from sr_domain.record.details import Decided
    from sr_domain.record.read import Entry

_REASON = 512
"""Characters of a reason."""


def run_superseded(layout: Layout, old: str, decided: Entry[Decided], notes: str | None) -> dict[str, Any]:
    """Run `old` has a successor. `layout`, `decided`: of the successor, its decision.

    `notes`: of the successor's request: the reason, without secrets.
    """

    reason = None if notes is None else redact(notes)[:_REASON]
    return {
        "run_id": old,
        "superseded_by": decided.event.run_id,
        "facts_view_ref": layout.facts(decided.event.run_id),
        "bundle_hash": decided.details.bundle_hash,
        **({} if reason is None else {"reason": reason}),
        "emitted_at_utc": decided.ts_utc,
    }
