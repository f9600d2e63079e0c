"""SR's own adapters: each import string leads to a function that makes what its hook promises."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Iterator
from inspect import isfunction
from pathlib import Path
from typing import Any, cast, get_type_hints

import pytest

import sr_adapters
import sr_ports
from sr_plugins.documents.shapes import fields_of
from sr_ports import Adapter, Later, hooks

FAMILIES = ("attest", "auth", "file", "kinesis", "observability", "postgres", "runtime", "s3", "sqlite", "subprocess")


def adapters() -> Iterator[tuple[str, type, Adapter[Any]]]:
    for family in FAMILIES:
        module = importlib.import_module(f"sr_adapters.{family}.plugin")
        for hook, spec in vars(hooks).items():
            if hook.startswith("sr_") and hasattr(module, hook):
                (port,) = re.findall(r"Adapter\[(\w+)\]", spec.__annotations__["return"])
                for adapter in getattr(module, hook)():
                    yield f"{hook}:{adapter.name}", getattr(sr_ports, port), adapter


ADAPTERS = {name: (port, adapter) for name, port, adapter in adapters()}


@pytest.mark.parametrize("name", ADAPTERS)
def test_an_import_string_leads_to_the_port_that_its_hook_promises(name: str) -> None:
    port, adapter = ADAPTERS[name]
    if any(map(_absent, adapter.requires)):
        pytest.skip(f"{name} needs {adapter.requires}")
    assert isinstance(adapter.build, Later)
    found = adapter.build.found()
    assert isfunction(found)
    hints = get_type_hints(found, localns={"Wiring": hooks.Wiring, **_settings(adapter)})
    made = hints["return"]
    assert made is port or all(hasattr(made, method) for method in vars(port) if not method.startswith("_"))
    wiring: Any = hooks.Wiring
    assert hints["wiring"] == wiring[_settings_type(adapter)]


def _absent(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:  # not even the package that it is in
        return True


def _settings_type(adapter: Adapter[Any]) -> Any:
    return None if adapter.settings is None else cast("Later", adapter.settings).found()


def _settings(adapter: Adapter[Any]) -> dict[str, Any]:
    found = _settings_type(adapter)
    return {} if found is None else {found.__name__: found}


@pytest.mark.parametrize("name", [name for name, (_, adapter) in ADAPTERS.items() if adapter.settings is not None])
def test_every_setting_has_a_line_of_help_and_no_driver_is_needed_to_know_it(name: str) -> None:
    _, adapter = ADAPTERS[name]
    fields = fields_of(_settings_type(adapter))
    assert fields
    for key, field in fields.items():
        assert field.about.text, key
        assert "\n" not in field.about.text
        assert field.wanted


def test_no_adapter_is_left_out() -> None:
    assert len(ADAPTERS) == 21
    folders = {path.parent.name for path in Path(sr_adapters.__file__).parent.glob("*/plugin.py")}
    assert folders == set(FAMILIES)
