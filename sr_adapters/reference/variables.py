"""The environment variables: those that the code reads or gives, and those that the shipped profiles name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sr_adapters.reference import words
from sr_adapters.reference.markdown import code, page, table
from sr_plugins.documents.environment import EARLIER, named_in
from sr_plugins.documents.profile import SHIPPED
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml

_NOTE = (
    "A profile of your own may name any variable, as `${NAME}` or `${NAME:-default}`. Credentials and settings of AWS "
    "come from its own variables and files, as every AWS tool reads them. What else an engine is given: "
    "`invoker.env` in `profile.md`."
)


def environment() -> str:
    """The page."""
    rows = [(code(name), who, means) for name, (who, means) in words.VARIABLES.items()]
    told = [(code(name), _filled(keys), other) for name, (keys, other) in of_profiles().items()]
    return page(
        "Environment variables",
        _NOTE,
        table(["variable", "for", "is"], rows),
        "## Of the shipped profiles",
        table(["variable", "is", "where it is not set"], told),
        "## Names of the first release",
        "They are asked where today's name is not set.",
        table(["earlier name", "today's name"], [(code(earlier), code(name)) for name, earlier in EARLIER.items()]),
    )


def _filled(keys: Mapping[str, list[str]]) -> str:
    return ", ".join(f"{code(key)} of {', '.join(map(code, profiles))}" for key, profiles in keys.items())


def of_profiles() -> dict[str, tuple[dict[str, list[str]], str]]:
    """By variable: the keys that it fills, each with the profiles, and what stands there while it is not set."""
    found: dict[str, dict[str, list[str]]] = defaultdict(dict)
    unset: dict[str, dict[str, None]] = defaultdict(dict)
    for profile in SHIPPED:
        text = (shipped("config") / f"{profile}.yaml").read_bytes()
        for key, name, default in _named(load_yaml(text, what=profile)):
            found[name].setdefault(key, []).append(profile)
            told = "an error" if default is None else code(default) or "nothing"
            unset[name][told] = None
    return {name: (found[name], ", ".join(unset[name])) for name in sorted(found)}


def _named(node: Any, key: str = "") -> Iterator[tuple[str, str, str | None]]:
    """Every variable in a document: the key that it stands at, its name, its default."""
    if isinstance(node, dict):
        for name, one in node.items():
            yield from _named(one, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for one in node:
            yield from _named(one, key)
    elif isinstance(node, str):
        yield from ((key, name, default) for name, default in named_in(node))
