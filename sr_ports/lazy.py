"""Public names of a package, each imported from its home module when it is first used.

A package puts the result under ``if not TYPE_CHECKING``: a type checker that saw a module's
`__getattr__` would take every misspelt name for `Any`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of `package`. `homes`: the module of each name, relative to the package.

    It raises `AttributeError` for any other name.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find
