"""The names that other code may import, from the modules themselves."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator

from sr_adapters.reference.markdown import code, page, table

_MODULES = {
    "sr_plugins": "for programs that run or read runs",
    "sr_plugins.consumer": "for consumers",
    "sr_plugins.aio": "for services with an event loop",
    "sr_domain": "for embedders, who bring ports, policy and pack",
    "sr_adapters.memory": "the ports that embedders bring, where they bring no others",
    "sr_ports": "for authors of plugins",
}


def python_api() -> str:
    """Every public name with the first line of what it says of itself."""
    return page("Python API", *(part for name, who in _MODULES.items() for part in _module(name, who)), *_runner())


def _module(name: str, who: str) -> Iterator[str]:
    module = importlib.import_module(name)
    rows = [(code(one), _first(getattr(module, one))) for one in module.__all__]
    yield f"## {name}"
    yield f"{who[0].upper()}{who[1:]}."
    yield table(["name", "what"], rows)


def _runner() -> Iterator[str]:
    from sr_domain import ScenarioRunner

    found = inspect.getmembers(ScenarioRunner, lambda one: inspect.isfunction(one) or isinstance(one, property))
    rows = [(code(name), _first(one)) for name, one in found if not name.startswith("_")]
    yield "## ScenarioRunner"
    yield "What `build_runner` gives. Every method may be called twice, at once, or again after a crash."
    yield table(["method", "what"], rows)


def _first(one: object) -> str:
    """The first paragraph of a docstring; of a value, what kind it is."""
    plain = isinstance(one, str | int | float | dict) and not isinstance(one, type)
    text = "" if plain else inspect.getdoc(one) or ""
    return " ".join(text.split("\n\n")[0].split())
