"""Ports for what the core may not touch itself: time, ids, threads, heartbeats, telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, runtime_checkable

import attrs

from sr_ports.authority import Lease
from sr_ports.compared import Compared

T = TypeVar("T")
R = TypeVar("R")


class Clock(Protocol):
    """Time for stamps and deadlines. Never part of anything hashed.

    Laws:

    C1  `now` is aware UTC.
    C2  `sleep` returns when at least that much time has passed by `now`, and at once for nothing or less.
    """

    def now(self) -> datetime:
        """Aware UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; a virtual clock just moves on."""


class IdSource(Protocol):
    """Unique tokens (lease owners, record writes). Never part of anything hashed or decided.

    Laws:

    D1  An id is 32 lower-case hex characters.
    D2  No id comes twice: from one source, from several, in threads and processes at once.
    """

    def new_id(self) -> str:
        """32 hex characters, unique for ever."""


class WorkPool(Protocol):
    """Runs independent calls, perhaps at once. Results keep the order of the items.

    Laws:

    W1  `map` works on every item once and gives every result, in the order of the items.
    W2  When work on an item raises, no further item is started, nothing is running when `map` returns, and what
        the earliest of the items that failed raised is raised.
    W3  A `map` inside a `map` ends, and so do several at once from several threads.
    """

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Every result, in the order of `items`."""


class Held(Protocol):
    """A lease while a heartbeat keeps it."""

    @property
    def lost(self) -> bool:
        """True once the lease is certainly gone or could not be renewed in its time."""

    def check(self) -> None:
        """Raise `LeaseLost` if it is lost; `Stopped` where the call that holds it is to end early."""


class Heartbeat(Protocol):
    """Keeps leases alive through long steps.

    Laws:

    L1  A lease is renewed before it runs out, as long as the context lasts, and a renewal that fails for a moment is
        retried inside the lease's time.
    L2  `lost` becomes true no later than the lease's expiry by the authority's clock, and at once where a renewal
        raises `LeaseLost`. It stays true, and `check` then raises `LeaseLost`.
    L3  Nothing is renewed after the context ends. An error inside it passes.
    """

    def keep(self, lease: Lease, renew: Callable[[Lease], Lease]) -> AbstractContextManager[Held]:
        """Renew `lease` in the background until the context ends."""


class PlatformRuns(Protocol):
    """Which platform run this process works in (spec: behaviour, "Identity").

    An id is ``platform_YYYYMMDDTHHMMSSZ``, an instant of the calendar. The first release took other
    names, too: `current` still gives one, for who reads, and `ensure` refuses it.

    Laws:

    P1  `current` makes nothing up, and gives what `ensure` or `begin` gave last.
    P2  `ensure` gives the current id where there is one, and makes one else; of many callers at once all get one.
    P3  `begin` gives an id that was not there before, which is the current one from then on.
    """

    def current(self) -> str | None:
        """The platform run id, or None when none was ever made here. Writes nothing."""

    def ensure(self) -> str:
        """The platform run id; mints and keeps one when there is none. For submit alone.

        Raises `BadInput(PLATFORM_RUN_INVALID)`.
        """

    def begin(self) -> str:
        """Mint a new platform run id and make it the current one from now on."""


OBS_EVENT_VERSION = 1
"""Of the shape of `ObsEvent`. Parts may be added under the same number; none changes its meaning."""
_NONE: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(eq=False, repr=False)
class Begun(Compared):
    """The event of a record that began something: its id, and when it was. `ts_utc`: RFC 3339."""

    event_id: str
    ts_utc: str


@attrs.frozen(eq=False, repr=False)
class ObsEvent(Compared):
    """A structured event (spec: behaviour, "Observability"). Best effort, never truth.

    `phase`: INGRESS, AUTHORITY, PLAN, ENGINE, EVIDENCE, COMMIT or REEMIT. `outcome`: OK, WAITING, FAIL, CONFLICT,
    SKIP or RETRY. `severity`: DEBUG, INFO, WARN or ERROR. `ts_utc`: RFC 3339. `governance`: a fact that governance
    keeps (policy, plan and bundle hashes, laws); where events must be dropped, it goes last, as WARN and ERROR do.

    Of an event that is on the run's record: `event_id` is its id there, `spans` what ended with it, by name, with the
    event that began that, and `refs` where the run's artifacts are.
    """

    event_kind: str
    phase: str
    outcome: str
    severity: str
    ts_utc: str
    pins: Mapping[str, Any]
    policy_rev: Mapping[str, str] | None = None
    attempt_id: str | None = None
    message: str = ""
    details: Mapping[str, Any] = attrs.field(factory=dict)
    governance: bool = False
    event_id: str | None = None
    spans: Mapping[str, Begun] = _NONE
    refs: Mapping[str, str] = _NONE
    version: int = OBS_EVENT_VERSION


