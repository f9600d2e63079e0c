"""From a profile to ports: settings, engine roots, optional ports, and the schema of it all."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import fastjsonschema
import pytest

from sr_adapters.memory import MemoryAuthority, MemoryControlBus, MemoryEngineRoot, MemoryObjectStore
from sr_plugins import build_runner, profile_schema
from sr_plugins.documents.profile import SHIPPED, load_profile
from sr_plugins.documents.shipped import shipped
from sr_plugins.documents.yaml import load_yaml
from sr_plugins.host.loading import fits
from sr_plugins.host.plugin_host import PluginHost
from sr_plugins.uses.doctor import examine
from sr_plugins.wiring.wire import settings, wire_ports
from sr_ports import (
    API_VERSION,
    Adapter,
    BadInput,
    Changes,
    EngineRoot,
    Later,
    Migratable,
    Provable,
    ReasonCode,
    Unreachable,
    Wiring,
    hookimpl,
    setting,
)

HUSH = "hush-7b1c"


@attrs.frozen
class Settings:
    """A third party's."""

    url: str = attrs.field(metadata=setting("the server"))
    wait_seconds: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))


class Doves:
    """A plugin of another distribution."""

    distribution = "doves"
    version = "3"

    def __init__(self) -> None:
        self.built: list[Wiring[Any]] = []

    @hookimpl
    def sr_control_buses(self) -> list[Adapter[Any]]:
        return [Adapter("dove", self._build, settings=Settings), Adapter("bare", self._build)]

    @hookimpl
    def sr_engine_roots(self) -> list[Adapter[Any]]:
        return [Adapter("cage", self._roots, schemes=("cage",))]

    def _build(self, wiring: Wiring[Any]) -> MemoryControlBus:
        self.built.append(wiring)
        return MemoryControlBus()

    def _roots(self, wiring: Wiring[None]) -> Any:
        self.built.append(wiring)
        return SimpleNamespace(open=_Cage)


class _Cage(MemoryEngineRoot):
    def __init__(self, uri: str) -> None:
        super().__init__({"a": b"x"}, uri)

    def stat(self, path: str, *how: Any, **more: Any) -> Any:
        raise ZeroDivisionError(path)


