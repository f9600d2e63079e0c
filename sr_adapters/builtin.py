"""SR's own adapters, registered as any other plugin's. Nothing heavy is imported before `build`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sr_ports import Adapter, Wiring, hookimpl

_S3 = frozenset({"bucket", "prefix", "endpoint_url", "region", "addressing_style", "sse_kms_key_id",
                 "connect_timeout_seconds", "read_timeout_seconds"})  # fmt: skip

_DSSE = ("securesystemslib", "cryptography")


def _file_store(wiring: Wiring) -> Any:
    from sr_adapters.file.store import build

    return build(wiring)


def _s3(wiring: Wiring) -> Any:
    from sr_adapters.s3.build import build_s3

    return build_s3(wiring)


def _minio(wiring: Wiring) -> Any:
    from sr_adapters.s3.build import build_minio

    return build_minio(wiring)


def _s3_root(uri: str, wiring: Wiring) -> Any:
    from sr_adapters.s3.build import open_s3_root

    return open_s3_root(uri, wiring)


def _file_root(uri: str, wiring: Wiring) -> Any:
    from sr_adapters.file.root import FileEngineRoot
    from sr_adapters.places import require_posix

    require_posix()
    return FileEngineRoot(uri)


def _sqlite(wiring: Wiring) -> Any:
    from sr_adapters.sqlite.authority import build

    return build(wiring)


def _postgres(wiring: Wiring) -> Any:
    from sr_adapters.postgres.authority import build

    return build(wiring)


def _file_bus(wiring: Wiring) -> Any:
    from sr_adapters.file.bus import build

    return build(wiring)


def _subprocess(wiring: Wiring) -> Any:
    from sr_adapters.subprocess.invoker import build_subprocess

    return build_subprocess(wiring)


def _system(wiring: Wiring) -> Any:
    from sr_adapters.runtime.system import build_system

    return build_system(wiring)


def _console(wiring: Wiring) -> Any:
    from sr_adapters.observability.sinks import build_console

    return build_console(wiring)


def _log_files(wiring: Wiring) -> Any:
    from sr_adapters.observability.sinks import build_file

    return build_file(wiring)


def _key_file_signer(wiring: Wiring) -> Any:
    from sr_adapters.attest.dsse import build_signer

    return build_signer(wiring)


def _key_file_checker(wiring: Wiring) -> Any:
    from sr_adapters.attest.dsse import build_checker

    return build_checker(wiring)


def _kinesis(wiring: Wiring) -> Any:
    from sr_adapters.kinesis.bus import build_kinesis

    return build_kinesis(wiring)


@hookimpl
def sr_object_stores() -> Sequence[Adapter]:
    return [
        Adapter("file", _file_store, settings=frozenset({"root"}), schemes=("", "file"), open_root=_file_root),
        Adapter("s3", _s3, extra="s3", requires=("boto3",), settings=_S3, schemes=("s3",), open_root=_s3_root),
        Adapter("minio", _minio, extra="s3", requires=("boto3",), settings=_S3),
    ]


@hookimpl
def sr_authority_stores() -> Sequence[Adapter]:
    return [
        Adapter("sqlite", _sqlite, settings=frozenset({"path", "busy_timeout_seconds"})),
        Adapter(
            "postgres",
            _postgres,
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
def sr_engine_invokers() -> Sequence[Adapter]:
    return [Adapter("subprocess", _subprocess, settings=frozenset({"command", "cwd", "timeout_seconds"}))]


@hookimpl
def sr_control_buses() -> Sequence[Adapter]:
    return [
        Adapter("file", _file_bus, settings=frozenset({"root"})),
        Adapter(
            "kinesis",
            _kinesis,
            extra="kinesis",
            requires=("boto3",),
            settings=frozenset({"stream", "region", "endpoint_url"}),
        ),
    ]


@hookimpl
def sr_signers() -> Sequence[Adapter]:
    return [Adapter("key_file", _key_file_signer, extra="attest", requires=_DSSE, settings=frozenset({"signing_key"}))]


@hookimpl
def sr_signature_checkers() -> Sequence[Adapter]:
    return [Adapter("key_file", _key_file_checker, extra="attest", requires=_DSSE, settings=frozenset({"public_key"}))]


@hookimpl
def sr_runtimes() -> Sequence[Adapter]:
    return [Adapter("system", _system, settings=frozenset())]


@hookimpl
def sr_observability_sinks() -> Sequence[Adapter]:
    return [Adapter("console", _console), Adapter("file", _log_files)]
