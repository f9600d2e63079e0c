"""Sources of unique ids: random, and repeatable for tests and simulations."""

from __future__ import annotations

import hashlib
import itertools
import os


class RandomIds:
    """128 random bits from the operating system, as 32 hex characters."""

    def new_id(self) -> str:
        """Unique for ever, also across forks."""
        return os.urandom(16).hex()


class SequentialIds:
    """The same ids in the same order for the same `seed`; different seeds never share one."""

    def __init__(self, seed: int | str) -> None:
        self._seed = str(seed)
        self._count = itertools.count()  # `next` on it is atomic

    def new_id(self) -> str:
        """The next of the sequence, 32 hex characters."""
        return hashlib.sha256(f"sr_id|{self._seed}|{next(self._count)}".encode()).hexdigest()[:32]
