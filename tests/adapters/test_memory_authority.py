"""The in-memory authority keeps the port's laws, by a virtual clock and by the real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_ports import Fault
from sr_ports.conformance.authority import AuthorityLaws
from sr_ports.conformance.authority_kit import a_binding


class VirtualClock:
    """Stands still until told to move."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 1, 31, 13, 42, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def advance(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


class TestMemoryAuthority(AuthorityLaws):
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def authority(self, clock: VirtualClock) -> MemoryAuthority:
        return MemoryAuthority(clock.now)

    @pytest.fixture
    def reopen(self, authority: MemoryAuthority) -> Callable[[], MemoryAuthority]:
        return authority.handle

    @pytest.fixture
    def lapse(self, clock: VirtualClock) -> Callable[[float], None]:
        return clock.advance


class TestMemoryAuthorityByItsOwnClock(TestMemoryAuthority):
    @pytest.fixture
    def authority(self) -> MemoryAuthority:
        return MemoryAuthority()

    @pytest.fixture
    def lapse(self) -> Callable[[float], None]:
        return time.sleep

    @pytest.fixture
    def lapse_long(self) -> Callable[[float], None]:
        pytest.skip("time is real here")

    @pytest.fixture
    def short_ttl(self) -> float:
        return 0.01


def test_a_run_id_is_never_bound_to_two_keys() -> None:
    authority = MemoryAuthority()
    authority.admit(a_binding("k"))
    twin = a_binding("k")
    with pytest.raises(Fault):
        authority.admit(type(twin)("another key", twin.run_id, "f", "{}", "p"))
    assert authority.find(twin.run_id).bindings == (twin,)


class Plain:
    """An authority as plugins of earlier releases are: it keeps no schedule."""

    def __init__(self, inner: MemoryAuthority) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name in ("claim_due", "postpone"):
            raise AttributeError(name)
        return getattr(self._inner, name)


class TestAuthorityWithoutASchedule(TestMemoryAuthority):
    """The laws of every authority are tried of it all the same."""

    @pytest.fixture
    def authority(self, clock: VirtualClock) -> Any:
        return Plain(MemoryAuthority(clock.now))

    @pytest.fixture
    def reopen(self, authority: Any) -> Callable[[], Any]:
        return lambda: Plain(authority.handle())
