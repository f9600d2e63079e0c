"""The documents that the tests of readers look at, written once."""

from __future__ import annotations

import pytest

from tests.readers.written import Written, real_runs


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """What real runs wrote; nobody changes it."""
    return real_runs(tmp_path_factory.mktemp("readers"))
