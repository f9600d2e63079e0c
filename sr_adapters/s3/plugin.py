"""What the s3 family offers: object stores on S3 and MinIO, and engine roots on either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sr_ports import Adapter, Later, hookimpl

if TYPE_CHECKING:  # what reads engine roots is loaded by who does
    from sr_ports import EngineRoots, ObjectStore

_NEEDS = ("boto3",)


@hookimpl
def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
    return [
        Adapter(
            "s3",
            Later("sr_adapters.s3.build:build_s3"),
            extra="s3",
            requires=_NEEDS,
            settings=Later("sr_adapters.s3.settings:S3Settings"),
        ),
        Adapter(
            "minio",
            Later("sr_adapters.s3.build:build_minio"),
            extra="s3",
            requires=_NEEDS,
            settings=Later("sr_adapters.s3.settings:MinioSettings"),
        ),
    ]


@hookimpl
def sr_engine_roots() -> Sequence[Adapter[EngineRoots]]:
    return [Adapter("s3", Later("sr_adapters.s3.build:build_roots"), extra="s3", requires=_NEEDS, schemes=("s3",))]
