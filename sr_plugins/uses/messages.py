"""Control facts as a follower's consumer gets them, and which of them nobody can use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import attrs

from sr_domain.encoding.ids import ready_message_id, superseded_message_id
from sr_domain.queries.published import view_ref
from sr_domain.record.layout import run_of
from sr_ports import BadInput, Envelope, ReasonCode

READY, SUPERSEDED = "READY", "RUN_SUPERSEDED"
_SAID_AGAIN = {"READY_REEMIT": READY}
KINDS = (READY, "READY_REEMIT", SUPERSEDED, "TERMINAL_REEMIT")


@attrs.frozen(eq=False)
class Message:
    """A control fact, once for each (`store_id`, `message_id`).

    `kind`: READY (a re-emitted one too), RUN_SUPERSEDED or TERMINAL_REEMIT. `store_id`: None in facts of the first
    release. `facts_view_ref`: of the run, or of its successor; None where the fact names none.
    """

    kind: str
    run_id: str
    message_id: str
    store_id: str | None
    facts_view_ref: str | None
    attributes: Mapping[str, str]
    payload: Mapping[str, Any]
    _ack: Callable[[Message], bool] = attrs.field(repr=False)
    _aside: Callable[[Message, str], None] = attrs.field(repr=False)

    @property
    def key(self) -> str:
        """What tells it from every other message of every store."""
        return key_of(self.store_id, self.message_id)

    def ack(self) -> bool:
        """It was dealt with, durably; it is never given to this group again. May be called twice.

        False where it is a READY that was superseded meanwhile: what was made of it is made of the wrong run.
        Raises `LeaseLost` where another process follows for the group by now, `Unreachable`.
        """
        return self._ack(self)

    def set_aside(self, reason: str) -> None:
        """It cannot be used: as `ack`, and kept with the reason among what the group set aside."""
        self._aside(self, reason)


def key_of(store_id: str | None, message_id: str) -> str:
    """The key of a message among all that a group has dealt with."""
    return f"{store_id or ''}:{message_id}"


def kinds_of(kinds: Collection[str] | None) -> frozenset[str]:
    """The kinds that are wanted; all of them for None. Raises `BadInput(USAGE)` for one that there is not."""
    if kinds is None:
        return frozenset(KINDS)
    odd = sorted(set(kinds) - set(KINDS))
    if odd or not kinds:
        what = f"no control fact is of kind {odd[0]!r}" if odd else "no kind of control fact is wanted"
        raise BadInput(ReasonCode.USAGE, what, f"there are {', '.join(KINDS)}")
    return frozenset(kinds)


def kind_of(envelope: Envelope, wanted: frozenset[str]) -> str | None:
    """What the fact is to who wants these kinds; None where it is not wanted. READY is wanted said again, too."""
    kind = envelope.attributes.get("kind", "")
    said = _SAID_AGAIN.get(kind, kind)
    return said if said in wanted else kind if kind in wanted else None


def misfit(envelope: Envelope) -> str | None:
    """Why nobody can use a fact of a kind that is known; None where it is as it must be."""
    said, payload = envelope.attributes, envelope.payload
    run_id = said.get("run_id")
    if not run_id or payload.get("run_id") != run_id:
        return f"it names run {run_id} and its payload run {payload.get('run_id')}"
    kind = said.get("kind", "")
    if _SAID_AGAIN.get(kind, kind) == READY:
        if payload.get("message_id") != envelope.message_id:
            return "its payload has another message id"
        named = run_of(str(view_ref(payload)))
        if named is None or named[1] != run_id:
            return f"its facts_view_ref is no facts view of run {run_id}"
    if kind == SUPERSEDED and not isinstance(payload.get("superseded_by"), str):
        return "it does not say by which run it was superseded"
    return None if envelope.message_id == _message_id(kind, payload) else "its message id is not that of what it says"


def _message_id(kind: str, payload: Mapping[str, Any]) -> str:
    """The id that a fact must have (spec: behaviour, "Identity"): one that says something else would hide another."""
    if kind == SUPERSEDED:
        return superseded_message_id(payload["run_id"], payload["superseded_by"])
    if kind == "TERMINAL_REEMIT":
        return str(payload.get("reemit_key"))
    named = (payload.get(name) for name in ("platform_run_id", "scenario_run_id", "bundle_hash"))
    return ready_message_id(*map(str, named))
