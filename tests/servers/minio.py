"""The whole S3 tier on a MinIO that is given: ``python -m tests.servers.minio``, as ``tox -e minio`` does."""

from __future__ import annotations

import os
import subprocess
import sys

HOW = (
    "skipped: no MinIO is given. Start one (deploy/compose.yaml, or go install github.com/minio/minio@latest, "
    "4 to 16 minutes), then set SR_TEST_S3_ENDPOINT, MINIO_ACCESS_KEY and MINIO_SECRET_KEY"
)


def main() -> int:
    if not os.environ.get("SR_TEST_S3_ENDPOINT"):
        print(HOW)  # noqa: T201
        return 0
    command = [sys.executable, "-m", "pytest", "-m", "parity", *sys.argv[1:]]
    return subprocess.run(command, check=False, env={**os.environ, "SR_TEST_S3_ALONE": "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
