"""The six kinds of trouble: what a caller can do about an error, whatever its code."""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """What went wrong, from the caller's point of view (spec: house, "Errors").

    CLI exit codes and HTTP statuses are one table over these kinds.
    """

    USAGE = "usage"
    """The request, profile or policy is wrong; nothing was written."""
    DENIED = "denied"
    """The actor may not do this."""
    CONFLICT = "conflict"
    """Two truths disagree: a key collision, a lost lease, a lower fence."""
    MISSING = "missing"
    """What was named does not exist."""
    UNREACHABLE = "unreachable"
    """A store, bus or authority did not answer for certain; the same call may be made again."""
    FAULT = "fault"
    """Stored truth or evidence breaks a law."""
