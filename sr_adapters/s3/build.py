"""Building the S3 and MinIO adapters from a profile."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs

from sr_adapters.s3.client import Credentials, Endpoint, endpoint_from, place, shared_client
from sr_adapters.s3.keep import keep_object
from sr_adapters.s3.probe import FileFindings
from sr_adapters.s3.root import S3EngineRoot
from sr_adapters.s3.settings import MinioSettings, S3Settings
from sr_adapters.s3.store import S3ObjectStore
from sr_ports import BadInput, ReasonCode, Sink
from sr_ports.hooks import Wiring

ENGINE_ENDPOINT: Final = "SR_ENGINE_S3_ENDPOINT"
"""Environment variable: the endpoint of engine roots where neither `engine.s3` nor an object store on S3 gives one."""
SECTION: Final = "engine.s3"

_MINIO_KEYS = (("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"))


def build_s3(wiring: Wiring[S3Settings]) -> S3ObjectStore:
    """The object store on S3. Raises `BadInput(PROFILE_INVALID)`; asks nothing of the network yet."""
    return _store(wiring, endpoint_from(wiring.settings))


def build_minio(wiring: Wiring[MinioSettings]) -> S3ObjectStore:
    """The same on MinIO: path style is the default, MINIO_* keys are known."""
    return _store(wiring, _minio(wiring.settings))


@attrs.frozen
class S3EngineRoots:
    """`sr_ports.EngineRoots` of ``s3://`` URIs, on their own endpoint, else on the object store's where that is on S3.

    `store`: the object store's settings, of whatever adapter. `url`, `region`: the roots' own; None or empty for
    the object store's. Another server is asked with the AWS chain's credentials, never with those of the object
    store's. The environment is read anew for each root.
    """

    store: object
    url: str | None = None
    region: str | None = None

    def open(self, uri: str) -> S3EngineRoot:
        endpoint = self._endpoint()
        client = shared_client(endpoint, ReasonCode.ENGINE_ROOT_DENIED)
        return S3EngineRoot(uri, client, place=place(client, endpoint))

    def keep(self, uri: str, path: str, source: Callable[[Sink], object]) -> None:
        """`sr_ports.Keeping`: one object of a copy."""
        endpoint = self._endpoint()
        once = shared_client(attrs.evolve(endpoint, attempts=1), ReasonCode.ENGINE_ROOT_DENIED)
        keep_object(once, endpoint.attempts, uri, path, source)

    def _endpoint(self) -> Endpoint:
        region = self.region or None
        if self.url:
            return Endpoint(self.url, region, addressing_style="path", section=SECTION)
        found = self._stores()
        return found if region is None else attrs.evolve(found, region=region, section=SECTION)

    def _stores(self) -> Endpoint:
        if isinstance(self.store, MinioSettings):
            return _minio(self.store)
        if isinstance(self.store, S3Settings):
            return endpoint_from(self.store)
        url = os.environ.get(ENGINE_ENDPOINT) or None
        return Endpoint(url, addressing_style="path" if url else "auto", given_by=ENGINE_ENDPOINT if url else None)


def build_roots(wiring: Wiring[None]) -> S3EngineRoots:
    """Engine roots on S3."""
    own = wiring.sections.get(SECTION)
    return S3EngineRoots(wiring.sections.get("object_store"), *(() if own is None else (own.endpoint_url, own.region)))


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


def _minio(settings: S3Settings) -> Endpoint:
    return attrs.evolve(endpoint_from(settings, style="path"), credentials=minio_credentials(os.environ))


def _store(wiring: Wiring[S3Settings], endpoint: Endpoint) -> S3ObjectStore:
    return S3ObjectStore(
        endpoint,
        wiring.settings.bucket,
        wiring.settings.prefix,
        sse_kms_key_id=wiring.settings.sse_kms_key_id,
        findings=FileFindings(Path(wiring.runtime_root) / "s3_probe.json"),
    )
