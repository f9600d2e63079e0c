"""Servers that accept conditional writes and ignore them: doctor and submit refuse each, and nothing is admitted."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Shell
from tests.servers.careless import NAMES, careless
from tests.servers.s3 import S3Server, fresh_prefix, moto

pytestmark = pytest.mark.parity
ONE = "platform_20260201T000000Z"
BROKEN, AWAY = 5, 9


@pytest.fixture(params=NAMES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with careless(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


def on(sr: Shell, server: S3Server, monkeypatch: pytest.MonkeyPatch, engine_root: str | None = None) -> str:
    """A profile on the server."""
    keys = server.endpoint.credentials
    assert keys is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
    monkeypatch.setenv("PLATFORM_RUN_ID", ONE)
    store = {"adapter": "s3", "bucket": server.bucket, "endpoint_url": server.url, "region": "us-east-1"}
    store |= {"addressing_style": "path", "prefix": fresh_prefix()}
    profile = {"runtime_root": "shared", "object_store": store, "engine": {"interface_pack": "pack"}}
    (sr.folder / "on.json").write_text(json.dumps(profile))
    return "on.json"


def test_a_store_that_ignores_conditions_is_refused(
    sr: Shell, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = on(sr, server, monkeypatch)
    doctor = sr("--profile", profile, "doctor")
    assert (doctor.code, doctor.error) == (BROKEN, "STORE_UNSAFE")
    assert doctor.err.count("STORE_UNSAFE") == 1, "one cause, one line"
    submitted = sr("--profile", profile, "submit", sr.request())
    assert (submitted.code, submitted.error) == (AWAY, "STORE_UNSAFE")
    kept = server.client().list_objects_v2(Bucket=server.bucket).get("Contents", ())
    assert [one["Key"] for one in kept if "/run_record/" in one["Key"]] == []


def test_the_innocent_twin_is_taken(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto() as server:
        profile = on(sr, server, monkeypatch)
        assert sr("--profile", profile, "doctor").code == 0
        assert sr("--profile", profile, "submit", sr.request()).code == 0