class ObservabilitySink(Protocol):
    """Takes events. May drop or fail; the core never notices.

    Each sink is called from one thread of its own, one event after the other, in order.

    Laws:

    S1  `emit` raises nothing for an event of the port, whatever texts and values are in it, while what it delivers to
        is in order.
    S2  `emit` returns: it waits for nothing without a limit. While it waits, events are dropped.
    S3  What is delivered is delivered whole and in order, and at the latest when `close` has returned.
    S4  A secret that an event quotes is masked before it leaves (`sr_ports.redact`).
    S5  `close` may be called twice, and without an event before it.
    """

    def emit(self, event: ObsEvent) -> None:
        """Deliver one event."""

    def close(self) -> None:
        """Flush what can be flushed."""


@runtime_checkable
class TracingSink(Protocol):
    """A sink that makes a trace of a run: engines and control facts are then told which (W3C ``traceparent``)."""

    @property
    def traces(self) -> bool:
        """Whether it does."""


@runtime_checkable
class PatientSink(Protocol):
    """A sink that puts work off, and may need more time than others when it is closed."""

    @property
    def close_s(self) -> float:
        """How many seconds."""


@runtime_checkable
class ExposingSink(Protocol):
    """A sink that counts, and shows what it counted when a server asks (Prometheus's text format 0.0.4, UTF-8)."""

    def exposition(self) -> bytes:
        """What this process counted so far. Called on any thread, at any time; waits for no file and no server."""


@runtime_checkable
class BatchSink(Protocol):
    """A sink that takes several events in one call, where that is cheaper than one by one: one write for many lines.

    Law S6: `emit_all` does what `emit` does for one event after the other.
    """

    def emit_all(self, events: Sequence[ObsEvent]) -> None:
        """Deliver one event or more, the oldest first. It is called instead of `emit`."""


_NOBODY: frozenset[str] = frozenset()


@attrs.frozen(eq=False, repr=False)
class Identity(Compared):
    """An actor, and how he was proven: `mode` is ``token``, ``jwt``, or what another authenticator calls its own way.

    Scenario Runner itself makes three others: ``claimed`` (somebody said so, and nobody proved it), ``os`` (the user
    that the operating system runs the program for) and ``system`` (the program itself, which finishes what it began).
    `roles`: those that the credential proves. `expires_at`: aware UTC, when the credential ends; None where it says no
    end.
    """

    actor: str
    mode: str
    roles: frozenset[str] = _NOBODY
    expires_at: datetime | None = None


class Authenticator(Protocol):
    """Turns a credential into an identity (the service's port, and the command line's).

    Names of headers are those of HTTP: no case counts in them (see `sr_ports.bearer_token`).

    Laws:

    U1  A credential that is missing, empty, cut, changed in any character or of another scheme proves nobody: None.
    U2  A credential that holds proves one actor, the same each time and in whatever case its headers are named, with a
        name and the authenticator's mode.
    U3  `authenticate` raises nothing for whatever headers. Where whoever knows the keys cannot be reached it raises
        `Unreachable`, and never lets anybody in.
    U4  What one call was asked says nothing about the next: calls may come at once.
    """

    def authenticate(self, headers: Mapping[str, str]) -> Identity | None:
        """The actor, or None when the credential proves nobody."""


@runtime_checkable
class Examined(Protocol):
    """An authenticator that can look at where its keys come from, for ``sr doctor`` and the start of a service."""

    def examine(self) -> str:
        """What it found, in a sentence without a secret; keys are read now. Raises `Unreachable(AUTH_UNREACHABLE)` for
        keys that cannot be had, `Fault(AUTH_UNSAFE)` for those that others can read or change."""


@attrs.frozen(eq=False, repr=False)
class Runtime(Compared):
    """Everything of the process itself that the core needs. `known_timezone`: an IANA name is known."""

    clock: Clock
    ids: IdSource
    pool: WorkPool
    heartbeat: Heartbeat
    platform: PlatformRuns
    known_timezone: Callable[[str], bool]
