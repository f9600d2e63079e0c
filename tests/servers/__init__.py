"""Real servers for the tests, started and ended by the tests themselves."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(how: str) -> NoReturn:
    """Skip with one line that says how to get the server; fail where every tier must run."""
    if os.environ.get("SR_REQUIRE_TIERS"):
        pytest.fail(how)
    pytest.skip(how)
