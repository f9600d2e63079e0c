"""Kinesis servers: moto's, and the emulator from npm. One of each a session, a stream a test."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers import absent
from tests.servers.install import EMULATOR, emulator
from tests.servers.processes import answers, free_port, running
from tests.servers.s3 import MOTO

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


def client(endpoint: str) -> Any:
    """A plain client, to make streams and look behind the adapter."""
    import boto3

    return boto3.client(
        "kinesis", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


def make_stream(endpoint: str, shards: int = 2, name: str | None = None) -> str:
    """An active stream; `name`: None for one that no other test has."""
    name = name or f"sr-{uuid.uuid4().hex[:12]}"
    kinesis = client(endpoint)
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    wait_active(endpoint, name)
    return name


def wait_active(endpoint: str, name: str) -> None:
    """Wait until the stream may be used."""
    deadline = time.monotonic() + 30
    while (
        client(endpoint).describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
        != "ACTIVE"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def moto_alone(log: Path) -> Iterator[str]:
    """moto's server, answering one request at a time."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running([*MOTO, str(port)], lambda: answers(url), env={**os.environ, **CREDENTIALS}, log=log):
        yield url


@contextmanager
def emulated(log: Path) -> Iterator[str]:
    """The emulator; skips where it is not installed."""
    folder, node = emulator(), shutil.which("node")
    if folder is None or node is None:
        absent(f"no Kinesis emulator: python -m tests.servers.install gets {EMULATOR}")
    port = free_port()
    env = {
        **os.environ,
        "KINESIS_MOCK_CERT_PATH": str(folder / "server.json"),
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(free_port()),
        "CREATE_STREAM_DURATION": "50ms",
        "SHARD_LIMIT": "10000",  # each test has a stream of its own
        "LOG_LEVEL": "ERROR",
    }
    command = [node, "--require", str(Path(__file__).with_name("loopback.js")), str(folder / "main.js")]
    url = f"http://127.0.0.1:{port}"
    with running(command, lambda: answers(f"{url}/healthcheck"), env=env, log=log):
        yield url


@pytest.fixture(scope="session")
def moto_kinesis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """moto's server."""
    with moto_alone(tmp_path_factory.mktemp("moto") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def local_kinesis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator, or the server named by ``SR_TEST_KINESIS_ENDPOINT``."""
    given = os.environ.get("SR_TEST_KINESIS_ENDPOINT")
    if given:
        yield given
        return
    with emulated(tmp_path_factory.mktemp("kinesis") / "log") as url:
        yield url