def refused(profile: dict[str, Any], plugin: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        wire_ports(load_profile(profile, {"V": HUSH}), plugins=[plugin])
    return caught.value


def test_a_third_partys_settings_arrive_as_its_own_class(tmp_path: Path) -> None:
    doves = Doves()
    bus = {"adapter": "dove", "url": "http://${HOST}", "wait_seconds": "${T:-60}", "topic": "t"}
    wire_ports(load_profile({"control_bus": bus, "runtime_root": str(tmp_path)}, {"HOST": "h"}), plugins=[doves])
    (wiring,) = doves.built
    assert wiring.settings == Settings("http://h", 60.0)
    assert wiring.runtime_root == str(tmp_path)


@pytest.mark.parametrize(
    ("bus", "told"),
    [
        ({"adapter": "dove"}, "control_bus.url is required: text"),
        ({"adapter": "dove", "ulr": "x"}, "unknown key control_bus.ulr; did you mean url?"),
        ({"adapter": "dove", "url": "x", "x": 1}, "the adapter 'dove' may have url, wait_seconds"),
        ({"adapter": "bare", "url": "x"}, "unknown key control_bus.url; the adapter 'bare' may have no settings"),
        (
            {"adapter": "dove", "url": "x", "wait_seconds": "${V}"},
            "control_bus.wait_seconds must be a number above 0 (from the environment variable V)",
        ),
    ],
)
def test_its_faults_are_told_by_key(bus: dict[str, Any], told: str) -> None:
    error = refused({"control_bus": bus}, Doves())
    assert error.code is ReasonCode.PROFILE_INVALID
    assert told in error.what


@pytest.mark.parametrize("settings", [frozenset({"url"}), dict, Later("no.such:Settings")], ids=repr)
def test_settings_that_are_no_attrs_class_are_the_plugins_fault(settings: Any) -> None:
    hook = hookimpl(lambda: [Adapter("dove", print, settings=settings)])
    plugin = SimpleNamespace(sr_control_buses=hook, distribution="doves", version="3")
    error = refused({"control_bus": {"adapter": "dove"}}, plugin)
    assert error.code is ReasonCode.PLUGIN_BROKEN
    assert "the settings of the control_bus adapter 'dove'" in error.what


def test_engine_roots_have_a_hook_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    profile = load_profile({"runtime_root": str(tmp_path), "engine": {"s3": {"region": "x"}}}, {})
    ports = wire_ports(profile, plugins=[doves := Doves()])
    assert ports.roots.open(str(tmp_path / "data")).exists()
    assert doves.built == []
    cage: EngineRoot = ports.roots.open("cage://one")
    assert cage.exists()
    assert doves.built[0].sections["object_store"].root is None
    assert doves.built[0].sections["engine.s3"].region == "x"
    with pytest.raises(
        Unreachable, match="the engine root of the engine_root adapter 'cage' of doves 3 failed in stat"
    ):
        cage.stat("a")
    with cage as held:
        assert held.changes() == Changes()
    with pytest.raises(Unreachable, match=r"failed in exists: RuntimeError: .* asked after it was closed"):
        cage.exists()
    with pytest.raises(BadInput, match="no adapter reads engine roots of the form zoo://"):
        ports.roots.open("zoo://one")


class _Moved(MemoryAuthority):
    moved = 0

    def migrate(self) -> None:
        self.moved += 1


class _Shaky(MemoryObjectStore):
    def prove(self) -> None:
        raise BadInput(ReasonCode.PLATFORM_UNSUPPORTED, "this place shakes")


def test_optional_ports_are_found_behind_the_guard_as_what_they_are(tmp_path: Path) -> None:
    made = _Moved(None)
    for port, thing, kind, name in [
        ("authority", made, Migratable, "migrate"),
        ("object_store", _Shaky(), Provable, "prove"),
    ]:
        hook = {"authority": "sr_authority_stores", "object_store": "sr_object_stores"}[port]
        offer = hookimpl(lambda thing=thing: [Adapter("mine", lambda wiring: thing)])
        host = PluginHost.discover(points=[], plugins=[SimpleNamespace(**{hook: offer}, distribution="d", version="1")])
        guarded = host.adapter(port, "mine").build(None)  # type: ignore[arg-type]
        assert isinstance(guarded, kind)
        inspect.getattr_static(guarded, name)  # how later Pythons look
        other = Provable if kind is Migratable else Migratable
        assert not isinstance(guarded, other)
    host.adapter("object_store", "mine")


def test_the_doctor_migrates_what_can_be_migrated(tmp_path: Path) -> None:
    with build_runner({"runtime_root": str(tmp_path)}) as runner:
        runner.ports.platform.ensure()
        assert "migrate" not in {check.name for check in examine(runner, migrate=True)}


@pytest.mark.parametrize(
    ("stated", "holds"),
    [
        (">=1,<2", True), (">=1.0", True), ("==1.0", True), (" >= 1.0 , < 2 ", True), ("<2", True),
        (">=2", False), ("<1", False), (">=1.1,<2", False), (">1.0", False), ("==0.9", False),
    ],
)  # fmt: skip
def test_a_range_of_versions(stated: str, holds: bool) -> None:
    assert fits(stated, "1.0") is holds


@pytest.mark.parametrize(
    ("stated", "why"), [(">=3,<4", "was built for sr_ports >=3,<4"), ("1.x", "is no range"), (1, "")]
)
def test_a_plugin_built_for_another_boundary_is_refused_with_the_reason(stated: Any, why: str) -> None:
    law = SimpleNamespace(kind="mine", digest=lambda bundle: "0" * 64)
    plugin = SimpleNamespace(sr_hashing_laws=hookimpl(lambda: [law]), distribution="mine", version="1", sr_api=stated)
    host = PluginHost.discover(points=[], plugins=[plugin])
    assert "mine" not in host.laws()
    (broken,) = host.broken
    assert why in broken.why


def test_a_plugin_that_states_this_boundary_or_none_is_taken() -> None:
    law = SimpleNamespace(kind="mine", digest=lambda bundle: "0" * 64)
    major = API_VERSION.split(".", maxsplit=1)[0]
    for more in ({"sr_api": f">={major},<{int(major) + 1}"}, {}):
        plugin = SimpleNamespace(sr_hashing_laws=hookimpl(lambda: [law]), distribution="mine", version="1", **more)
        assert "mine" in PluginHost.discover(points=[], plugins=[plugin]).laws()


CHECK: Any = fastjsonschema.compile(profile_schema())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_schema_takes_every_shipped_profile(name: str) -> None:
    CHECK(load_yaml((shipped("config") / f"{name}.yaml").read_bytes(), what=name))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"object_store": None, "invoker": "none", "attest": {}},
        {"lease": {"ttl_seconds": "${T:-60}"}, "plugins": {"allow": ["a"]}},
        {"object_store": {"root": "x"}, "authority": {"adapter": "sqlite", "busy_timeout_seconds": 0}},
        {"object_store": {"adapter": "somebody_elses", "anything": 1}},
        {"invoker": {"command": ["x", "${Y}"], "timeout_seconds": 5}},
    ],
)
def test_the_schema_takes_what_the_reader_takes(document: dict[str, Any]) -> None:
    CHECK(document)
    load_profile(document, {"Y": "y"})


