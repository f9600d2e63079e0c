"""Third parties' code is clean in mypy and pyright at their strictest, and what is wrong in it is found.

The examples of README and docs are checked and run word for word.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

import sr_adapters.memory
import sr_domain
import sr_plugins
import sr_ports
from sr_plugins.host.plugin_host import PluginHost
from sr_ports import hooks
from sr_ports.conformance.laws import Covers, HashingLawLaws
from sr_ports.conformance.stores import ObjectStoreLaws
from tests.typing.third_party import bus, embedder, law, store
from tests.typing.third_party.law import Blake2, NamesAndBytes
from tests.typing.third_party.store import MyStore

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
DOCS = ("README.md", "docs/architecture.md", "docs/plugins.md", "docs/testing.md")
COOKBOOK = REPO / "docs" / "cookbook"
NEEDS = {"dagster": "dagster"}
"""Pages of it whose library may not be here."""
LAZY = (sr_ports, sr_domain, sr_plugins, sr_adapters.memory)

WRONG = {
    "names.py": """
        from sr_ports import HashingLaw
        from sr_ports import HashingLow  # wrong
        from sr_domain import ScenarioRunner
        from sr_domain import ScenarioRuner  # wrong
        from sr_plugins import load_pack
        from sr_plugins import load_packs  # wrong
        from sr_adapters.memory import MemoryPorts
        from sr_adapters.memory import MemoryPort  # wrong
        import sr_ports

        print(HashingLaw, ScenarioRunner, load_pack, MemoryPorts, sr_ports.Blob)
        print(sr_ports.Blobb)  # wrong
        """,
    "adapters.py": """
        from collections.abc import Sequence

        import attrs
        from sr_adapters.memory import MemoryControlBus, MemoryObjectStore
        from sr_ports import Adapter, ControlBus, HashingLaw, ObjectStore, Wiring, hookimpl

        def build(wiring: Wiring[None]) -> MemoryObjectStore:
            return MemoryObjectStore()

        def build_bus(wiring: Wiring[None]) -> MemoryControlBus:
            return MemoryControlBus()

        good: Adapter[ObjectStore] = Adapter("good", build)
        number: Adapter[ObjectStore] = Adapter("number", lambda wiring: 3)  # wrong
        other: Adapter[ObjectStore] = Adapter("other", build_bus)  # wrong
        keys: Adapter[ObjectStore] = Adapter("keys", build, settings=frozenset({"url"}))  # wrong

        @attrs.frozen
        class Settings:
            url: str

        def build_with(wiring: Wiring[Settings]) -> MemoryObjectStore:
            print(wiring.settings.url)
            print(wiring.settings.ulr)  # wrong
            return MemoryObjectStore()

        with_settings: Adapter[ObjectStore] = Adapter("with", build_with, settings=Settings)

        @hookimpl
        def sr_object_stores() -> Sequence[Adapter[ObjectStore]]:
            return [good, Adapter("mine", build)]

        @hookimpl
        def sr_control_buses() -> Sequence[Adapter[ControlBus]]:
            return [Adapter("mine", build)]  # wrong

        @hookimpl
        def sr_hashing_laws() -> Sequence[HashingLaw]:
            return [good]  # wrong
        """,
    "embedding.py": """
        from sr_adapters.memory import MemoryPorts, MemoryObjectStore, NullSink
        from sr_domain import Outcome, Policy, Reemit, ScenarioRunner
        from sr_plugins import build_runner

        MemoryPorts(store=MemoryObjectStore(), telemetry=NullSink())
        MemoryPorts(store=NullSink())  # wrong
        MemoryPorts(stores=MemoryObjectStore())  # wrong

        class Mine(ScenarioRunner):
            more = 1

        def use(mine: Mine, policy: Policy) -> None:
            with mine as runner, build_runner("local") as other:
                runner.more += 1
                other.more += 1  # wrong
            done: Reemit | Outcome = mine.reemit("0" * 32)
            print(done.reason_code, done.message, done.document())
            print(done.would_publish)  # wrong
        """,
}


def blocks(name: str) -> list[str]:
    """The Python examples of a document."""
    return re.findall(r"```python\n(.*?)```", (REPO / name).read_text("utf-8"), re.DOTALL)


def dedented(text: str) -> str:
    return textwrap.dedent(text).lstrip()


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with every file to check, as its author would have it."""
    for folder in ("tests", "tests/typing", "my_store"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    shutil.copytree(HERE / "third_party", tmp_path / "tests/typing/third_party")
    shutil.copy(HERE / "third_party" / "store.py", tmp_path / "my_store" / "store.py")
    for name in DOCS:
        for number, block in enumerate(blocks(name)):
            (tmp_path / f"{Path(name).stem}_{number}.py").write_text(block, "utf-8")
    for page in COOKBOOK.glob("*.md"):
        if importlib.util.find_spec(NEEDS.get(page.stem, "sr_ports")) is not None:
            for block in blocks(f"docs/cookbook/{page.name}"):
                # A library's own types may have gaps, of which pyright tells where it is strict.
                mode = "# pyright: basic\n" if page.stem in NEEDS else ""
                (tmp_path / block.partition("\n")[0].removeprefix("# ")).write_text(mode + block, "utf-8")
    for name, text in WRONG.items():
        (tmp_path / f"wrong_{name}").write_text(dedented(text), "utf-8")
    return tmp_path


def marked(world: Path) -> set[str]:
    """Each line that says it is wrong."""
    return {
        f"{path.relative_to(world)}:{number}"
        for path in world.rglob("*.py")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if line.endswith("# wrong")
    }


def mypy(world: Path) -> dict[str, str]:
    """What mypy says, by file and line."""
    args = ["--strict", "--config-file=", "--cache-dir", str(world / ".cache"), "--no-error-summary", "."]
    done = subprocess.run([sys.executable, "-m", "mypy", *args], cwd=world, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(.+?:\d+): error: (.*)$", done.stdout, re.MULTILINE)
    return dict(found)


def pyright(world: Path) -> dict[str, str]:
    """What pyright says, by file and line."""
    config = {"typeCheckingMode": "strict", "reportUnusedImport": "none"}
    (world / "pyrightconfig.json").write_text(json.dumps(config), "utf-8")
    args = ["--outputjson", "--pythonpath", sys.executable]
    env = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}  # else it asks the network for a newer one
    done = subprocess.run(
        [sys.executable, "-m", "pyright", *args], cwd=world, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {
        f"{Path(one['file']).relative_to(world)}:{one['range']['start']['line'] + 1}": one["message"]
        for one in json.loads(done.stdout)["generalDiagnostics"]
        if one["severity"] == "error"
    }


@pytest.mark.slow
@pytest.mark.parametrize("check", [mypy, pyright], ids=lambda check: check.__name__)
def test_what_is_right_is_clean_and_what_is_wrong_is_found(
    world: Path, check: Callable[[Path], Mapping[str, str]]
) -> None:
    needs = {"mypy": ("mypy",), "pyright": ("pyright", "node")}[check.__name__]
    missing = [one for one in needs if importlib.util.find_spec(one) is None and shutil.which(one) is None]
    if missing:
        leave = pytest.fail if os.environ.get("SR_REQUIRE_TIERS") else pytest.skip
        leave(f"{' and '.join(missing)} not found: pip install -r requirements/lint.txt; pyright runs on node")
    found = check(world)
    wrong = marked(world)
    assert {place: what for place, what in found.items() if place not in wrong} == {}
    assert wrong - set(found) == set()


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_no_other(package: ModuleType) -> None:
    names = package.__all__
    assert len(names) == len(set(names)) > 0
    assert all(getattr(package, name) is not None for name in names)
    with pytest.raises(AttributeError, match="has no attribute 'Misspelt'"):
        _ = package.Misspelt


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLATFORM_RUN_ID", raising=False)
    (tour, _), (embedding,), (law_block, *_), _ = (blocks(name) for name in DOCS)
    for number, text in enumerate((tour, embedding, law_block)):
        (tmp_path / f"example_{number}.py").write_text(text, "utf-8")
    outcome = runpy.run_path("example_0.py")["outcome"]
    assert (outcome.is_new, outcome.run_id in {path.stem for path in tmp_path.rglob("*.jsonl")}) == (True, True)
    assert runpy.run_path("example_1.py")["outcome"].published
    (offered,) = runpy.run_path("example_2.py")["sr_hashing_laws"]()
    assert offered.kind == "names_only"


def test_the_hooks_of_the_document_return_what_the_specifications_say() -> None:
    text = (REPO / "docs" / "plugins.md").read_text("utf-8")
    for name, spec in vars(hooks).items():
        if name.startswith("sr_"):
            (returned,) = re.findall(r"Sequence\[(.+)\]", spec.__annotations__["return"])
            assert f"| `{name}` | `{returned}` |" in text


PARTS = (
    "LeaseLaws", "StoreLaws", "MeetingLaws", "DueLaws", "SoleServiceLaws", "FolderLaws", "ListLaws", "VersionLaws",
    "CoverLaws",
)  # fmt: skip
"""Suites that `AuthorityLaws`, `ObjectStoreLaws` and `HashingLawLaws` include."""


def test_every_suite_is_in_the_document() -> None:
    text = (REPO / "docs" / "testing.md").read_text("utf-8")
    for path in (REPO / "sr_ports" / "conformance").glob("*.py"):
        for suite in re.findall(r"^class (\w+Laws)\b", path.read_text("utf-8"), re.MULTILINE):
            assert f"`{path.stem}.{suite}`" in text or suite in PARTS


def test_an_embedder_with_a_law_of_its_own_gets_to_ready() -> None:
    assert embedder.main() is sr_domain.RunState.READY


def test_an_embedder_loads_neither_plugins_nor_yaml() -> None:
    code = (
        "import sys; from sr_adapters.memory import MemoryPorts; from sr_domain import *; MemoryPorts();"
        "print(sorted({'pluggy', 'yaml', 'cattrs', 'click', 'rich', 'sqlite3', 'subprocess'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plugins_are_offered() -> None:
    host = PluginHost.discover(points=[], plugins=[law, store, bus])
    laws = {("law", "names_and_bytes"), ("law", "blake2")}
    assert set(host.offered) == {*laws, ("object_store", "dict"), ("control_bus", "list")}


class TestThirdPartyStore(ObjectStoreLaws):
    @pytest.fixture
    def content_etags(self) -> bool:
        return True

    @pytest.fixture
    def store(self, tmp_path: Path) -> MyStore:
        return MyStore(f"dict://{tmp_path}")

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], MyStore]:
        return lambda: MyStore(f"dict://{tmp_path}")


class TestThirdPartyLaw(HashingLawLaws):
    @pytest.fixture
    def law(self) -> NamesAndBytes:
        return NamesAndBytes()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True)


class TestLawWithAHasherOfItsOwn(HashingLawLaws):
    @pytest.fixture
    def law(self) -> Blake2:
        return Blake2()

    @pytest.fixture
    def covers(self) -> Covers:
        return Covers(unlisted=True, names=False)
