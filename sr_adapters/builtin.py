"""SR's own adapters, registered as any other plugin's. Nothing heavy is imported before `build`."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from typing import Any

import attrs

from sr_ports import (
    Adapter,
    AuthorityStore,
    ControlBus,
    EngineInvoker,
    ObjectStore,
    ObservabilitySink,
    Runtime,
    SignatureChecker,
    Signer,
    hookimpl,
)

_S3 = frozenset({"bucket", "prefix", "endpoint_url", "region", "addressing_style", "sse_kms_key_id",
                 "connect_timeout_seconds", "read_timeout_seconds"})  # fmt: skip

_DSSE = ("securesystemslib", "cryptography")


@attrs.frozen
class _From:
    """A function of ``sr_adapters``, imported when it is first called. `place`: ``module:name``."""

    place: str

    def __call__(self, *args: Any) -> Any:
        return pkgutil.resolve_name(f"sr_adapters.{self.place}")(*args)


@hookimpl
def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
    return [
        Adapter(
            "file",
            _From("file.store:build"),
            settings=frozenset({"root"}),
            schemes=("", "file"),
            open_root=_From("file.root:open_root"),
        ),
        Adapter(
            "s3",
            _From("s3.build:build_s3"),
            extra="s3",
            requires=("boto3",),
            settings=_S3,
            schemes=("s3",),
            open_root=_From("s3.build:open_s3_root"),
        ),
        Adapter("minio", _From("s3.build:build_minio"), extra="s3", requires=("boto3",), settings=_S3),
    ]


@hookimpl
def sr_authority_stores() -> Sequence[Adapter[AuthorityStore]]:
    return [
        Adapter("sqlite", _From("sqlite.authority:build"), settings=frozenset({"path", "busy_timeout_seconds"})),
        Adapter(
            "postgres",
            _From("postgres.authority:build"),
            extra="postgres",
            requires=("psycopg",),
            settings=frozenset(
                {
                    "dsn",
                    "schema",
                    "pool_max",
                    "pool_wait_seconds",
                    "statement_timeout_seconds",
                    "connect_timeout_seconds",
                }
            ),
        ),
    ]


@hookimpl
def sr_engine_invokers() -> Sequence[Adapter[EngineInvoker]]:
    return [
        Adapter(
            "subprocess",
            _From("subprocess.invoker:build_subprocess"),
            settings=frozenset({"command", "cwd", "timeout_seconds"}),
        )
    ]


@hookimpl
def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
    return [
        Adapter("file", _From("file.bus:build"), settings=frozenset({"root"})),
        Adapter(
            "kinesis",
            _From("kinesis.bus:build_kinesis"),
            extra="kinesis",
            requires=("boto3",),
            settings=frozenset({"stream", "region", "endpoint_url"}),
        ),
    ]


@hookimpl
def sr_signers() -> Sequence[Adapter[Signer]]:
    return [
        Adapter(
            "key_file",
            _From("attest.dsse:build_signer"),
            extra="attest",
            requires=_DSSE,
            settings=frozenset({"signing_key"}),
        )
    ]


@hookimpl
def sr_signature_checkers() -> Sequence[Adapter[SignatureChecker]]:
    return [
        Adapter(
            "key_file",
            _From("attest.dsse:build_checker"),
            extra="attest",
            requires=_DSSE,
            settings=frozenset({"public_key"}),
        )
    ]


@hookimpl
def sr_runtimes() -> Sequence[Adapter[Runtime]]:
    return [Adapter("system", _From("runtime.system:build_system"), settings=frozenset())]


@hookimpl
def sr_observability_sinks() -> Sequence[Adapter[ObservabilitySink]]:
    return [
        Adapter("console", _From("observability.sinks:build_console")),
        Adapter("file", _From("observability.sinks:build_file")),
    ]
