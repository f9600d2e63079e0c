"""A broken thing's suite runs the tests of the law that it breaks; a sound thing's runs all of them."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

# Of what is broken one example is enough: the smallest need not be looked for.
settings.register_profile("broken", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("broken")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not _wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _wanted(item)]


def _wanted(item: pytest.Item) -> bool:
    breaks = getattr(getattr(item, "cls", None), "breaks", None)
    return breaks is None or item.name.startswith(f"test_{breaks.lower()}_")
