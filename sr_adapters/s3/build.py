"""Building the S3 and MinIO adapters from a profile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from sr_adapters.s3.client import Credentials, Endpoint, endpoint_from, invalid, place, shared_client, text
from sr_adapters.s3.probe import FileFindings
from sr_adapters.s3.root import S3EngineRoot
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, ReasonCode
from sr_ports.hooks import Wiring
from sr_ports.stores import check_key

ENGINE_ENDPOINT: Final = "SR_ENGINE_S3_ENDPOINT"
"""Environment variable: the endpoint of engine roots when the object store is not on S3."""

_MINIO_KEYS = (("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"))


def build_s3(wiring: Wiring) -> S3ObjectStore:
    """The object store on S3. Raises `BadInput(PROFILE_INVALID)`; asks nothing of the network yet."""
    return _store(wiring, endpoint_from(wiring.settings))


def build_minio(wiring: Wiring) -> S3ObjectStore:
    """The same on MinIO: an endpoint is required, path style is the default, MINIO_* keys are known."""
    return _store(wiring, _minio(wiring.settings))


def open_s3_root(uri: str, wiring: Wiring) -> S3EngineRoot:
    """The engine root at an ``s3://`` URI, on the object store's endpoint where that is on S3."""
    section = wiring.profile.get("object_store")
    settings: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
    adapter = settings.get("adapter")
    if adapter == "minio":
        endpoint = _minio(settings)
    elif adapter == "s3":
        endpoint = endpoint_from(settings)
    else:
        url = os.environ.get(ENGINE_ENDPOINT) or None
        endpoint = Endpoint(url, addressing_style="path" if url else "auto", given_by=ENGINE_ENDPOINT if url else None)
    client = shared_client(endpoint, ReasonCode.ENGINE_ROOT_DENIED)
    return S3EngineRoot(uri, client, place=place(client, endpoint))


def minio_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """MinIO's own variables, unless the AWS chain's are set; None leaves it to the AWS chain."""
    if environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_PROFILE"):
        return None
    for user, secret in _MINIO_KEYS:
        found = environ.get(user), environ.get(secret)
        if found[0] and found[1]:
            return Credentials(found[0], found[1])
        if found[0] or found[1]:
            raise BadInput(ReasonCode.ENV_UNSET, f"of {user} and {secret} only one is set")
    return None


def _minio(settings: Mapping[str, Any]) -> Endpoint:
    endpoint = endpoint_from(settings, style="path")
    if endpoint.url is None:
        raise invalid("endpoint_url", "is required for the minio adapter")
    return attrs.evolve(endpoint, credentials=minio_credentials(os.environ))


def _store(wiring: Wiring, endpoint: Endpoint) -> S3ObjectStore:
    bucket, prefix = text(wiring.settings, "bucket"), text(wiring.settings, "prefix") or ""
    if bucket is None or "/" in bucket:
        raise invalid("bucket", "is required, and is a name without slashes")
    if prefix.strip("/"):
        try:
            check_key(prefix.strip("/"))
        except BadInput as error:
            raise invalid("prefix", "must be a relative POSIX path") from error
    return S3ObjectStore(
        endpoint,
        bucket,
        prefix,
        sse_kms_key_id=text(wiring.settings, "sse_kms_key_id"),
        findings=FileFindings(Path(wiring.runtime_root) / "s3_probe.json"),
    )
