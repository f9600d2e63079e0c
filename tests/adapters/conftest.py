"""Fixtures shared by the adapters' tests."""

from __future__ import annotations

from tests.adapters.s3_fixtures import moto_server, rgw_server

__all__ = ["moto_server", "rgw_server"]
