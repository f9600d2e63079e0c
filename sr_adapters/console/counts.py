"""How many runs there are in each state: counted anew in the background, so that no page waits for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import attrs

from sr_ports import SrError

if TYPE_CHECKING:
    from sr_domain.record.details import Standing
    from sr_domain.runner import ScenarioRunner

FRESH_S, OLD_S = 2.0, 60.0
"""Seconds for which a count is shown as it is; and after which a page waits for a new one."""
States = Mapping[str, Collection[str] | None]


@attrs.frozen
class Counted:
    """`totals`: by name of a chip; None where only a page was looked for. `standing`: what is not settled."""

    totals: Mapping[str, int | None]
    standing: Standing


@attrs.define
class Counts:
    """Counts over a whole store, which take longer the more runs it has. `states`: by name of a chip."""

    runner: ScenarioRunner
    states: States
    clock: Callable[[], float] = time.monotonic
    _kept: tuple[float, Counted] | None = attrs.field(default=None, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def told(self) -> Counted:
        """The counts of now, or of a moment ago. Raises `Unreachable`."""
        kept = self._kept
        return self._count() if kept is None or self.clock() - kept[0] > OLD_S else kept[1]

    @property
    def stale(self) -> bool:
        """Whether somebody saw counts that are to be made again, and nobody is at it."""
        kept = self._kept
        return kept is not None and self.clock() - kept[0] > FRESH_S and not self._lock.locked()

    def again(self) -> None:
        """Count again, unless somebody does."""
        if self._lock.acquire(blocking=False):
            try:
                with contextlib.suppress(SrError):  # whoever asks next meets it
                    self._ask()
            finally:
                self._lock.release()

    def _count(self) -> Counted:
        with self._lock:
            return self._ask()

    def _ask(self) -> Counted:
        from sr_domain.queries.listing import Asked

        totals = {name: self.runner.listing(Asked(states), limit=1).total for name, states in self.states.items()}
        found = Counted(totals, self.runner.standing())
        self._kept = (self.clock(), found)
        return found
