"""Run states and how they follow each other (spec: behaviour, "States")."""

from __future__ import annotations

import enum
from typing import Self


class Fact(enum.StrEnum):
    """What a run that came to its end is, for the control bus: what a re-emit publishes."""

    READY = "READY"
    TERMINAL = "TERMINAL"


class RunState(enum.StrEnum):
    """Where a run is. Each row: name, the states it may follow, and the fact it is where it is final.

    A new final state is a row here and a row of `events`; the type checker shows where it needs a decision.
    """

    OPEN = "OPEN"
    PLANNED = "PLANNED", "OPEN"
    EXECUTING = "EXECUTING", "PLANNED EXECUTING"
    VERIFYING = "VERIFYING", "PLANNED EXECUTING VERIFYING WAITING_EVIDENCE"
    WAITING_EVIDENCE = "WAITING_EVIDENCE", "VERIFYING WAITING_EVIDENCE"
    READY = "READY", "VERIFYING", Fact.READY
    FAILED = "FAILED", "OPEN PLANNED EXECUTING VERIFYING WAITING_EVIDENCE", Fact.TERMINAL
    QUARANTINED = "QUARANTINED", "VERIFYING WAITING_EVIDENCE", Fact.TERMINAL

    _follows: frozenset[str]
    _fact: Fact | None

    def __new__(cls, name: str, follows: str = "", fact: Fact | None = None) -> Self:
        state = str.__new__(cls, name)
        state._value_ = name
        state._follows = frozenset(follows.split())
        state._fact = fact
        return state

    @property
    def fact(self) -> Fact | None:
        """What a final run is for the control bus; None while the run goes on."""
        return self._fact

    @property
    def final(self) -> bool:
        """Nothing follows."""
        return self._fact is not None

    @property
    def terminal(self) -> bool:
        """Final without READY: its key serves no other run."""
        return self._fact is Fact.TERMINAL

    def may_follow(self, before: RunState | None) -> bool:
        """Whether a record in state `before` (None: nothing accepted yet) may move to this state."""
        return self is RunState.OPEN if before is None else before in self._follows


SUCCEEDED, FAILED, ABANDONED, RUNNING = "SUCCEEDED", "FAILED", "ABANDONED", "RUNNING"
"""What became of an engine attempt."""
