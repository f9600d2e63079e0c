"""Locations of stores that lie beside the authority's file: kept by their place relative to it.

A folder that is moved or copied with both in it is then still itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

_MARK = "beside:"
"""No location of a store begins so: its scheme would be of no adapter."""


class Beside:
    """`runtime_root`: what both must lie below; None for nothing. `file`: the authority's, asked when needed."""

    def __init__(self, runtime_root: str | None, file: Callable[[], Path]) -> None:
        self._root = runtime_root
        self._file = file
        self._known: dict[str, str] = {}  # either way: no location begins with the mark

    def kept(self, location: str | None) -> str | None:
        """The location as it is kept: relative where it may be."""
        if location is None or self._root is None or not location.startswith("file:"):
            return location
        if location not in self._known:
            self._known[location] = self._relative(location, Path(os.path.realpath(self._root)))
        return self._known[location]

    def location(self, kept: str) -> str:
        """A location that was kept, as stores give theirs."""
        if not kept.startswith(_MARK):
            return kept
        if kept not in self._known:
            self._known[kept] = Path(os.path.realpath(self._folder() / kept.removeprefix(_MARK))).as_uri()
        return self._known[kept]

    def _relative(self, location: str, root: Path) -> str:
        store, folder = Path(unquote(urlsplit(location).path)), self._folder()
        if not (store.is_relative_to(root) and folder.is_relative_to(root)):
            return location
        return f"{_MARK}{os.path.relpath(store, folder)}"

    def _folder(self) -> Path:
        return Path(os.path.realpath(self._file())).parent
