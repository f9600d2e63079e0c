"""The plugin host: what is offered, by whom, and what is said of every plugin that cannot serve."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sr_domain.plan.absent_law import absence
from sr_plugins.host.admittance import Admittance
from sr_plugins.host.offers import Offer
from sr_plugins.host.plugin_host import PORTS, PluginHost
from sr_plugins.laws import BUILTIN_LAWS
from sr_plugins.release import DISTRIBUTION
from sr_ports import Adapter, BadInput, Later, ReasonCode, hookimpl, hooks
from tests.plugins.conftest import Site

FAMILIES = ("attest", "auth", "file", "kinesis", "observability", "postgres", "runtime", "s3", "sqlite", "subprocess")
BUILTIN = [
    EntryPoint("laws", "sr_plugins.laws.plugin", "scenario_runner"),
    *(EntryPoint(name, f"sr_adapters.{name}.plugin", "scenario_runner") for name in FAMILIES),
]
OWN = [point for point in entry_points(group="scenario_runner") if point.dist and point.dist.name == DISTRIBUTION]
LAW = """
    from sr_ports import hookimpl

    class Law:
        kind = "{kind}"
        def digest(self, bundle):
            return "0" * 64

    @hookimpl
    def sr_hashing_laws():
        return [Law()]
"""
BUS = """
    from sr_ports import Adapter, hookimpl

    @hookimpl
    def sr_control_buses():
        return [Adapter("{name}", lambda wiring: wiring, requires={requires!r}, extra={extra!r})]
