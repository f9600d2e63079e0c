"""Progress of followers in memory. Gone with the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

import attrs

from sr_ports import Lease, LeaseLost, Progress, SetAside, check_group


@attrs.define
class _Group:
    progress: Progress = attrs.field(factory=Progress)
    done: set[str] = attrs.field(factory=set)
    aside: list[SetAside] = attrs.field(factory=list)
    owner: str = ""
    fence: int = 0
    until: float = float("-inf")


class MemoryFollowerStore:
    """`FollowerStore` in dicts. `shared`: another handle whose groups this one has too. `now`: seconds that pass."""

    def __init__(self, shared: MemoryFollowerStore | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._lock: threading.Lock = shared._lock if shared else threading.Lock()
        self._groups: dict[str, _Group] = shared._groups if shared else {}
        self._now: Callable[[], float] = shared._now if shared else now

    def claim(self, group: str, owner: str, *, ttl_s: float) -> Lease | None:
        with self._lock:
            found = self._groups.setdefault(check_group(group), _Group())
            if found.until > self._now():
                return None
            found.owner, found.fence, found.until = owner, found.fence + 1, self._now() + ttl_s
            return Lease(group, owner, found.fence, ttl_s)

    def renew(self, claim: Lease, *, ttl_s: float) -> Lease:
        with self._lock:
            self._held(claim).until = self._now() + ttl_s
        return attrs.evolve(claim, expires_in_s=ttl_s)

    def release(self, claim: Lease) -> None:
        with self._lock:
            found = self._groups.get(claim.resource)
            if found is not None and found.fence == claim.fence:
                found.until = float("-inf")

    def load(self, group: str) -> Progress:
        return self._group(group).progress

    def save(
        self, claim: Lease, progress: Progress, *, done: Sequence[str] = (), aside: Sequence[SetAside] = ()
    ) -> None:
        with self._lock:
            found = self._held(claim)
            found.progress = Progress(dict(progress.positions), progress.as_of_utc)
            found.done.update(done)
            found.aside.extend(aside)

    def dealt_with(self, group: str, keys: Collection[str]) -> frozenset[str]:
        return frozenset(key for key in keys if key in self._group(group).done)

    def set_aside(self, group: str, *, limit: int = 100) -> Sequence[SetAside]:
        return tuple(reversed(self._group(group).aside[-limit:]))

    def describe(self) -> str:
        return "memory of this process"

    def close(self) -> None:
        """Nothing is held open."""

    def _group(self, group: str) -> _Group:
        return self._groups.get(check_group(group)) or _Group()

    def _held(self, claim: Lease) -> _Group:
        found = self._groups.get(claim.resource)
        if found is None or found.fence != claim.fence or found.until <= self._now():
            raise LeaseLost(claim.resource, claim.fence)
        return found
