"""S3, Postgres and Kinesis in one command without Docker, and a run READY on the shipped profiles in the next."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.kinesis
ENDED_S = 60


def servers(*args: str) -> list[str]:
    return [sys.executable, "-m", "tests.servers", *args]


def environment(lines: str) -> dict[str, str]:
    told = [shlex.split(line)[1] for line in lines.splitlines() if line.startswith("export ")]
    return {name: value for name, _, value in (one.partition("=") for one in told)}


def sr(env: Mapping[str, str], folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SR_", "AWS_", "MINIO_"))}
    command = [sys.executable, "-m", "sr_adapters.cli", *args]
    return subprocess.run(command, env={**clean, **env}, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    kept = tmp_path / "stack.json"
    start = servers("up", "--detach", "--s3", "moto", "--kept", str(kept))
    started = subprocess.run(start, cwd=REPO, capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    try:
        yield environment(started.stdout)
    finally:
        subprocess.run(servers("down", "--kept", str(kept)), cwd=REPO, capture_output=True, check=True)
    assert not kept.exists()


def test_runs_are_ready_on_the_shipped_profiles_and_a_missing_bucket_is_told_once(
    up: Mapping[str, str], tmp_path: Path
) -> None:
    for profile, size in (("local_parity", "20k"), ("local_kinesis", "21k")):
        done = sr(up, tmp_path, "--profile", profile, "demo", "--root", profile, "--size", size)
        assert done.returncode == 0, done.stderr
        assert "READY run" in done.stdout
        written = (tmp_path / profile / "profile.yaml").read_text("utf-8")
        assert "${SR_PG_DSN}" in written
        assert up["SR_PG_DSN"] not in written, "no secret of the environment lies in a file"
        tail = sr(up, tmp_path, "--profile", f"{profile}/profile.yaml", "bus", "tail")
        assert tail.stdout.count(" READY ") == 1
    assert sr(up, tmp_path, "--profile", "local_kinesis", "doctor").returncode == 0
    looked = sr({**up, "SR_S3_BUCKET": "sr-no-such-bucket"}, tmp_path, "--profile", "local_parity", "doctor")
    assert looked.returncode == 9
    assert looked.stderr.count("error[STORE_BUCKET_MISSING]") == looked.stderr.count("error[") == 1
    assert (looked.stdout + looked.stderr).count("NoSuchBucket") == 1


def test_sigint_ends_everything_that_was_started(tmp_path: Path) -> None:
    kept = tmp_path / "stack.json"
    command = servers("up", "--s3", "moto", "--kept", str(kept))
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while "PLATFORM_RUN_ID" not in "".join(lines[-1:]):
            line = process.stdout.readline()
            assert line, "it ended before it was up"
            lines.append(line)
        env = environment("".join(lines))
        assert {"SR_S3_ENDPOINT_URL", "SR_PG_DSN", "SR_KINESIS_ENDPOINT_URL"} <= set(env)
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDED_S) == 0
    assert not kept.exists()
    from tests.servers.processes import answers

    assert not answers(env["SR_S3_ENDPOINT_URL"])
    assert not answers(env["SR_KINESIS_ENDPOINT_URL"])
