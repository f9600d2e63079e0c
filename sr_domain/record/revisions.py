"""Revisions of the rules by which a run is decided and its artifacts are derived (spec: behaviour, "Revisions").

An event that decides something names the revision of the rules it was decided by; one that
names none is of the first release. `sr_domain.artifacts.revisions` has the rules of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sr_domain.record.events import kind_of
from sr_ports import ReasonCode

FIRST = 1
"""The first release, which named no revision."""

REVISION = 2
"""Today's: what this release decides by. ``docs/contracts.md`` lists what changed with each."""


def named(kind: str, details: Mapping[str, Any]) -> int | None:
    """The revision that an event names: the first where it should and does not; None for kinds that name none."""
    if not kind_of(kind).revised:
        return None
    revision: int = details.get("revision", FIRST)
    return revision


def newer(kind: object, details: object) -> str | None:
    """Why this release cannot judge a record with such an event: a newer release wrote it. None when it can."""
    if not isinstance(kind, str) or not kind_of(kind).revised or not isinstance(details, dict):
        return None
    revision = details.get("revision", FIRST)
    if type(revision) is not int or revision <= REVISION:
        return None
    return f"a newer release wrote it, by revision {revision} of the rules; this release knows {REVISION}"


def fault(kind: str, details: Mapping[str, Any], before: int) -> tuple[str, ReasonCode] | None:
    """What is wrong with the revision that an event names after one of revision `before`; None when it is sound."""
    revision = named(kind, details)
    if revision is None:
        return None
    if type(revision) is not int or revision < FIRST:
        return "names no revision of the rules", ReasonCode.RECORD_INVALID
    if revision < before:
        return f"falls to revision {revision} of the rules after revision {before}", ReasonCode.TRUTH_ALTERED
    return None
