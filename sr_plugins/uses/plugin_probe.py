"""A process of its own that loads one plugin and says what it gives, or tries one of its laws.

``python -m sr_plugins.uses.plugin_probe QUESTION``: the question is JSON; the answer is a list of rows of
``sr plugins check``, written to the file that the question names, whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from sr_plugins.documents.shapes import fields_of
from sr_plugins.host.loading import API_RANGE, Found, OffersNothing, PluginError, Source, absent, ask, imported
from sr_plugins.host.local_file import load_file
from sr_plugins.uses.law_probe import law_traits, probed, vectors_tried
from sr_plugins.wiring.adapter_settings import settings_class
from sr_ports import API_VERSION, BadInput
from sr_ports.errors import described
from sr_ports.hooks import PROJECT

Row = dict[str, Any]


def main(question: str) -> None:
    """Answer one question."""
    node = json.loads(question)
    source = Source(**node["source"])
    rows = _shown(source, node["law"]) if node["asked"] == "show" else list(_answered(source, node["law"]))
    answer = Path(node["answer"])
    written = answer.with_suffix(".part")
    written.write_text(json.dumps(rows), "utf-8")
    written.replace(answer)


def _shown(source: Source, kind: str) -> Row | str:
    """What a law says of itself."""
    try:
        found = ask(_loaded(source), source)
    except (PluginError, OffersNothing) as error:
        return str(error)
    return law_traits(next(one.offer for one in found if (one.port, one.name) == ("law", kind)))


def _answered(source: Source, kind: str | None) -> Iterator[Row]:
    notes: list[str] = []
    try:
        plugin = _loaded(source)
        found = ask(plugin, source, notes.append)
    except (PluginError, OffersNothing) as error:
        yield _row("plugin", source.entry_point, False, str(error))
        return
    if kind is not None:
        law = next(one.offer for one in found if (one.port, one.name) == ("law", kind))
        yield _row("law", kind, *probed(law))
        yield _row("vectors", kind, *vectors_tried(law))
        return
    yield _api(source, plugin)
    yield from (_row("plugin", source.entry_point, False, note) for note in notes)
    yield from map(_offer, found)


def _loaded(source: Source) -> Any:
    """The plugin's module or object. Raises `PluginError`."""
    if source.file is not None:
        return load_file(source.file, source.version)
    name, _, value = source.entry_point.partition(" = ")
    return imported(EntryPoint(name, value, PROJECT))


def _api(source: Source, plugin: Any) -> Row:
    """The range that the plugin states; one that leaves this version out was refused by now."""
    stated = getattr(plugin, API_RANGE, None)
    if stated is None:
        return _row("api", source.entry_point, None, f"it states no {API_RANGE}: it is tried with any sr_ports")
    return _row("api", source.entry_point, True, f"built for sr_ports {stated}; this is {API_VERSION}")


def _offer(found: Found) -> Row:
    if found.port == "law":
        return _row("law", found.name, None, "found")
    name = f"{found.port} {found.name}"
    missing = [one for one in found.offer.requires if absent(one)]
    if missing:
        return _row("adapter", name, None, f"{', '.join(missing)} not installed here: it cannot be built")
    try:
        cls = settings_class(found.port, found.offer)
        count = 0 if cls is None else len(fields_of(cls))
    except (BadInput, NameError, TypeError) as error:
        return _row("adapter", name, False, f"its settings cannot be read: {described(error)}")
    return _row("adapter", name, True, f"{count} settings")


def _row(check: str, name: str, ok: bool | None, detail: str) -> Row:
    return {"check": check, "name": name, "ok": ok, "detail": detail}


if __name__ == "__main__":
    os.dup2(2, 1)  # whatever a plugin prints is no answer
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1])
