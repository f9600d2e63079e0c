"""Distributions on disk, with real metadata, as pip would leave them."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

GROUP = "scenario_runner"


class Site:
    """A folder of installed distributions; its modules can be imported while the test runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, code: str, *, version: str = "1.2", module: str | None = None) -> None:
        """Install distribution `name` with one module that its entry point ``plugin`` names."""
        module = module or "plugin_" + name.replace("-", "_").lower()
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nplugin = {module}\n")

    def points(self) -> list[EntryPoint]:
        """The entry points of this folder's distributions."""
        found = distributions(path=[str(self.folder)])
        return [point for one in found for point in one.entry_points if point.group == GROUP]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site folder on the import path."""
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]
