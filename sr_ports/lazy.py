"""Names that are imported when they are first used: the public ones of a package, and those of a plugin.

A package puts the result under ``if not TYPE_CHECKING``: a type checker that saw a module's
`__getattr__` would take every misspelt name for `Any`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any


class Later:
    """An object of a module, imported when it is first called or found. `place`: ``module:name``.

    As an adapter's `build` or `settings` it keeps what is heavy out of start-up.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def found(self) -> Any:
        """The object itself. Raises `ImportError`, `AttributeError`."""
        import importlib

        module, _, name = self.place.partition(":")
        return getattr(importlib.import_module(module), name)

    def __call__(self, *args: Any) -> Any:
        return self.found()(*args)

    def __repr__(self) -> str:
        return f"Later({self.place!r})"


class LaterModule:
    """A module that is imported when something of it is first needed: each of its names is a `Later`.

    Stands in for ``import module`` under ``if not TYPE_CHECKING``.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Later:
        return Later(f"{self._module}:{name}")


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
