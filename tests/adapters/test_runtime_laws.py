"""The suites of the ports of a process itself hold for the built-in runtime, as wired and part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sr_adapters.runtime.clock import ManualClock, SystemClock
from sr_adapters.runtime.ids import RandomIds
from sr_adapters.runtime.platform import FilePlatformRuns, FixedPlatformRuns
from sr_adapters.runtime.pool import SerialPool, ThreadPool
from sr_adapters.runtime.settings import SystemSettings
from sr_adapters.runtime.system import build_system
from sr_ports import Clock, IdSource, PlatformRuns, Runtime, WorkPool
from sr_ports.conformance.runtime import ClockLaws, IdSourceLaws, PlatformRunsLaws, RuntimeLaws, WorkPoolLaws
from tests.wired import wired


class TestSystem(RuntimeLaws):
    @pytest.fixture
    def runtimes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Runtime]:
        monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
        settings: Mapping[str, object] = {"workers": 3}
        return lambda: build_system(wired(SystemSettings, "runtime", settings, tmp_path))


class TestManualClock(ClockLaws):
    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock(datetime(2026, 1, 31, 13, 42, tzinfo=UTC))


class TestRandomIds(IdSourceLaws):
    @pytest.fixture
    def new_ids(self) -> Callable[[], IdSource]:
        return RandomIds


class TestSerialPool(WorkPoolLaws):
    @pytest.fixture
    def pool(self) -> WorkPool:
        return SerialPool()


class TestThreadPool(WorkPoolLaws):
    @pytest.fixture(params=[1, 2, 7])
    def pool(self, request: pytest.FixtureRequest) -> WorkPool:
        return ThreadPool(request.param)


class TestPlatformRunsOfAnOperator(PlatformRunsLaws):
    """In the file that an operator put there."""

    @pytest.fixture
    def platforms(self, tmp_path: Path) -> Callable[[], PlatformRuns]:
        return lambda: FilePlatformRuns(str(tmp_path), {}, SystemClock())


class TestFixedPlatformRuns(PlatformRunsLaws):
    @pytest.fixture
    def fixed(self) -> bool:
        return True

    @pytest.fixture
    def platforms(self) -> Callable[[], PlatformRuns]:
        return lambda: FixedPlatformRuns("platform_20260131T134200Z")
