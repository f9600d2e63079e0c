"""What the events of an accepted loss say beyond their names: their details, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sr_domain.record.details import Rest
from sr_domain.record.values import Value, value


@value
class TruthLost(Rest):
    """The end of a run whose record lost what others know. `knows`: each side, in a sentence.

    `run_equivalence_key`, `intent`, `request`: as the index has them, where the record lost its admission.
    """

    knows: tuple[str, ...] = ()
    run_equivalence_key: str | None = None
    intent: Mapping[str, Any] | None = None
    request: Mapping[str, Any] | None = None


@value
class LossAccepted(Value):
    """What stood at `artifact_ref` is kept at `set_aside_ref`. `digest`: of what replaced it, None for nothing.

    Of a record that lost events `artifact_ref` is its own key, and `knows` says what each side knows of them; nothing
    is kept where the record goes on as it stands. `lost_event_id`: of the event that the index had noted as its last.
    """

    reason: str
    artifact_ref: str
    set_aside_ref: str | None = None
    set_aside_digest: str | None = None
    digest: str | None = None
    knows: tuple[str, ...] = ()
    lost_event_id: str | None = None
