"""A `ControlBus` in memory. Gone with the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import attrs

from sr_ports.bus import Envelope
from sr_ports.errors import BadInput, NotFound
from sr_ports.positions import Kept, Positions
from sr_ports.reasons import ReasonCode

SHARD = "memory"
NOWHERE: Positions = {}


class MemoryControlBus:
    """Envelopes in a list. `shared`: another handle whose envelopes this one shows too.

    Every publication is kept, also a repeated one, as on a stream: who relies on a bus that
    drops repetitions is found out.
    """

    def __init__(self, shared: MemoryControlBus | None = None) -> None:
        self._news: threading.Condition = shared._news if shared else threading.Condition()
        self._kept: list[Envelope] = shared._kept if shared else []
        self._closed = False

    def publish(self, envelope: Envelope) -> None:
        copy = _copy(envelope)
        with self._news:
            self._kept.append(copy)
            self._news.notify_all()

    def tail(self, topic: str, *, from_start: bool = True, follow: bool = False) -> Iterator[Envelope]:
        return self._tail(topic, 0 if from_start else len(self._kept), follow=follow)

    def read(self, topic: str, *, after: Positions = NOWHERE) -> Iterator[Kept]:
        place = after.get(SHARD, "0")
        with self._news:
            known, fresh = place.isdecimal() and int(place) <= len(self._kept), list(self._kept)
        if not known:
            what = f"there is no message {place!r} in memory"
            yield Kept(SHARD, "", None, NotFound(ReasonCode.BUS_POSITION_LOST, what))
        for number, envelope in enumerate(fresh[int(place) if known else 0 :], int(place) + 1 if known else 1):
            if envelope.topic == topic:
                yield Kept(SHARD, str(number), _copy(envelope))

    def describe(self) -> str:
        return "memory of this process"

    def close(self) -> None:
        """End every `tail` of this handle that follows."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def _tail(self, topic: str, at: int, *, follow: bool) -> Iterator[Envelope]:
        while True:
            with self._news:
                while follow and not self._closed and at == len(self._kept):
                    self._news.wait()
                fresh = self._kept[at:]
            if not fresh:
                return
            at += len(fresh)
            yield from (_copy(envelope) for envelope in fresh if envelope.topic == topic)


def _copy(envelope: Envelope) -> Envelope:
    """What a wire would make of it: JSON values that nobody else can change."""
    try:
        payload = json.loads(json.dumps(dict(envelope.payload), allow_nan=False))
    except (TypeError, ValueError) as exc:
        what = f"message {envelope.message_id} is no JSON: {exc}"
        raise BadInput(ReasonCode.CONTRACT_VIOLATION, what) from exc
    return attrs.evolve(envelope, attributes=dict(envelope.attributes), payload=payload)
