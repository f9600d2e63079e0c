"""Several callers at once, for the laws that say "of any number of callers"."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sr_ports.stores import ObjectStore

T = TypeVar("T")
PATIENCE_S = 120.0


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Start every call at the same moment, each in a thread of its own; results in order.

    Threads are switched far more often than usual meanwhile, so that a gap between a look
    and a write is met.
    """
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(PATIENCE_S)
        return call()

    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result(PATIENCE_S) for future in [pool.submit(run, call) for call in calls]]
    finally:
        sys.setswitchinterval(usual_s)


def count_up(store: ObjectStore, key: str, *, times: int) -> None:
    """Add one to the number under `key`, `times` times, by compare-and-swap."""
    for _ in range(times):
        while True:
            blob = store.read(key)
            if blob is None:
                raise AssertionError(f"{key} vanished")
            if store.replace(key, b"%d" % (int(blob.data) + 1), etag=blob.etag) is not None:
                break
