"""What a row of the catalogue of events is made of (the rows are in `events`)."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import attrs

from sr_domain.record.states import RunState
from sr_ports.compared import Compared
from sr_ports.lazy import Later

if TYPE_CHECKING:
    from sr_domain.record.ledger import Event
    from sr_domain.record.values import Value

D = TypeVar("D", bound="Value")

PHASES = ("INGRESS", "AUTHORITY", "PLAN", "ENGINE", "EVIDENCE", "COMMIT", "REEMIT")
OUTCOMES = ("OK", "WAITING", "FAIL", "CONFLICT", "SKIP", "RETRY")


class Kept(enum.Enum):
    """Where an event of a kind goes, besides to telemetry."""

    ONCE = enum.auto()
    """On record, at most once for a run and a subject: a milestone."""
    ALWAYS = enum.auto()
    """On record, each time it happens."""
    NOT = enum.auto()
    """Nowhere: it is for telemetry alone."""


class Happening(Protocol):
    """A recorded event, or one to be."""

    @property
    def event_kind(self) -> str:
        """A name of the catalogue, or of a later release's."""

    @property
    def details(self) -> Mapping[str, Any]:
        """In JSON form."""


@attrs.frozen(eq=False, repr=False)
class Draft(Compared):
    """An event to be. `follows`: what its details say beyond `details`, made from the event once its time is known."""

    event_kind: str
    details: Mapping[str, Any] = attrs.field(factory=dict)
    follows: Callable[[Event], Mapping[str, Any]] | None = None

    def at(self, event: Event) -> Event:
        """The event, with all its details."""
        return event if self.follows is None else attrs.evolve(event, details={**event.details, **self.follows(event)})


@attrs.frozen(eq=False, repr=False)
class EventKind(Compared, Generic[D]):
    """A kind of event.

    `details`: the class of what it says. `phase`: INGRESS, AUTHORITY, PLAN, ENGINE, EVIDENCE, COMMIT or
    REEMIT. `sentence`: a few words for people. `subject`: the name among the details that tells events of a
    kind apart where a run may have several. `after`: the state it brings the run to; None where it brings it to
    none. `during`: the only state that a run may have when it happens; None where it may have several.
    `outcome`: OK, WAITING, SKIP (nothing had to be done), RETRY (comes later by itself or with `sr resume`),
    CONFLICT or FAIL. `severity`: DEBUG, INFO, WARN or ERROR. `governance`: see `ObsEvent`.
    `together`: the kinds that go on record in the same append. `revised`: whether it names the revision of the
    rules that it was decided by; the details of other kinds may have a field of that name, too. `quotes`: the
    name among the details that the story tells after the sentence. `opens`: whether a record that nothing was
    accepted on may take it.
    """

    name: str
    _details: type[D] | Later
    phase: str
    sentence: str
    kept: Kept = Kept.ALWAYS
    subject: str | None = None
    after: RunState | None = None
    during: RunState | None = None
    outcome: str = "OK"
    severity: str = "INFO"
    governance: bool = False
    together: frozenset[str] = frozenset()
    revised: bool = False
    quotes: str | None = None
    opens: bool = False

    @property
    def details(self) -> type[D]:
        """The class of what it says."""
        return self._details.found() if isinstance(self._details, Later) else self._details

    def __call__(self, details: D, follows: Callable[[Event], Mapping[str, Any]] | None = None) -> Draft:
        """An event of this kind, to be recorded or told. `follows`: as of `Draft`."""
        return Draft(self.name, details.document(), follows)

    @property
    def state(self) -> RunState | None:
        """The state of a run once it has happened; None where it tells nothing of it."""
        return self.after or self.during

    def milestone(self, details: Mapping[str, Any]) -> tuple[str, str] | None:
        """What is recorded once: kind and subject. None for what is not."""
        if self.kept is not Kept.ONCE:
            return None
        return self.name, str(details.get(self.subject or "", ""))

    def told(self, details: Mapping[str, Any]) -> tuple[str, str]:
        """Outcome and severity of an event of this kind: one that has a reason code is never OK."""
        if self.outcome == "OK" and details.get("reason_code") is not None:
            return "FAIL", "WARN"
        return self.outcome, self.severity

    def story(self, details: Mapping[str, Any]) -> str:
        """What an event of this kind means, for people; with its reason code, where it has one."""
        reason, why = details.get("reason_code"), details.get(self.quotes or "")
        told = f"{self.sentence}: {why}" if why else self.sentence
        return f"{told} ({reason})" if reason else told


_SCALAR = (str, int, float, NoneType)
SAID_ELSEWHERE = frozenset({"reason_code", "attempt_id"})
"""Names among the details that stand beside them wherever events are shown: in the story, as the attempt."""


PROOF = "actor_proof"
"""The name, among the details of any event, of how its actor was proven (`sr_ports.Identity.mode`)."""


def attempt_in(details: Mapping[str, Any]) -> str | None:
    """The engine attempt that an event is about."""
    return details.get("attempt_id")


def supersedes_in(details: Mapping[str, Any]) -> str | None:
    """The run that an admission corrects; None for one that corrects none."""
    return details.get("supersedes")


def proof_in(details: Mapping[str, Any]) -> str | None:
    """How the actor of an event was proven, where the event is the first to name him so."""
    return details.get(PROOF)


def missing_in(details: Mapping[str, Any]) -> Sequence[str]:
    """What an event says is missing."""
    return details.get("missing") or ()


def scalars(details: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says in single words and numbers: what telemetry carries."""
    return {name: value for name, value in details.items() if isinstance(value, _SCALAR)}
