"""Keeping leases alive through long steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sr_ports import Lease, LeaseLost, Unreachable

Elapsed = Callable[[], float]
Renew = Callable[[Lease], Lease]

_RETRIES_AN_INTERVAL = 5


def boot_time() -> float:
    """Seconds that also pass while the machine is suspended, where the system can tell."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class HeldLease:
    """A lease and the last moment until which it certainly stands. Once lost, lost for good."""

    def __init__(self, lease: Lease, elapsed: Elapsed) -> None:
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._gone = False
        self.lease = lease
        self._until = elapsed() + lease.expires_in_s

    @property
    def lost(self) -> bool:
        """True once the lease is certainly gone or could not be renewed in its time."""
        with self._lock:
            self._gone = self._gone or self._elapsed() >= self._until
            return self._gone

    @property
    def left_s(self) -> float:
        """Seconds for which the lease certainly stands."""
        return self._until - self._elapsed()

    def check(self) -> None:
        """Raise `LeaseLost` if it is lost."""
        if self.lost:
            raise LeaseLost(self.lease.resource, self.lease.fence)

    def renewed(self, lease: Lease, sent: float) -> None:
        """The authority extended it, in answer to a request sent at `sent`."""
        with self._lock:
            self.lease = lease
            self._until = sent + lease.expires_in_s

    def lose(self) -> None:
        """It is gone."""
        with self._lock:
            self._gone = True


class ThreadHeartbeat:
    """Renews in a thread, every `interval_fraction` of the time the authority grants.

    A renewal that fails for a moment is retried more often, as long as the lease may stand.
    The lease's time is counted from before each renewal was sent, so `lost` is never late;
    for the lease given to `keep` it is counted from that call, so call it right after
    acquiring. Leaving the context waits for a renewal that is under way.
    """

    def __init__(self, interval_fraction: float = 1 / 3, *, elapsed: Elapsed = boot_time) -> None:
        if not 0 < interval_fraction < 1:
            raise ValueError("interval_fraction lies between 0 and 1")
        self._fraction = interval_fraction
        self._elapsed = elapsed

    @contextmanager
    def keep(self, lease: Lease, renew: Renew) -> Iterator[HeldLease]:
        """Renew `lease` in the background until the context ends."""
        held, over = HeldLease(lease, self._elapsed), threading.Event()
        thread = threading.Thread(target=self._beat, args=(held, renew, over), name="sr-heartbeat", daemon=True)
        thread.start()
        try:
            yield held
        finally:
            over.set()
            thread.join()

    def _beat(self, held: HeldLease, renew: Renew, over: threading.Event) -> None:
        pause = held.lease.expires_in_s * self._fraction
        while not over.wait(max(0.0, min(pause, held.left_s))) and not held.lost:
            pause = self._renew(held, renew)

    def _renew(self, held: HeldLease, renew: Renew) -> float:
        """Ask once; how long to pause before the next time."""
        sent = self._elapsed()
        try:
            held.renewed(renew(held.lease), sent)
        except Unreachable:
            return held.lease.expires_in_s * self._fraction / _RETRIES_AN_INTERVAL
        except BaseException:  # noqa: BLE001 - the thread's outer edge: LeaseLost, and a renewal that is broken, which counts as lost
            held.lose()
        return held.lease.expires_in_s * self._fraction


class NoHeartbeat:
    """Renews nothing: for short steps and simulations. The lease is lost when its time is over.

    `elapsed`: seconds from anywhere; a virtual clock's in a simulation.
    """

    def __init__(self, *, elapsed: Elapsed = boot_time) -> None:
        self._elapsed = elapsed

    @contextmanager
    def keep(self, lease: Lease, renew: Renew) -> Iterator[HeldLease]:
        """Watch the lease's time until the context ends; `renew` is never called."""
        yield HeldLease(lease, self._elapsed)
