"""Fixtures that start each S3 server once per session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.s3 import S3Server, moto, rgw


@pytest.fixture(scope="session")
def moto_server() -> Iterator[S3Server]:
    with moto() as server:
        yield server


@pytest.fixture(scope="session")
def rgw_server() -> Iterator[S3Server]:
    with rgw() as server:
        yield server


@pytest.fixture(scope="session")
def moto_as_minio(moto_server: S3Server) -> Iterator[S3Server]:
    from tests.servers.as_minio import as_minio

    with as_minio(moto_server) as server:
        yield server


@pytest.fixture(scope="session")
def rgw_as_minio(rgw_server: S3Server) -> Iterator[S3Server]:
    from tests.servers.as_minio import as_minio

    with as_minio(rgw_server) as server:
        yield server
