"""How the actors of a record were proven: told where each is first named (spec: behaviour, "The record")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sr_domain.record.kinds import PROOF, attempt_in, proof_in

if TYPE_CHECKING:
    from sr_domain.record.ledger import Event


def proofs(events: Sequence[Event]) -> Iterator[str | None]:
    """For each event how its actor was proven (`sr_ports.Identity.mode`); None where the record does not say."""
    known: dict[str, str] = {}
    for event in events:
        told = proof_in(event.details)
        if told is not None:
            known[event.actor] = told
        yield known.get(event.actor)


def with_proof(details: Mapping[str, Any], events: Sequence[Event], actor: str, proof: str | None) -> Mapping[str, Any]:
    """The details of an event that follows `events`, with how its actor was proven, unless the record says it already.

    Details of an engine attempt have a shape that other systems read: the next event tells it then.
    """
    if proof is None or attempt_in(details) is not None:
        return details
    own = (proof_in(one.details) for one in reversed(events) if one.actor == actor)
    told = next((one for one in own if one is not None), None)
    return details if told == proof else {**details, PROOF: proof}
