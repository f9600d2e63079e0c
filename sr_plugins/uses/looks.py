"""Looks at runs that are due: what came of each, and when the next one is worth while after trouble."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator

from sr_domain.run.outcome import Outcome
from sr_domain.run.trouble import Trouble, trouble_of
from sr_domain.runner import ScenarioRunner
from sr_ports import Due, DueClaim, Identity, Stopped
from sr_ports.authority import AT_ONCE

CLAIM_S = 60.0
"""For how long a claim keeps others away from a run that nobody has begun yet: after that its lease does."""
_LEAST_S, _MOST_S = 5.0, 900.0
_KEPT = 10_000
"""Of so many runs at most it is known how often they met trouble in a row."""


class Looks:
    """Claims what is due and works on it. One thread claims; any number work.

    `jitter`: from 0 to 1, of the pause after trouble.
    """

    def __init__(self, runner: ScenarioRunner, *, jitter: Callable[[], float] = random.random) -> None:
        self._due, self._jitter = runner.due_runs(), jitter
        self._met: dict[str, tuple[int, str]] = {}

    def claim(self, limit: int) -> list[DueClaim]:
        """At most `limit` runs that are due. Raises `Unreachable`, `Fault`."""
        return self._due.claim(limit=limit, for_s=CLAIM_S)

    def each(self, actor: Callable[[], Identity] | None = None) -> Iterator[tuple[str, Outcome | Trouble]]:
        """Work on everything that is due now, one after the other; what came of each.

        `actor`: who looks, asked before each claim, for a proof may end between two runs; the system itself for None.
        Raises as `claim` and `actor` do, with nothing claimed.
        """
        while True:
            who = None if actor is None else actor()
            claims = self.claim(1)
            if not claims:
                return
            for claim in claims:
                done = self.work(claim, actor=who)
                if done is not None:
                    yield claim.run_id, done

    def work(self, claim: DueClaim, *, actor: Identity | None = None) -> Outcome | Trouble | None:
        """Look at the run; None where the look was to end early. What it meets is given back, never raised.

        `actor`: who looks; the system itself for None.
        """
        try:
            outcome = self._due.work(claim, actor=actor)
        except Stopped:
            self.give_back(claim)
            return None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            trouble = self.trouble_of(claim.run_id, error)
            self.give_back(claim, Due(self._pause_s(trouble)))
            return trouble
        self._met.pop(claim.run_id, None)
        return outcome

    def is_news(self, trouble: Trouble) -> bool:
        """Whether the run did not meet the same the last time."""
        return self._met.get(trouble.run_id, (1, ""))[0] == 1

    def give_back(self, claim: DueClaim, due: Due = AT_ONCE) -> None:
        """Let the run be due when `due` says, where no release has told the index better; else the claim lapses."""
        with contextlib.suppress(Exception):
            self._due.postpone(claim, due)

    @staticmethod
    def trouble_of(run_id: str, error: BaseException) -> Trouble:
        """The trouble that an error of whatever class is."""
        return trouble_of(run_id, error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def _pause_s(self, trouble: Trouble) -> float:
        """5 s after the first trouble, then twice as many each time, up to a quarter of an hour; less by chance."""
        code = trouble.error.code.value
        times, before = self._met.get(trouble.run_id, (0, code))
        times = times + 1 if before == code else 1
        if len(self._met) >= _KEPT:
            self._met.clear()
        self._met[trouble.run_id] = (times, code)
        return pause_after(times - 1, least_s=_LEAST_S, most_s=_MOST_S, jitter=self._jitter())


def pause_after(doublings: int, *, least_s: float, most_s: float, jitter: float) -> float:
    """`least_s` seconds, doubled so often, `most_s` at most; of that half to all, as `jitter` says from 0 to 1."""
    return min(least_s * 2.0 ** min(doublings, 16), most_s) * (0.5 + jitter / 2)
