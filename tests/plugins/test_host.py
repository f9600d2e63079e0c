"""The plugin host: what is found, what is wrong with it, and who may use what."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_plugins.host import PluginHost
from sr_ports import Adapter, BadInput, BundleView, ReasonCode, Wiring, hookimpl

REPO = Path(__file__).resolve().parents[2]


@attrs.frozen
class Law:
    kind: str = "sha256_merkle_v1"

    def digest(self, bundle: BundleView) -> str:
        return "0" * 64


class LawPlugin:
    distribution = "acme-laws"
    version = "3.2"

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    @hookimpl
    def sr_hashing_laws(self) -> Sequence[Law]:
        return [Law(kind) for kind in self.kinds]


class StorePlugin:
    distribution = "acme-store"
    version = "1"

    @hookimpl
    def sr_object_stores(self) -> Sequence[Adapter]:
        return [Adapter("acme", lambda wiring: wiring, extra="acme-store", requires=("acme_sdk",))]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes installed distributions: a module with this source, and its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def install(name: str, source: str) -> EntryPoint:
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, "utf-8")
        info = tmp_path / f"{module}-9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[scenario_runner]\n{module} = {module}\n", "utf-8")
        made.append(module)
        (point,) = PathDistribution(info).entry_points
        return point

    yield install
    for module in made:
        sys.modules.pop(module, None)


LAW_SOURCE = """
from sr_ports import hookimpl
class Law:
    kind = "sha256_merkle_v1"
    def digest(self, bundle):
        return "0" * 64
@hookimpl
def sr_hashing_laws():
    return [Law()]
"""


def test_an_installed_law_is_found_with_its_distribution(site: Any) -> None:
    host = PluginHost.discover(points=[site("acme-laws", LAW_SOURCE)])
    law = host.laws()["sha256_merkle_v1"]
    assert (law.distribution, law.version) == ("acme-laws", "9")
    (offer,) = host.offers()
    assert (offer.port, offer.name, offer.entry_point, offer.loaded) == (
        "law", "sha256_merkle_v1", "acme_laws = acme_laws", True
    )  # fmt: skip


def test_two_of_one_name_is_a_conflict_that_names_both_distributions(site: Any) -> None:
    with pytest.raises(BadInput) as caught:
        PluginHost.discover(points=[site("acme-laws", LAW_SOURCE), site("other-laws", LAW_SOURCE)])
    assert caught.value.code is ReasonCode.PLUGIN_CONFLICT
    assert "acme-laws" in caught.value.what
    assert "other-laws" in caught.value.what


def test_nothing_shadows_a_builtin() -> None:
    from sr_plugins import builtin

    builtin_point = EntryPoint("builtin", builtin.__name__, "scenario_runner")
    with pytest.raises(BadInput, match="acme-laws"):
        PluginHost.discover(points=[builtin_point], plugins=[LawPlugin("sha256_bundle_digest")])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nonexistent_sdk", "ModuleNotFoundError"),
        ("raise RuntimeError('a\\nb')", "RuntimeError: a b"),
        ("raise SystemExit(3)", "SystemExit"),
        ("from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_law():\n    return []", "sr_hashing_law"),
        ("from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws():\n    return [5]", "no hashing law"),
        ("from sr_ports import hookimpl\n@hookimpl\ndef sr_object_stores():\n    return ['x']", "Adapter"),
        ("from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws():\n    return 1 / 0", "ZeroDivisionError"),
        ("from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws():\n    return None", ""),
    ],
)
def test_a_broken_plugin_is_reported_and_stops_only_who_needs_what_is_missing(
    site: Any, source: str, said: str
) -> None:
    host = PluginHost.discover(points=[site("acme-broken", source)], plugins=[LawPlugin("fine")])
    assert "fine" in host.laws()
    rows = [row for row in host.offers() if row.distribution == "acme-broken"]
    if "return None" in source:
        return  # a hook that offers nothing is one that was not implemented
    (row,) = rows
    assert not row.loaded
    assert said in str(row.why)
    assert str(row.why).isprintable()
    with pytest.raises(BadInput) as caught:
        host.adapter("object_store", "acme")
    assert caught.value.code is ReasonCode.PLUGIN_BROKEN
    assert "acme-broken" in caught.value.what


def test_a_name_nobody_gives_lists_those_there_are() -> None:
    with pytest.raises(BadInput) as caught:
        PluginHost.discover(points=[], plugins=[StorePlugin()]).adapter("object_store", "nope")
    assert caught.value.code is ReasonCode.ADAPTER_UNKNOWN
    assert "acme" in caught.value.what


def test_allow_leaves_everybody_else_out() -> None:
    plugins = [StorePlugin(), LawPlugin("one")]
    host = PluginHost.discover(points=[], plugins=plugins, allow=frozenset({"scenario-runner"}))
    assert host.laws() == {}
    assert host.adapters("object_store") == []
    with pytest.raises(BadInput) as caught:
        host.adapter("object_store", "acme")
    assert caught.value.code is ReasonCode.PLUGIN_NOT_ALLOWED
    assert "acme-store" in caught.value.what


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    host = PluginHost.discover(points=[], plugins=[StorePlugin()])
    with pytest.raises(BadInput) as caught:
        host.adapter("object_store", "acme")
    assert caught.value.code is ReasonCode.EXTRA_MISSING
    assert "pip install 'acme-store'" in caught.value.remedy
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert host.adapter("object_store", "acme").build(Wiring("/", str, {})) == Wiring("/", str, {})


def test_an_extra_of_scenario_runner_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ours(StorePlugin):
        distribution = "scenario-runner"

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput) as caught:
        PluginHost.discover(points=[], plugins=[Ours()]).adapter("object_store", "acme")
    assert "pip install 'scenario-runner[acme-store]'" in caught.value.remedy


def test_building_the_local_runner_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from sr_plugins import build_runner\n"
        "from sr_adapters import builtin\n"
        "from sr_plugins.host import PluginHost\n"
        "PluginHost.discover().offers()\n"
        "build_runner({'observability': {'sinks': []}}).close()\n"
        "heavy = {'boto3', 'botocore', 'psycopg', 'psycopg_pool', 'rich', 'pytest', 'hypothesis'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join([str(REPO), *filter(None, sys.path)]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr
    assert list(tmp_path.iterdir()) == [], "building writes nothing"