"""


def bus(name: str, requires: tuple[str, ...] = (), extra: str | None = None) -> str:
    return BUS.format(name=name, requires=requires, extra=extra)


def refused(work: Any, *args: Any, **kwargs: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        work(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return caught.value


def test_every_hook_has_a_port_and_every_port_a_hook() -> None:
    specs = {name for name in vars(hooks) if name.startswith("sr_")}
    assert set(PORTS.values()) == specs


def test_the_built_ins_serve_the_local_profile_with_their_provenance() -> None:
    host = PluginHost.discover(points=BUILTIN)
    for port, name in (
        ("object_store", "file"),
        ("authority", "sqlite"),
        ("control_bus", "file"),
        ("runtime", "system"),
    ):
        assert host.adapter(port, name).name == name
    assert set(host.laws()) == {law.kind for law in BUILTIN_LAWS}
    assert host.broken == ()


def test_a_distributions_law_is_provided_with_its_name_and_version(site: Site) -> None:
    site.install("acme-laws", LAW.format(kind="merkle"), version="3.1")
    law = PluginHost.discover(points=[*BUILTIN, *site.points()]).laws()["merkle"]
    assert (law.law.kind, law.distribution, law.version) == ("merkle", "acme-laws", "3.1")


def test_a_distributions_adapter_is_ready_to_build(site: Site) -> None:
    site.install("acme-bus", bus("carrier-pigeon"))
    adapter = PluginHost.discover(points=site.points()).adapter("control_bus", "carrier-pigeon")
    assert adapter.build("the wiring").upper() == "THE WIRING"  # type: ignore[arg-type]


def test_offers_tell_port_name_distribution_version_and_entry_point(site: Site) -> None:
    site.install("acme-bus", bus("pigeon"), version="0.9")
    site.install("acme-laws", LAW.format(kind="merkle"))
    assert PluginHost.survey(points=site.points()).offers() == [
        Offer("control_bus", "pigeon", "acme-bus", "0.9", "plugin = plugin_acme_bus", True),
        Offer("law", "merkle", "acme-laws", "1.2", "plugin = plugin_acme_laws", True),
    ]


@pytest.mark.parametrize(
    ("code", "port", "name"), [(LAW.format(kind="same"), "law", "same"), (bus("same"), "control_bus", "same")]
)
def test_two_distributions_with_one_name_on_one_port_are_both_named(
    site: Site, code: str, port: str, name: str
) -> None:
    site.install("acme-one", code)
    site.install("acme-two", code)
    host = PluginHost.discover(points=site.points())
    error = refused(host.laws().get, name) if port == "law" else refused(host.adapter, port, name)
    assert error.code is ReasonCode.PLUGIN_CONFLICT
    for part in (port, name, "acme-one", "acme-two"):
        assert part in error.what


def test_one_module_named_by_two_distributions_is_two_plugins(site: Site) -> None:
    for name in ("acme-one", "acme-two"):
        site.install(name, LAW.format(kind="same"), module="plugin_shared")
    error = refused(PluginHost.discover(points=site.points()).laws().get, "same")
    assert (error.code, "acme-one" in error.what, "acme-two" in error.what) == (ReasonCode.PLUGIN_CONFLICT, True, True)


def test_a_survey_lists_both_sides_of_a_conflict_and_all_else(site: Site) -> None:
    site.install("acme-one", LAW.format(kind="same"))
    site.install("acme-two", LAW.format(kind="same"))
    site.install("other", LAW.format(kind="fine"))
    rows = PluginHost.survey(points=site.points()).offers()
    assert [(one.name, one.distribution, one.loaded, one.why) for one in rows] == [
        ("fine", "other", True, None),
        ("same", "acme-one", False, "acme-two gives this name too"),
        ("same", "acme-two", False, "acme-one gives this name too"),
    ]


def test_one_name_on_two_ports_is_no_conflict(site: Site) -> None:
    site.install("acme-one", LAW.format(kind="same"))
    site.install("acme-two", bus("same"))
    assert {offer.port for offer in PluginHost.survey(points=site.points()).offers()} == {"law", "control_bus"}


@pytest.mark.parametrize("code", [LAW.format(kind=BUILTIN_LAWS[0].kind), bus("file")], ids=["law", "adapter"])
def test_nothing_shadows_a_built_in(site: Site, code: str) -> None:
    site.install("aaa-first-by-name", code)
    host = PluginHost.discover(points=[*site.points(), *OWN])
    host.load_all()
    assert isinstance(host.adapter("control_bus", "file").build, Later)
    assert host.laws()[BUILTIN_LAWS[0].kind].law is BUILTIN_LAWS[0]
    (clash,) = PluginHost.survey(points=[*site.points(), *OWN]).conflicts
    assert [one.distribution for one in clash.sources] == [DISTRIBUTION, "aaa-first-by-name"]
    rows = [(one.distribution, one.loaded) for one in host.offers() if (one.port, one.name) == (clash.port, clash.name)]
    assert rows == [("aaa-first-by-name", False), (DISTRIBUTION, True)]


def test_a_plugin_given_in_code_may_not_shadow_a_built_in_either() -> None:
    plugin = SimpleNamespace(sr_hashing_laws=hookimpl(lambda: [BUILTIN_LAWS[0]]), distribution="mine", version="1")
    assert refused(PluginHost.discover, points=OWN, plugins=[plugin]).code is ReasonCode.PLUGIN_CONFLICT


def test_other_distributions_are_imported_only_for_what_no_built_in_gives(site: Site) -> None:
    site.install("acme-laws", LAW.format(kind="merkle"))
    host = PluginHost.discover(points=[*site.points(), *OWN])
    assert host.adapter("object_store", "file").name == "file"
    assert next(iter(host.adapters("object_store"))).name == "file"
    assert BUILTIN_LAWS[0].kind in host.laws()
    assert "plugin_acme_laws" not in sys.modules
    assert host.laws()["merkle"].distribution == "acme-laws"
    assert "plugin_acme_laws" in sys.modules


def test_a_conflict_of_two_others_stops_only_who_asks_for_that_name(site: Site) -> None:
    site.install("acme-one", LAW.format(kind="same"))
    site.install("acme-two", LAW.format(kind="same"))
    site.install("acme-bus", bus("pigeon"))
    host = PluginHost.discover(points=[*site.points(), *OWN])
    assert host.adapter("control_bus", "pigeon").name == "pigeon"
    assert refused(host.laws().get, "same").code is ReasonCode.PLUGIN_CONFLICT


IDLE = {
    "no hook": ("x = 1", "it has no hook of Scenario Runner"),
    "unmarked": ("def sr_hashing_laws(): return []", "sr_hashing_laws lacks @hookimpl"),
    "empty": (
        "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): return []",
        "sr_hashing_laws returned an empty list",
    ),
}


@pytest.mark.parametrize("how", IDLE)
def test_a_plugin_that_offers_nothing_has_a_row_that_says_so(site: Site, how: str) -> None:
    code, why = IDLE[how]
    site.install("acme-idle", code)
    (row,) = PluginHost.survey(points=site.points()).offers()
    assert (row.distribution, row.loaded, row.why) == ("acme-idle", False, f"offers nothing: {why}")


@pytest.mark.parametrize("mark", ["hookwrapper=True", "wrapper=True"])
def test_a_hook_wrapper_is_refused_since_it_would_have_no_effect(site: Site, mark: str) -> None:
    code = f"from sr_ports import hookimpl\n@hookimpl({mark})\ndef sr_hashing_laws():\n    yield\n"
    site.install("acme-wraps", code)
    (row,) = PluginHost.survey(points=site.points()).offers()
    assert row.why == "its hook sr_hashing_laws is a wrapper, which has no effect here: return a list instead"


def test_a_distribution_found_twice_on_the_path_counts_once(site: Site) -> None:
    site.install("acme-laws", LAW.format(kind="merkle"))
    points = [*site.points(), *site.points()]
    assert [offer.name for offer in PluginHost.survey(points=points).offers()] == ["merkle"]


BROKEN = {
    "exception": "raise RuntimeError('no\\nlicence')",
    "exit": "import sys; sys.exit(3)",
    "syntax": "def def",
    "missing module": "import a_module_that_is_nowhere",
    "misspelt hook": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_lawz(): return []",
    "hook that raises": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): raise KeyError('x')",
    "hook that exits": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): raise SystemExit",
    "hook of another kind": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): raise GeneratorExit",
    "no list": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): return 5",
    "no law": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): return [object()]",
    "no adapter": "from sr_ports import hookimpl\n@hookimpl\ndef sr_control_buses(): return ['file']",
    "None in the list": "from sr_ports import hookimpl\n@hookimpl\ndef sr_hashing_laws(): return [None]",
    "error without a text": "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})",
    "no name": "from sr_ports import Adapter, hookimpl\n@hookimpl\ndef sr_control_buses(): return [Adapter('', print)]",
}


HOOKS_FAIL = [how for how in BROKEN if how.startswith("hook")]


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_told_of_and_stops_only_who_needs_it(site: Site, how: str) -> None:
    site.install("acme-broken", BROKEN[how])
    host = PluginHost.discover(points=[*BUILTIN, *site.points()])
    assert host.adapter("object_store", "file").name == "file"
    (row,) = [offer for offer in host.offers() if not offer.loaded and offer.distribution == "acme-broken"]
    assert row.why
    assert "\n" not in row.why
    error = refused(host.adapter, "control_bus", "pigeon")
    assert error.code is ReasonCode.PLUGIN_BROKEN
    assert "'pigeon'" in error.what
    assert "acme-broken 1.2: " in error.what
    assert "its hook sr_" in error.what or not how.startswith("hook")
    laws = host.laws()
    assert absence(laws, "zz_law") == f"zz_law; acme-broken 1.2: {row.why}"


def test_a_law_that_is_absent_is_told_with_the_plugins_that_give_nothing(site: Site) -> None:
    site.install("acme-bare", "def sr_hashing_laws(): return []")
    site.install("acme-laws", LAW.format(kind="zz_law"))
    host = PluginHost.discover(
        points=[*BUILTIN, *site.points()], admittance=Admittance(frozenset({DISTRIBUTION, "acme-bare"}))
    )
    told = absence(host.laws(), "zz_law")
    assert "acme-bare 1.2: offers nothing: sr_hashing_laws lacks @hookimpl" in told
    assert "acme-laws 1.2: plugins.allow leaves it out" in told


def test_a_law_that_is_absent_is_told_by_its_name_when_every_plugin_is_sound(site: Site) -> None:
    site.install("acme-laws", LAW.format(kind="other"))
    assert absence(PluginHost.discover(points=[*BUILTIN, *site.points()]).laws(), "zz_law") == "zz_law"


def test_a_plugin_that_breaks_half_way_offers_nothing(site: Site) -> None:
    site.install("acme-half", bus("pigeon") + "    @hookimpl\n    def sr_hashing_laws():\n        raise OSError\n")
    host = PluginHost.survey(points=site.points())
    assert host.offered == {}
    assert len(host.broken) == 1


def test_an_unknown_adapter_is_told_with_those_there_are() -> None:
    error = refused(PluginHost.discover(points=BUILTIN).adapter, "authority", "oracle")
    assert error.code is ReasonCode.ADAPTER_UNKNOWN
    assert "'oracle'" in error.what
    assert "postgres, sqlite" in error.what


def test_a_missing_extra_is_told_with_what_to_install(site: Site) -> None:
    site.install("acme-bus", bus("pigeon", ("json", "no_such_driver", "no_such.inner"), "acme-bus[pigeon]"))
    site.install("scenario-runner", bus("dove", ("no_such_driver",), "doves"))
    host = PluginHost.discover(points=site.points())
    error = refused(host.adapter, "control_bus", "pigeon")
    assert error.code is ReasonCode.EXTRA_MISSING
    assert error.what.endswith("needs no_such_driver, no_such.inner, which are not installed")
    assert "pip install 'acme-bus[pigeon]'" in error.remedy
    assert "pip install 'scenario-runner[doves]'" in refused(host.adapter, "control_bus", "dove").remedy
    assert [(one.name, one.loaded, one.why) for one in host.offers()] == [
        ("dove", False, "no_such_driver is not installed: extra [doves]"),
        ("pigeon", False, "no_such_driver, no_such.inner are not installed: extra [acme-bus[pigeon]]"),
    ]


def test_all_missing_extras_are_told_at_once(site: Site) -> None:
    site.install("acme-bus", bus("pigeon", ("no_such_driver",), "acme-bus[pigeon]"))
    site.install("plain-bus", bus("crow", ("no_such_wing",), ""))
    site.install("scenario-runner", bus("dove", ("no_such_driver",), "doves"))
    host = PluginHost.discover(points=site.points())
    error = refused(host.require, [("control_bus", name) for name in ("dove", "pigeon", "crow")])
    assert error.code is ReasonCode.EXTRA_MISSING
    assert error.what == (
        "the control_bus adapter 'dove' needs no_such_driver, the control_bus adapter 'pigeon' needs no_such_driver, "
        "the control_bus adapter 'crow' needs no_such_wing, which are not installed"
    )
    assert error.remedy.endswith("pip install 'scenario-runner[doves]' 'acme-bus[pigeon]' 'plain-bus'")


def test_a_distribution_that_is_not_allowed_runs_none_of_its_code(site: Site) -> None:
    site.install("acme-laws", f"raise SystemExit\n{LAW.format(kind='merkle')}")
    site.install("acme-bus", bus("file"))
    site.install("good-laws", LAW.format(kind="good"))
    host = PluginHost.discover(points=site.points(), admittance=Admittance(frozenset({"Good_Laws"})))
    assert set(host.laws()) == {"good"}
    assert not {"plugin_acme_laws", "plugin_acme_bus"} & set(sys.modules)
    assert host.broken == ()
    left_out = [(one.distribution, one.loaded, one.why) for one in host.offers() if one.port == "?"]
    assert left_out == [
        ("acme-bus", False, "plugins.allow leaves it out"),
        ("acme-laws", False, "plugins.allow leaves it out"),
    ]
    error = refused(host.adapter, "control_bus", "file")
    assert error.code is ReasonCode.PLUGIN_NOT_ALLOWED
    assert "acme-bus" in error.what


@pytest.mark.parametrize(("allow", "served"), [(None, True), (frozenset({"pigeons"}), True), (frozenset[str](), False)])
def test_a_plugin_given_in_code_is_held_to_allow_as_well(allow: frozenset[str] | None, served: bool) -> None:
    class Plugin:
        distribution = "pigeons"
        version = "7"

        @hookimpl
        def sr_control_buses(self) -> list[Adapter[Any]]:
            return [Adapter("pigeon", lambda wiring: wiring)]

    for plugin in (Plugin, Plugin()):
        host = PluginHost.discover(points=[], plugins=[plugin], admittance=Admittance(allow))
        assert [(one.name, one.distribution, one.version) for one in host.offers()] == [("pigeon", "pigeons", "7")]
        assert [one.name for one in host.adapters("control_bus")] == ["pigeon"] * served
        if served:
            assert host.adapter("control_bus", "pigeon").name == "pigeon"
        else:
            assert refused(host.adapter, "control_bus", "pigeon").code is ReasonCode.PLUGIN_NOT_ALLOWED


def test_laws_given_in_code_are_held_to_allow_as_well() -> None:
    law = SimpleNamespace(kind="given", digest=lambda bundle: "0" * 64)
    plugin = SimpleNamespace(sr_hashing_laws=hookimpl(lambda: [law]), distribution="mine", version="1")
    assert set(PluginHost.discover(points=[], plugins=[plugin]).laws()) == {"given"}
    host = PluginHost.discover(points=[], plugins=[plugin], admittance=Admittance(frozenset({"other"})))
    assert host.laws() == {}
    assert [(one.name, one.loaded, one.why) for one in host.offers()] == [
        ("given", False, "plugins.allow leaves it out")
    ]


def test_finding_the_built_ins_imports_no_driver() -> None:
    code = (
        "import sys; from importlib.metadata import EntryPoint; from sr_plugins.host.plugin_host import PluginHost;"
        f"points = [EntryPoint(*one) for one in {[(one.name, one.value, one.group) for one in BUILTIN]}];"
        "host = PluginHost.discover(points=points); host.offers(); host.adapter('object_store', 'file');"
        "heavy = {'boto3', 'botocore', 'psycopg', 'psycopg_pool', 'sqlite3', 'yaml', 'click', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_project_registers_its_built_ins_as_any_plugin_does() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == DISTRIBUTION
    assert project["entry-points"]["scenario_runner"] == {point.name: point.value for point in BUILTIN}
