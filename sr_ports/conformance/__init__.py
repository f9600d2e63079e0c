"""Conformance suites: subclass one per adapter, give it its fixtures, and pytest does the rest."""

import pkgutil

import pytest

# a suite is no test_*.py: without this its failed assertions would say nothing
pytest.register_assert_rewrite(*(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")))
