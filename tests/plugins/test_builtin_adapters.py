"""SR's own adapters: each import string leads to a function that makes what its hook promises."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from inspect import isfunction
from typing import Any, get_type_hints

import pytest

import sr_ports
from sr_adapters import builtin
from sr_ports import Adapter, EngineRoot, hooks


def functions() -> Iterator[tuple[str, type, Adapter[Any], Any]]:
    for hook, spec in vars(hooks).items():
        if hook.startswith("sr_") and hasattr(builtin, hook):
            (port,) = re.findall(r"Adapter\[(\w+)\]", spec.__annotations__["return"])
            for adapter in getattr(builtin, hook)():
                yield f"{hook}:{adapter.name}", getattr(sr_ports, port), adapter, adapter.build
                if adapter.open_root is not None:
                    yield f"{hook}:{adapter.name}:root", EngineRoot, adapter, adapter.open_root


FUNCTIONS = {name: (port, adapter, function) for name, port, adapter, function in functions()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_import_string_leads_to_the_port_that_its_hook_promises(name: str) -> None:
    port, adapter, function = FUNCTIONS[name]
    if any(importlib.util.find_spec(one) is None for one in adapter.requires):
        pytest.skip(f"{name} needs {adapter.requires}")
    found = pkgutil.resolve_name(f"sr_adapters.{function.place}")
    assert isfunction(found)
    made = get_type_hints(found, localns={"Wiring": hooks.Wiring})["return"]
    assert made is port or all(hasattr(made, method) for method in vars(port) if not method.startswith("_"))


def test_no_adapter_is_left_out() -> None:
    assert len(FUNCTIONS) == 15
