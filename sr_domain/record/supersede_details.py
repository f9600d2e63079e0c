"""What the events of superseding say: details, typed, as those of `details`."""

from __future__ import annotations

from sr_domain.record.values import Value, value


@value
class Claim(Value):
    successor: str


@value
class Successor(Value):
    successor: str
    facts_view_ref: str | None = None


@value
class SupersedeRefused(Value):
    reason_code: str
    detail: str
    supersedes: str


@value
class SupersedePublished(Value):
    supersedes: str
    message_id: str
