"""The control bus, as the doctor tries it: what is published now is read, and nothing older.

A role may publish, or read, or both. What it may not do is left out and said; a role that may do neither
has no bus.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

import attrs

from sr_domain.encoding.times import format_instant
from sr_domain.run.ports import Ports
from sr_ports import Envelope, ReasonCode, SrError, Unreachable

PATIENCE_S: Final = 20.0
"""How long a bus may take to show what it took."""
_AGAIN_S: Final = 5.0
_HOME: Final = "_doctor"


@attrs.frozen
class Tried:
    """One thing tried on the bus. `error`: None where it went well or `skipped`."""

    name: str
    detail: str = ""
    skipped: bool = False
    error: SrError | None = None


def bus_tried(ports: Ports, topic: str, token: str) -> Iterator[Tried]:
    """Publish a fact that is nobody's on a topic of its own, and read it from now on."""
    probe = Envelope(
        topic=f"{topic}.doctor",
        message_id=(token + token)[:64],
        published_at_utc=format_instant(ports.clock.now()),
        attributes={"kind": "DOCTOR", "run_id": token, "platform_run_id": _HOME},
        partition_key=token,
        payload={"probe": token},
    )
    watch = _Watch(ports, probe)
    published = _published(ports, probe)
    if published is not None and (published.code is not ReasonCode.BUS_DENIED or watch.denied):
        yield Tried("publish", error=published)
        yield Tried("read back", "not tried: publish could not be done", skipped=True)
        return
    if published is not None:
        yield Tried("publish", f"this role may not publish here: {published.what}", skipped=True)
        yield _readable(ports, watch)
        return
    yield Tried("publish", f"{ports.bus.describe()}: published on {probe.topic}")
    if watch.denied:
        yield Tried("read back", f"this role may not read here: {watch.why}", skipped=True)
        return
    yield _read_back(ports, probe, watch)


def _published(ports: Ports, probe: Envelope) -> SrError | None:
    try:
        ports.bus.publish(probe)
    except SrError as error:
        return error
    return None


def _readable(ports: Ports, watch: _Watch) -> Tried:
    if watch.error is not None:
        return Tried("read", error=watch.error)
    return Tried("read", f"{ports.bus.describe()}: may be read")


def _read_back(ports: Ports, probe: Envelope, watch: _Watch) -> Tried:
    """Waits until the fact is seen; it is published again now and then, for a reader that began late."""
    for _ in range(max(1, round(PATIENCE_S / _AGAIN_S))):
        if watch.over.wait(min(_AGAIN_S, PATIENCE_S)):
            break
        again = _published(ports, probe)
        if again is not None:
            return Tried("read back", error=again)
    if watch.denied:
        return Tried("read back", f"this role may not read here: {watch.why}", skipped=True)
    if watch.error is not None:
        return Tried("read back", error=watch.error)
    if not watch.seen:
        lost = Unreachable(ReasonCode.BUS_UNREACHABLE, f"what was published is not there after {PATIENCE_S:.0f} s")
        return Tried("read back", error=lost)
    return Tried("read back", "what was published is read, from now on and nothing older")


class _Watch:
    """Reads a topic from now on in a thread of its own, until it has seen the fact or cannot read.

    One that sees nothing ends when its bus is closed.
    """

    def __init__(self, ports: Ports, probe: Envelope) -> None:
        self.over = threading.Event()
        self.seen = False
        self.error: SrError | None = None
        try:
            facts = ports.bus.tail(probe.topic, from_start=False, follow=True)
        except SrError as error:
            self.error = error
            self.over.set()
            return
        threading.Thread(target=self._read, args=(facts, probe), name="sr-doctor", daemon=True).start()

    @property
    def denied(self) -> bool:
        return self.error is not None and self.error.code is ReasonCode.BUS_DENIED

    @property
    def why(self) -> str:
        return "" if self.error is None else self.error.what

    def _read(self, facts: Iterator[Envelope], probe: Envelope) -> None:
        try:
            self.seen = any(found.payload == probe.payload for found in facts)
        except SrError as error:
            self.error = error
        finally:
            self.over.set()
