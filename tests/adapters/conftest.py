"""Fixtures shared by the adapters' tests."""

from __future__ import annotations

from tests.adapters.s3_fixtures import moto_as_minio, moto_server, rgw_as_minio, rgw_server

__all__ = ["moto_as_minio", "moto_server", "rgw_as_minio", "rgw_server"]