@pytest.mark.parametrize(
    "document",
    [
        {"leese": {}},
        {"lease": {"ttl_seconds": 0}},
        {"lease": {"ttl": 1}},
        {"object_store": {"rot": "x"}},
        {"object_store": {"adapter": "s3"}},
        {"object_store": {"adapter": "s3", "bucket": "a/b"}},
        {"object_store": {"adapter": "s3", "bucket": "b", "connect_timeout_seconds": 0}},
        {"auth": {"mode": "open"}},
        {"auth": {"supersede": "ann"}},
        {"reemit": {"rate_limit": {"max": -1}}},
        {"control_bus": {"topic": "a b"}},
        {"plugins": {"allow": "scenario-runner"}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(document: dict[str, Any]) -> None:
    with pytest.raises(fastjsonschema.JsonSchemaException):
        CHECK(document)
    with pytest.raises(BadInput):
        wire_ports(load_profile(document, {}))


RIGHTS = ("submitters", "reemitters", "superseders", "recoverers", "readers")
ANN, BOB, NOBODY = frozenset({"ann"}), frozenset({"bob"}), frozenset[str]()


@pytest.mark.parametrize(
    ("lists", "open_doors", "guarded"),
    [
        ({}, (None,) * 5, (NOBODY, NOBODY, NOBODY, NOBODY, None)),
        ({"submit": ["ann"]}, (ANN, ANN, ANN, ANN, None), (ANN, ANN, ANN, NOBODY, None)),
        (
            {"submit": ["ann"], "reemit": [], "supersede": ["bob"], "recover": ["bob"], "read": ["ann"]},
            (ANN, None, BOB, BOB, ANN),
            (ANN, NOBODY, BOB, BOB, ANN),
        ),
        ({"supersede": ["bob"]}, (None, None, BOB, None, None), (NOBODY, NOBODY, BOB, NOBODY, None)),
        ({"submit": []}, (None,) * 5, (NOBODY, NOBODY, NOBODY, NOBODY, None)),
    ],
    ids=str,
)
def test_who_may_do_what(lists: dict[str, list[str]], open_doors: tuple[Any, ...], guarded: tuple[Any, ...]) -> None:
    profile = load_profile({"auth": lists}, {})
    made = settings(profile)
    assert tuple(getattr(made, name) for name in RIGHTS) == open_doors
    proven = settings(attrs.evolve(profile, auth=attrs.evolve(profile.auth, mode="token")))
    assert tuple(getattr(proven, name) for name in RIGHTS) == guarded


@pytest.mark.parametrize(("said", "limit"), [(0, 0), (None, None), (7, 7)])
def test_the_rate_limit_may_be_none_and_nought(said: int | None, limit: int | None) -> None:
    document = {"reemit": {"rate_limit": {"max": said}}}
    CHECK(document)
    assert settings(load_profile(document, {})).reemit_max == limit


def test_the_schema_knows_the_adapters_of_others() -> None:
    check: Any = fastjsonschema.compile(profile_schema(PluginHost.discover(plugins=[Doves()])))
    check({"control_bus": {"adapter": "dove", "url": "x", "topic": "t"}})
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check({"control_bus": {"adapter": "dove", "topic": "t"}})


def test_an_error_names_the_variable_of_its_own_profile_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The attack: a folder that the environment names is quoted. The twin: it is a profile's own word, and is told."""
    monkeypatch.setenv("HELD", "no_such_pack")
    profile = {"runtime_root": str(tmp_path), "engine": {"interface_pack": "${HELD}"}}
    for pack, told in (("${HELD}", "(the environment variable HELD)"), ("no_such_pack", "no_such_pack")):
        with build_runner({**profile, "engine": {"interface_pack": pack}}) as runner, pytest.raises(BadInput) as caught:
            runner.pack  # noqa: B018 - it is read when it is asked for
        assert told in caught.value.what
        assert ("no_such_pack" in caught.value.what) is (pack == "no_such_pack")


def test_a_profile_that_was_read_is_wired_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HELD", str(tmp_path))
    profile = load_profile({"runtime_root": "${HELD}/runs"})
    monkeypatch.delenv("HELD")
    assert load_profile(profile) is profile
    with build_runner(profile) as runner:
        assert str(tmp_path) in runner.ports.store.location()
