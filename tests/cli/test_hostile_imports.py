"""What a plugin does when it is imported harms nobody who does not name it, and SR's own process not at all."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from sr_plugins.isolation import workers
from tests.cli.conftest import Shell
from tests.cli.test_plugin_output import gated, process, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
PLUGIN = """
import ctypes, os, signal, sys, time
{first}
from sr_ports import Adapter, hookimpl

class Law:
    kind = "{kind}"
    def digest(self, bundle):
        return bundle.sha256([one.path for one in bundle.files()])

class Sink:
    def emit(self, event):
        {emit}
    def close(self):
        pass

@hookimpl
def sr_hashing_laws():
    {hook}
    return [Law()]

@hookimpl
def sr_observability_sinks():
    return [Adapter("{kind}_sink", lambda wiring: Sink(), requires={requires!r}, extra="acme-extra")]
"""
ATTACKS = {
    "exits": "os._exit(0)",
    "exits with an error": "os._exit(7)",
    "crashes": "ctypes.string_at(0)",
    "leaves": "sys.exit(0)",
    "raises": "raise BaseException('no')",
    "interrupts": "raise KeyboardInterrupt",
    "hangs": "time.sleep(600)",
    "hangs in C": "ctypes.PyDLL(None).sleep(600)",
    "kills itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "closes its pipes": "os.closerange(0, 100)",
    "writes on them": "os.write(1, b'x' * 100000)",
    "is no text": "raise ValueError(chr(0xd800))",
}
HARMLESS = {"writes on them"}


def plugin(
    kind: str, first: str = "", *, hook: str = "pass", emit: str = "pass", requires: tuple[str, ...] = ()
) -> str:
    return PLUGIN.format(kind=kind, first=first, hook=hook, emit=emit, requires=requires)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_S", 5.0)


def rows(sr: Shell) -> dict[str, Any]:
    answer = sr("--json", "plugins")
    assert answer.code == 0, answer.err
    return {one["distribution"]: one for one in answer.json["plugins"] if one["port"] in ("law", "?")}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_stops_only_what_names_it_and_never_the_parent(sr: Shell, site: Site, name: str) -> None:
    site.install("acme-evil", plugin("evil", ATTACKS[name]))
    site.install("acme-laws", plugin("sound"))
    found = rows(sr)
    assert found["acme-laws"]["loaded"]
    assert found["acme-evil"]["loaded"] is (name in HARMLESS)
    assert "plugin_acme_evil" not in sys.modules
    profiled(sr)
    gated(sr, "sound")
    answer = sr("--json", "submit", sr.request())
    assert (answer.code, answer.json["state"]) == (0, "READY"), answer.err
    gated(sr, "evil")
    named = sr("submit", sr.request("named"))
    if name in HARMLESS:
        assert named.code == 0
        return
    assert named.code == 2
    assert "error[UNKNOWN_HASHING_LAW]" in named.err  # beside what the plugin itself has said
    assert "acme-evil 1.2: " in named.err


@pytest.mark.parametrize("attack", [True, False])
def test_doctor_and_pack_check_outlive_it_too(sr: Shell, site: Site, attack: bool) -> None:
    site.install("acme-evil", plugin("evil", hook=ATTACKS["exits"] if attack else "pass"))
    profiled(sr)
    sr("session", "new")
    gated(sr, "evil")
    assert sr("contracts", "check").code == (5 if attack else 0)
    (told,) = [one for one in sr("--json", "doctor").json["checks"] if one["port"] == "law"]
    assert (told["ok"], "acme-evil 1.2" in told["detail"]) == (not attack, True)


def test_a_law_that_works_is_judged_by_the_process_that_was_looked_at(sr: Shell, site: Site) -> None:
    site.install("acme-laws", plugin("sound", "print('PRINTED by', os.getpid(), flush=True)"))
    profiled(sr, evidence={"workers": 1})  # a further one may make the law's fingerprint meanwhile
    gated(sr, "sound")
    done = process(sr, site, "--json", "submit", sr.request())
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("PRINTED by") == 1


def test_an_adapter_that_is_named_is_imported_here_and_no_other(sr: Shell, site: Site) -> None:
    site.install("acme-evil", plugin("evil", ATTACKS["exits"]))
    site.install("acme-laws", plugin("sound", emit="print('EMITTED', flush=True)"))
    site.install("acme-idle", plugin("idle"))
    profiled(sr, observability={"sinks": ["sound_sink"]})
    gated(sr, "sound")
    answer = sr("submit", sr.request())
    assert answer.code == 0
    assert "plugin_acme_laws" in sys.modules
    assert not {"plugin_acme_evil", "plugin_acme_idle"} & sys.modules.keys()
    profiled(sr, observability={"sinks": ["evil_sink"]})
    refused = sr("submit", sr.request("other"))
    assert (refused.code, refused.error) == (2, "PLUGIN_BROKEN")
    assert "acme-evil 1.2: cannot be imported: its process ended with exit code 0" in refused.err


def test_an_adapter_that_reads_the_environment_when_it_is_imported_is_had_all_the_same(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-sink", plugin("held", "assert 'SR_TEST_HERE' in os.environ"))
    profiled(sr, observability={"sinks": ["held_sink"]})
    assert sr("submit", sr.request()).error == "PLUGIN_BROKEN"
    monkeypatch.setenv("SR_TEST_HERE", "the parent alone has it")
    assert sr("submit", sr.request()).code == 0


def test_what_is_not_installed_is_told_without_an_import(sr: Shell, site: Site) -> None:
    site.install("acme-far", plugin("far", requires=("nowhere_to_be_found",)))
    found = {one["name"]: one for one in sr("--json", "plugins").json["plugins"]}
    assert found["far"]["loaded"]
    assert "nowhere_to_be_found is not installed: extra [acme-extra]" in found["far_sink"]["why"]
    profiled(sr, observability={"sinks": ["far_sink"]})
    assert sr("submit", sr.request()).error == "EXTRA_MISSING"


def test_two_that_give_one_law_are_refused_by_both_names(sr: Shell, site: Site) -> None:
    for name in ("acme-one", "acme-two"):
        site.install(name, plugin("same"))
    profiled(sr)
    gated(sr, "same")
    refused = sr("submit", sr.request())
    assert (refused.code, refused.error) == (2, "PLUGIN_CONFLICT")
    assert "acme-one" in refused.err
    assert "acme-two" in refused.err
