"""What a profile may say, from the classes that read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sr_adapters.reference.markdown import code, page, table
from sr_plugins import profile_schema

Rows = Iterator[tuple[str, str, str]]


def profile_keys() -> str:
    """Every key of a profile, and of the adapters that come with Scenario Runner."""
    intro = (
        "A profile is YAML. Every key may be left out. Any typed value may come from the environment, as `${NAME}` or "
        "`${NAME:-default}`. Another key is an error. `sr_plugins.profile_schema()` gives all this as JSON Schema."
    )
    whole = profile_schema()
    return page("Profile keys", intro, table(["key", "means", "default"], _rows("", whole)))


def _rows(path: str, node: Mapping[str, Any]) -> Rows:
    for key, one in node.get("properties", {}).items():
        name = f"{path}{key}"
        yield code(name), _means(one), _default(one)
        section = next((form for form in one.get("anyOf", ()) if "properties" in form), one)
        yield from _rows(f"{name}.", section)
        yield from _adapters(name, section)
        yield from _listed(name, one)


def _adapters(name: str, section: Mapping[str, Any]) -> Rows:
    """The settings of each adapter that a section may name."""
    own = section.get("properties", {})
    for rule in section.get("allOf", ()):
        ((_, named),) = rule["if"]["properties"].items()
        word = named["const"]
        settings = {key: one for key, one in rule["then"]["properties"].items() if key not in own}
        for key, one in settings.items():
            yield f"{code(f'{name}.{key}')} of {code(word)}", _means(one), _default(one)


def _listed(name: str, node: Mapping[str, Any]) -> Rows:
    """The settings of each adapter that a list may name."""
    listed: Mapping[str, Any] = next((form for form in node.get("anyOf", ()) if "items" in form), {})
    for form in listed.get("items", {}).get("anyOf", ()):
        for rule in form.get("allOf", ()):
            ((key, word),) = rule["if"]["properties"].items()
            for setting, one in rule["then"]["properties"].items():
                if setting != key:
                    yield f"{code(f'{name}[].{setting}')} of {code(word['const'])}", _means(one), _default(one)


def _means(node: Mapping[str, Any]) -> str:
    words = node.get("enum") or [word for one in node.get("anyOf", ()) for word in one.get("enum", ())]
    may = f": {', '.join(code(word) for word in words)}" if words else ""
    return f"{node.get('description', '')}{may}"


def _default(node: Mapping[str, Any]) -> str:
    return code(json.dumps(node["default"])) if node.get("default") is not None else ""
