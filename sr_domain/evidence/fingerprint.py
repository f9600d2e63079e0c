"""A law's fingerprint: what tells one function of bundles from another, whatever its name and version."""

from __future__ import annotations

from sr_domain.evidence.digests import Guard
from sr_domain.evidence.provided_law import ProvidedLaw, RunsIn
from sr_ports import Params


def fingerprint(provided: ProvidedLaw, params: Params, guard: Guard) -> str | None:
    """``<probe set's version>:<hex64>`` of the law under these params; None where it does not answer in time.

    Made once for each law and params, unless a law of Scenario Runner's own ships it. `guard`: asked while it is
    made. Raises `LeaseLost`.
    """
    if provided.runs_in is RunsIn.OWN and not params and provided.traits.fingerprint:
        return provided.traits.fingerprint
    if params not in provided.prints:
        from sr_domain.evidence.probing import made  # SR's own laws ship theirs

        provided.prints[params] = made(provided, params, guard)
    return provided.prints[params]


def comparable(one: str, other: str) -> bool:
    """Whether two fingerprints are of one probe set."""
    return one.partition(":")[0] == other.partition(":")[0]
