"""schemathesis asks the running service whatever its OpenAPI document allows and forbids, with every check on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.http.kit import Site

CONFIG = """
[checks.positive_data_acceptance]
# A run request may fit its contract and still be none: a day that no calendar has, a time zone nobody knows.
expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 422, 429, "5xx"]
"""


def asked(site: Site, *args: str) -> subprocess.CompletedProcess[str]:
    (site.folder / "schemathesis.toml").write_text(CONFIG)
    address = f"http://{site.address[0]}:{site.address[1]}/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "run", address, "--checks", "all", "--request-timeout", "30"]
    return subprocess.run(
        [*command, "--no-color", *args], cwd=site.folder, capture_output=True, text=True, timeout=900, check=False
    )


def test_a_few_requests_of_each_kind_find_no_failure(site: Site) -> None:
    site.ready()
    done = asked(site, "--phases", "examples,coverage", "--max-examples", "2", "--seed", "1")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_many_requests_and_the_links_between_them_find_no_failure(site: Site) -> None:
    site.ready()
    done = asked(site, "--max-examples", "50")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
