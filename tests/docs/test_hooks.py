"""Every hook has a page, and the example on it is a plugin that works."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sr_adapters.reference.__main__ import HOME
from sr_adapters.reference.hooks import KINDS, hook_pages
from sr_plugins.documents.settings import Reader
from sr_plugins.host.loading import PORTS, Source, ask
from sr_plugins.uses.plugin_new import write_plugin
from sr_ports import (
    EngineCall,
    Envelope,
    LeaseLost,
    ObsEvent,
    Progress,
    ReasonCode,
    SetAside,
    VerificationMethod,
    Wiring,
    hooks,
)
from sr_ports.bundles import MemoryBundle
from tests.docs.blocks import blocks

HOOKS = sorted(PORTS.values())
ENVELOPE = Envelope("t", "m" * 64, "2026-01-31T13:42:00.000000Z", {"kind": "READY"}, "p", {"a": 1})
EVENT = ObsEvent("RUN_ACCEPTED", "admission", "OK", "INFO", "2026-01-31T13:42:00.000000Z", {"run_id": "1"})
CALL = EngineCall({"run_id": "0" * 32}, 1, "/root")


def page_of(hook: str) -> str:
    path = HOME / "hooks" / f"{hook}.md"
    assert path.is_file(), f"{hook} lacks its page: python -m sr_adapters.reference --write"
    return path.read_text("utf-8")


def test_every_hook_has_its_page_and_every_page_its_hook() -> None:
    specified = {name for name, one in vars(hooks).items() if name.startswith("sr_") and callable(one)}
    assert specified == set(HOOKS)
    made = {name.removeprefix("hooks/").removesuffix(".md") for name in hook_pages()}
    assert made == specified | {"index"}
    assert {path.stem for path in (HOME / "hooks").glob("*.md")} == made


def test_a_hook_without_a_page_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PORTS, "teapot", "sr_teapots")
    monkeypatch.setattr(hooks, "sr_teapots", hooks.sr_control_buses, raising=False)
    with pytest.raises(FileNotFoundError, match="sr_teapots"):
        hook_pages()
    with pytest.raises(AssertionError, match="sr_teapots lacks its page"):
        page_of("sr_teapots")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_page_says_what_the_specification_says(hook: str) -> None:
    text = page_of(hook)
    assert " ".join((getattr(hooks, hook).__doc__ or "").split()) in " ".join(text.split())
    assert sum(block.kind == "python" for block in blocks(text)) == 1


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """The example of a hook's page, word for word, in the distribution that it is of."""
    before = set(sys.modules)

    def load(hook: str) -> ModuleType:
        (block,) = [one for one in blocks(page_of(hook)) if one.kind == "python"]
        kind = KINDS.get(hook)
        name = hook if kind is None else f"acme_{kind}"
        source = tmp_path / "src"
        if kind is not None:
            source = Path(write_plugin(kind, f"acme-{kind}", tmp_path).folder) / "src"
        module = source / name / "__init__.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(block.text)
        monkeypatch.syspath_prepend(source)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in (*HOOKS, *(f"acme_{kind}" for kind in KINDS.values())):
            del sys.modules[name]


def key_file(tmp_path: Path) -> str:
    (tmp_path / "key").write_bytes(b"k" * 32)
    return str(tmp_path / "key")


def keys_file(tmp_path: Path) -> str:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"alice": hashlib.sha256(b"apple").hexdigest()}))
    return str(path)


SETTINGS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "sr_object_stores": lambda path: {"path": str(path / "a.db")},
    "sr_authority_stores": lambda path: {"path": str(path / "a.db")},
    "sr_control_buses": lambda path: {"path": str(path / "a.db")},
    "sr_follower_stores": lambda path: {"path": str(path / "a.db")},
    "sr_engine_invokers": lambda path: {"url": "http://127.0.0.1:9"},
    "sr_authenticators": lambda path: {"keys_file": keys_file(path)},
    "sr_signers": lambda path: {"key_file": key_file(path)},
    "sr_signature_checkers": lambda path: {"public_key": key_file(path)},
}


def store_works(made: Any, path: Path) -> None:
    first = made.create("a/b", b"1")
    assert made.create("a/b", b"2") is None
    assert made.replace("a/b", b"3", etag=first.etag).size == 1
    assert (made.read("a/b").data, [one.key for one in made.list("a/")]) == (b"3", ["a/b"])


