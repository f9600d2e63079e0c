"""A disk with no room left: every write to store, index and bus is refused, and every read is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import attrs

from sr_ports import ReasonCode, SrError, Unreachable

WRITES: Mapping[str, frozenset[str]] = {
    "store": frozenset({"create", "replace"}),
    "authority": frozenset({"admit", "acquire", "renew", "release", "serve", "claim"}),
    "bus": frozenset({"publish"}),
    "roots": frozenset({"keep"}),
}
"""What needs room, by port."""


def refusal(port: str) -> SrError:
    """What a port's adapters raise where there is no room."""
    code = ReasonCode.AUTHORITY_UNREACHABLE if port == "authority" else ReasonCode.STORE_FULL
    return Unreachable(code, f"no room is left for the {port}")


@attrs.define
class Room:
    """How much is left. `writes`: that still find room; None for any number."""

    writes: int | None = None
    done: int = 0

    def full(self) -> bool:
        """Count a write; whether it finds no room."""
        self.done += 1
        return self.writes is not None and self.done > self.writes


class OnDisk:
    """A port on a disk. `full`: asked before every write."""

    def __init__(self, name: str, port: Any, full: Callable[[], bool]) -> None:
        self._name, self._port, self._full = name, port, full

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._port, method)
        if method not in WRITES[self._name]:
            return target

        def written(*args: Any, **kwargs: Any) -> Any:
            if self._full():
                raise refusal(self._name)
            return target(*args, **kwargs)

        return written

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close()


class RootsOnDisk(OnDisk):
    """Engine roots that write copies: `sr_ports.Keeping` is told by methods that a class has."""

    def open(self, uri: str) -> Any:
        return self._port.open(uri)

    def keep(self, *args: Any) -> None:
        self.__getattr__("keep")(*args)


def on_disk(ports: Mapping[str, Any], full: Callable[[], bool]) -> dict[str, Any]:
    """The ports, those that write on one disk."""
    kinds = {name: RootsOnDisk if name == "roots" else OnDisk for name in WRITES}
    return {name: kinds[name](name, port, full) if name in kinds else port for name, port in ports.items()}
