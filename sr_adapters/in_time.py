"""A reader of ranges that ends with the snapshot that it is of."""

from __future__ import annotations

from collections.abc import Callable

from sr_ports.roots import RangeReader


class InTime:
    """`sr_ports.roots.RangeReader`: `made`, as long as `check` raises nothing."""

    def __init__(self, check: Callable[[], None], made: RangeReader) -> None:
        self._check, self._made, self.size = check, made, made.size

    def read(self, start: int, length: int) -> bytes:
        self._check()
        return self._made.read(start, length)

    def close(self) -> None:
        self._made.close()