def roots_work(made: Any, path: Path) -> None:
    with zipfile.ZipFile(path / "one.zip", "w") as archive:
        archive.writestr("data/b.csv", "1,2\n")
        archive.writestr("data/a.csv", "3,4\n")
    got: list[bytes] = []
    with made.open(f"zip://{path / 'one.zip'}") as root:
        assert root.exists()
        assert [fact.path for fact in root.list("data")] == ["data/a.csv", "data/b.csv"]
        root.stream("data/b.csv", lambda chunk: got.append(bytes(chunk)))
        assert not root.changes()
    assert (b"".join(got), made.open("zip:///nowhere.zip").exists()) == (b"1,2\n", False)


def authority_works(made: Any, path: Path) -> None:
    lease = made.acquire("r", "me", ttl_s=60.0)
    assert made.acquire("r", "other", ttl_s=60.0) is None
    made.release(lease)
    assert made.acquire("r", "other", ttl_s=60.0).fence > lease.fence


def bus_works(made: Any, path: Path) -> None:
    made.publish(ENVELOPE)
    assert list(made.tail("t")) == [ENVELOPE]


def invoker_works(made: Any, path: Path) -> None:
    result = made.invoke(CALL, cancelled=lambda: True, progress=lambda line: None)
    assert result.reason is ReasonCode.ENGINE_CANCELLED


def sink_works(made: Any, path: Path) -> None:
    made.emit(EVENT)
    made.close()
    (line,) = (path / "acme_sink.jsonl").read_text().splitlines()
    assert json.loads(line)["event_kind"] == "RUN_ACCEPTED"


def authenticator_works(made: Any, path: Path) -> None:
    assert made.authenticate({"X-API-Key": "apple"}).actor == "alice"
    assert made.authenticate({"X-API-Key": "banana"}) is None


def signer_works(made: Any, path: Path) -> None:
    assert json.loads(made.sign("t", b"{}"))["signatures"][0]["keyid"] == made.keyid


def checker_works(made: Any, path: Path) -> None:
    made.check(made.sign("t", b"{}"))
    with pytest.raises(Exception, match="no DSSE envelope"):
        made.check(b"{}")


def runtime_works(made: Any, path: Path) -> None:
    assert made.pool.map(str, [1, 2]) == ["1", "2"]
    assert (made.platform.current(), made.known_timezone("UTC")) == ("platform_20260131T134200Z", True)
    assert made.ids.new_id() != made.ids.new_id()


def followers_work(made: Any, path: Path) -> None:
    claim = made.claim("group", "me", ttl_s=60)
    assert made.claim("group", "other", ttl_s=60) is None
    aside = SetAside("shard", "1", "DOCUMENT_INVALID", "why", "2026-01-31T13:42:00Z")
    made.save(claim, Progress({"shard": "1"}), done=["one"], aside=[aside])
    assert made.load("group") == Progress({"shard": "1"})
    assert (made.dealt_with("group", ["one", "two"]), made.set_aside("group")) == ({"one"}, (aside,))
    made.release(made.renew(claim, ttl_s=60))
    with pytest.raises(LeaseLost):
        made.save(claim, Progress())
    assert made.claim("group", "other", ttl_s=60).fence > claim.fence


WORKS: dict[str, Callable[[Any, Path], None]] = {
    "sr_object_stores": store_works,
    "sr_engine_roots": roots_work,
    "sr_authority_stores": authority_works,
    "sr_control_buses": bus_works,
    "sr_follower_stores": followers_work,
    "sr_engine_invokers": invoker_works,
    "sr_observability_sinks": sink_works,
    "sr_authenticators": authenticator_works,
    "sr_signers": signer_works,
    "sr_signature_checkers": checker_works,
    "sr_runtimes": runtime_works,
}


@pytest.mark.parametrize("hook", sorted(WORKS))
def test_the_example_of_a_page_builds_what_works(
    hook: str, example: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    found = ask(example(hook), Source("acme", "1", "acme"))
    (one,) = [one for one in found if PORTS[one.port] == hook]
    settings = SETTINGS[hook](tmp_path) if hook in SETTINGS else {}
    read = None if one.offer.settings is None else Reader().read(one.offer.settings, settings, "")
    WORKS[hook](one.offer.build(Wiring(str(tmp_path), lambda: "none", read)), tmp_path)


def test_the_example_of_the_laws_page_judges(example: Callable[[str], ModuleType]) -> None:
    (one,) = ask(example("sr_hashing_laws"), Source("acme", "1", "acme"))
    method = VerificationMethod(one.name)
    sound, other = (one.offer.digest(MemoryBundle({"a": data}, (), method)) for data in (b"1", b"2"))
    assert len(sound) == len(other) == 64
    assert sound != other


def test_every_example_is_run() -> None:
    assert {*WORKS, "sr_hashing_laws"} == set(HOOKS)
