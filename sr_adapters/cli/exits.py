"""Exit codes (spec: surface, "Exit codes"): the table that the service's HTTP statuses are in, too."""

from __future__ import annotations

from sr_adapters.exits import (
    BUG,
    COLLISION,
    DENIED,
    DONE,
    FAILED,
    FAULT,
    INTERRUPTED,
    MISSING,
    UNREACHABLE,
    USAGE,
    WAITING,
    exit_for,
    exit_for_error,
    exit_for_outcome,
    exit_for_state,
    worst,
)

__all__ = [
    "BUG",
    "COLLISION",
    "DENIED",
    "DONE",
    "FAILED",
    "FAULT",
    "INTERRUPTED",
    "MISSING",
    "UNREACHABLE",
    "USAGE",
    "WAITING",
    "exit_for",
    "exit_for_error",
    "exit_for_outcome",
    "exit_for_state",
    "worst",
]
