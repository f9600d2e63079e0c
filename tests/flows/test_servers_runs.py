"""What runs promise, tried on a profile of the production substrate: truth in S3, authority in Postgres."""

from __future__ import annotations

from typing import Any

import pytest

from sr_plugins.testing import SmallWorld, sr_processes, sr_world
from sr_plugins.testing.fixtures import LEASE_S, Processes
from sr_ports.conformance.runs import RequestFor, RunLaws, Runners
from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server
from tests.flows.test_servers import prefix, profile, s3
from tests.servers.postgres import postgres_dsn

__all__ = [
    "moto_as_minio", "moto_server", "postgres_dsn", "prefix", "profile", "rgw_as_minio", "rgw_server", "s3",
    "sr_processes", "sr_world",
]  # fmt: skip
pytestmark = pytest.mark.parity


class TestOnServers(RunLaws):
    @pytest.fixture
    def runners(
        self,
        sr_processes: Processes,
        sr_world: SmallWorld,
        profile: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Runners:
        monkeypatch.setenv("PLATFORM_RUN_ID", "platform_20260131T134200Z")  # a shared store is told which it is
        engine = {"interface_pack": str(sr_world.pack_folder)}
        return sr_processes({**profile, "engine": engine, "lease": {"ttl_seconds": LEASE_S}})

    @pytest.fixture
    def request_for(self, sr_world: SmallWorld) -> RequestFor:
        return sr_world.request

    @pytest.fixture
    def cuts(self) -> int:
        return 24
