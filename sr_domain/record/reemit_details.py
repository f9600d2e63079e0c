"""What the events of a re-emit say: details, typed, as those of `details`.

`kind`: what was asked for, of what was published READY or TERMINAL.
"""

from __future__ import annotations

import attrs

from sr_domain.record.values import Value, value


@value
class ReemitRequested(Value):
    kind: str
    reason: str | None = attrs.field(default=None, kw_only=True)
    dry_run: bool


@value
class ReemitDryRun(Value):
    kind: str
    would_publish: tuple[str, ...]


@value
class ReemitBusy(Value):
    kind: str
    reason_code: str


@value
class ReemitFailed(Value):
    kind: str
    reason_code: str
    detail: str


@value
class ReemitPublished(Value):
    kind: str
    message_id: str


@value
class ReemitKey(Value):
    kind: str
    reemit_key: str
