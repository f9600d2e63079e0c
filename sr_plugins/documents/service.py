"""The profile's section `service`: how the always-on service answers and what it bounds (spec: surface, "HTTP")."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
from attrs.validators import ge, le

from sr_plugins.documents.limits import COUNTED, seconds
from sr_ports.compared import Compared
from sr_ports.settings import setting

_seconds = partial(seconds, below=1e6)


def _count(default: int, text: str, most: int) -> Any:
    return attrs.field(default=default, validator=[ge(1), le(most)], metadata=setting(text, wanted=COUNTED))


@attrs.frozen(eq=False, repr=False)
class ServiceSettings(Compared):
    """What `sr serve` bounds. Times in seconds, sizes in bytes.

    `wait_s`: how long an answer waits for a run before it says 202. `runs`: runs that are worked on at once; `backlog`:
    requests that wait for their turn. `readers`: threads for short answers. `streams`: records that are followed at
    once. `connections`: open at once. `body_bytes`, `header_bytes`: of a request. `request_s`: for a request to arrive
    whole, and for a piece of an answer to be taken. `answer_s`: for what reads many bytes. `idle_s`: for which a
    connection is kept without a request. `grace_s`: for runs in flight to finish when the service is stopped; `stop_s`:
    for those that are then asked to stop.
    """

    wait_s: float = _seconds(30.0, "wait_seconds", "how long an answer waits for a run before it says 202")
    runs: int = _count(16, "runs that are worked on at once", 10_000)
    backlog: int = _count(128, "requests that wait for their turn before others are answered 429", 100_000)
    readers: int = _count(32, "threads for answers that take no run on, at most", 1_000)
    streams: int = _count(64, "records that are followed at once", 10_000)
    connections: int = _count(1000, "connections that are open at once", 100_000)
    body_bytes: int = _count(1 << 20, "bytes that the body of a request may have", 64 << 20)
    header_bytes: int = _count(32 << 10, "bytes that the address and headers of a request may have", 1 << 20)
    request_s: float = _seconds(15.0, "request_seconds", "how long a request may take to arrive whole")
    answer_s: float = _seconds(600.0, "answer_seconds", "how long verify and audit may read before they are given up")
    idle_s: float = _seconds(60.0, "idle_seconds", "how long a connection is kept without a request")
    grace_s: float = _seconds(20.0, "grace_seconds", "how long runs in flight may go on when the service is stopped")
    stop_s: float = _seconds(10.0, "stop_seconds", "how long those runs then have to be put down")
