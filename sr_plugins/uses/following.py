"""A group that this process follows for: what was read, given and dealt with, and what was missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import attrs

from sr_domain.encoding.times import format_instant, parse_instant
from sr_domain.queries.published import Published, view_ref
from sr_domain.record.layout import Layout, run_of
from sr_domain.run.answers import late_successors
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import read_identity
from sr_plugins.uses.inbox import Inbox, Slot
from sr_plugins.uses.messages import READY, SUPERSEDED, Message, key_of, kind_of, misfit
from sr_ports import (
    Envelope,
    FollowerStore,
    Held,
    Kept,
    Lease,
    Positioned,
    Progress,
    ReasonCode,
    SetAside,
    Unreachable,
    one_line,
)
from sr_ports.bus import Retaining

_BATCH: Final = 500
"""Facts that are read ahead: whether a READY among them was superseded is known before it is given."""
_AGAIN: Final = timedelta(minutes=1)
"""How often it is asked whether the bus still keeps all, and noted how far was read while nothing came."""
_MARGIN: Final = timedelta(hours=1)
"""By how much clocks, and a record and the bus, may be apart about when something was published."""
_EVER: Final = "1970-01-02T00:00:00Z"
BY_CONSUMER: Final = "SET_ASIDE_BY_CONSUMER"


@attrs.define
class Following:
    """`kept`: where progress is kept. `held`: whether `claim` still stands."""

    ports: Ports
    bus: Positioned
    kept: FollowerStore
    claim: Lease
    held: Held
    topic: str
    kinds: frozenset[str]
    notice: Callable[[str], None]
    _queue: deque[tuple[Message, Slot | None]] = attrs.field(factory=deque, init=False)
    _given: dict[str, Slot | None] = attrs.field(factory=dict, init=False)
    _corrected: set[tuple[str | None, str]] = attrs.field(factory=set, init=False)
    _doubted: dict[tuple[str | None, str], str] = attrs.field(factory=dict, init=False)
    _inbox: Inbox = attrs.field(init=False)
    _saved: Progress = attrs.field(init=False)
    _as_of: datetime | None = attrs.field(init=False)
    _looked: datetime | None = attrs.field(default=None, init=False)
    _asked: datetime | None = attrs.field(default=None, init=False)
    _store_id: str | None = attrs.field(init=False)
    _busy: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._saved = self.kept.load(self.claim.resource)
        self._inbox = Inbox(dict(self._saved.positions))
        self._as_of = None if self._saved.as_of_utc is None else parse_instant(self._saved.as_of_utc)
        identity = read_identity(self.ports)
        self._store_id = None if identity is None else identity.store_id

    def fresh(self) -> Iterator[Message]:
        """What was read and is wanted, but for READY of runs that are superseded by now."""
        while self._queue:
            message, slot = self._queue.popleft()
            self.held.check()
            doubt = self._doubt(message)
            if doubt is not None:
                self._put_aside(message, slot, ReasonCode.TRUTH_ROLLED_BACK.value, doubt)
            elif self._is_corrected(message):
                self.notice(f"READY of run {message.run_id} is dropped: the run was superseded")
                self._finish(message, slot)
            else:
                yield message

    def more(self) -> bool:
        """Read on, up to the present end or a batch; whether anything came. Raises `LeaseLost`, `Unreachable`."""
        self.held.check()
        now = self.ports.clock.now()
        asks = self._asked is None or now - self._asked >= _AGAIN
        if asks:
            self._asked = now
            self._look_for_gap()
        found = list(islice(self.bus.read(self.topic, after=self._inbox.read), _BATCH))
        aside = self._take(found)
        caught_up = len(found) < _BATCH and not self._given
        if caught_up:
            self._as_of = now  # all that was published before this look was dealt with
        if aside or asks or (caught_up and self._busy) or self._inbox.positions != self._saved.positions:
            self._save(aside=aside)
            self._busy = self._busy and not caught_up
        return bool(found or self._queue)

    # taking

    def _take(self, found: Sequence[Kept]) -> list[SetAside]:
        """Queue what is wanted, once, in the order of the bus, and pass over the rest. What nobody can use is given."""
        envelopes = (one.envelope for one in found if one.envelope is not None)
        known = self._dealt_with(envelopes)
        aside = [self._took(kept, known) for kept in found]
        return [one for one in aside if one is not None]

    def _dealt_with(self, envelopes: Iterator[Envelope]) -> frozenset[str]:
        keys = [key_of(one.attributes.get("store_id"), one.message_id) for one in envelopes]
        return self.kept.dealt_with(self.claim.resource, keys)

    def _took(self, kept: Kept, known: frozenset[str]) -> SetAside | None:
        """Take what is kept at one place of the bus."""
        if kept.envelope is not None:
            wrong = self._wrong(kept.envelope)
            code, what = ReasonCode.CONTRACT_VIOLATION, wrong
            if wrong is None and (what := self._unheard_of(kept.envelope)) is not None:
                code = ReasonCode.TRUTH_ROLLED_BACK
            message = self._wanted(kept.envelope, known) if what is None else None
            slot = self._inbox.took(kept.shard, kept.place, done=message is None)
            if message is not None:
                self._queued(message, slot)
        elif kept.trouble is not None and kept.trouble.code is ReasonCode.BUS_POSITION_LOST:
            self._inbox.forget(kept.shard)
            self._look_in_store(kept.trouble.what)
            return None
        else:
            self._inbox.took(kept.shard, kept.place, done=True)
            code = ReasonCode.DOCUMENT_INVALID if kept.trouble is None else kept.trouble.code
            what = "it is no envelope" if kept.trouble is None else kept.trouble.what
        message_id = None if kept.envelope is None else kept.envelope.message_id
        return None if what is None else self._aside(kept.shard, kept.place, code.value, what, message_id)

    def _wrong(self, envelope: Envelope) -> str | None:
        """Why a fact that would count cannot be used; None for any other."""
        kind = envelope.attributes.get("kind")
        counts = kind == SUPERSEDED or kind_of(envelope, self.kinds) is not None
        wrong = misfit(envelope) if counts else None
        return None if wrong is None else f"{kind}: {wrong}"

    def _unheard_of(self, envelope: Envelope) -> str | None:
        """That a fact says a run of the store was superseded, and the run's record, which is there, does not.

        Either is wrong, and who is cannot be told here: the fact is not given, nor is READY of the run.
        """
        said, by = envelope.attributes, envelope.payload.get("superseded_by")
        key = said.get("store_id"), said.get("run_id", "")
        home = run_of(Layout(said.get("platform_run_id", "")).facts(key[1]))
        if said.get("kind") != SUPERSEDED or home is None or not self._is_ours(key[0]):
            return None
        if self.ports.store.stat(home[0].record(key[1])) is None or by in late_successors(self.ports.store, *home)[:1]:
            self._doubted.pop(key, None)
            return None
        self._doubted[key] = f"the bus says that run {key[1]} was superseded by {by}, and its record does not"
        return self._doubted[key]

    def _wanted(self, envelope: Envelope, known: frozenset[str]) -> Message | None:
        """The message that a sound fact is; None for one that is not wanted, or was given before."""
        said, kind = envelope.attributes, kind_of(envelope, self.kinds)
        if said.get("kind") == SUPERSEDED:
            self._corrected.add((said.get("store_id"), said["run_id"]))
        key = key_of(said.get("store_id"), envelope.message_id)
        if kind is None or key in known or key in self._given:
            return None
        return Message(
            kind,
            said["run_id"],
            envelope.message_id,
            said.get("store_id"),
            view_ref(envelope.payload),
            dict(said),
            envelope.payload,
            self._ack,
            self._set_aside,
        )

    def _queued(self, message: Message, slot: Slot | None) -> None:
        self._given[message.key] = slot
        self._queue.append((message, slot))

    def _is_corrected(self, message: Message) -> bool:
        """Whether it is a READY of a run that was superseded, as the bus told so far or the run's record says."""
        if message.kind != READY:
            return False
        if (message.store_id, message.run_id) in self._corrected:
            return True
        named = run_of(message.facts_view_ref or "")
        ours = self._is_ours(message.store_id)
        return ours and named is not None and bool(late_successors(self.ports.store, *named))

    def _is_ours(self, store_id: str | None) -> bool:
        return store_id in (None, self._store_id)

    def _doubt(self, message: Message) -> str | None:
        """Why it cannot be told whether a READY still stands; None where it can."""
        return self._doubted.get((message.store_id, message.run_id)) if message.kind == READY else None

    # what was missed

    def _look_for_gap(self) -> None:
        """Where the bus has let go of facts that this group has not read, find them by the store."""
        bus = self.ports.bus
        if not isinstance(bus, Retaining):
            return
        try:
            since = bus.kept_since()
        except Unreachable as error:
            self.notice(f"whether the control bus has let go of facts cannot be told: {error.what}")
            return
        if self._as_of is None:
            self._as_of = since  # a new group begins at the oldest that is kept
        elif since > max(self._as_of, self._looked or since - _MARGIN):
            read, kept = format_instant(self._as_of), format_instant(since)
            told = f"it was read up to {read}, and keeps what came since {kept}"
            self._look_in_store(f"the control bus has let go of facts that were not read: {told}")

    def _look_in_store(self, why: str) -> None:
        """Queue the facts of the store's runs that were published since all had been read."""
        self.notice(f"{why}; the runs of the store are looked at instead")
        self._looked = self.ports.clock.now()
        then = (self._as_of or parse_instant(_EVER)) - _MARGIN
        more = {"store_uri": self.ports.store.location()}
        more |= {} if self._store_id is None else {"store_id": self._store_id}
        found = Published(self.ports.store, self.topic, more).since(then)
        known = self._dealt_with(iter(found))
        messages = [self._wanted(one, known) for one in found]
        for message in messages:
            if message is not None:
                self._queued(message, None)
        count = sum(one is not None for one in messages)
        self.notice(f"{count} fact{'s' * (count != 1)} not read before found in {self.ports.store.describe()}")

    # dealing with it

    def _ack(self, message: Message) -> bool:
        stands = not self._is_corrected(message)
        if message.key in self._given:
            self._finish(message, self._given[message.key])
        return stands

    def _set_aside(self, message: Message, reason: str) -> None:
        if message.key in self._given:
            self._put_aside(message, self._given[message.key], BY_CONSUMER, reason)

    def _put_aside(self, message: Message, slot: Slot | None, code: str, why: str) -> None:
        where = ("", "") if slot is None else (slot.shard, slot.place)
        self._finish(message, slot, [self._aside(*where, code, why, message.message_id)])

    def _finish(self, message: Message, slot: Slot | None, aside: Sequence[SetAside] = ()) -> None:
        """Never give it to the group again."""
        self.held.check()
        if slot is not None:
            self._inbox.finish(slot)
        self._save([message.key], aside)
        self._given.pop(message.key, None)
        self._busy = True

    def _save(self, done: Sequence[str] = (), aside: Sequence[SetAside] = ()) -> None:
        as_of = None if self._as_of is None else format_instant(self._as_of)
        progress = Progress(dict(self._inbox.positions), as_of)
        self.kept.save(self.claim, progress, done=done, aside=aside)
        self._saved = progress

    def _aside(self, shard: str, place: str, code: str, what: str, message_id: str | None) -> SetAside:
        self.notice(f"a message is set aside ({code}): {one_line(what)}")
        return SetAside(shard, place, code, one_line(what), format_instant(self.ports.clock.now()), message_id)
