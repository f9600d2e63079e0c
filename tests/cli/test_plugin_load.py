"""Plugins that are one file, names that are blocked, and the trace: what is used, what is not, and why, is said."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_plugins.host.loading import PluginError
from sr_plugins.host.local_file import load_file, source_of
from tests.cli.conftest import Answer, Shell
from tests.cli.test_law_isolation import LAW, SOUND
from tests.cli.test_plugin_output import gated, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
CODE = LAW.format(digest=SOUND)
SHARED = """
from sr_adapters.memory import MemoryObjectStore
from sr_ports import Adapter, hookimpl

class Store(MemoryObjectStore):
    shared = {shared}

@hookimpl
def sr_object_stores():
    return [Adapter("elsewhere", lambda wiring: Store())]
"""


def loading(sr: Shell, file: str = "./my_law.py", **plugins: Any) -> Answer:
    """Submit under a gate whose law is in a file that the profile loads."""
    profiled(sr, plugins={"load": [file], **plugins})
    gated(sr, "zz_law")
    return sr("--json", "submit", sr.request())


def absent(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.py"))
    path.symlink_to("elsewhere.py")


def dead_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.py")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def prose(path: Path) -> None:
    path.write_text("this is no program\n")


def binary(path: Path) -> None:
    path.write_bytes(b"\x7fELF\0\0")


def raising(path: Path) -> None:
    path.write_text("1 / 0\n")


def unmarked(path: Path) -> None:
    path.write_text(CODE.replace("@hookimpl\n", ""))


def misspelt(path: Path) -> None:
    path.write_text(CODE.replace("@hookimpl\n", "").replace("sr_hashing_laws", "sr_hashing_law"))


def other(path: Path) -> None:
    path.write_text("import os\n")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (absent, "is no file that is there"),
        (folder, "is a folder, and no file"),
        (link, "is a link"),
        (dead_link, "is a link"),
        (pipe, "is no file"),
        (prose, "is no Python: SyntaxError"),
        (binary, "is no Python"),
        (raising, "cannot be imported: ZeroDivisionError"),
        (unmarked, "sr_hashing_laws lacks @hookimpl"),
        (misspelt, "sr_hashing_law is none, did you mean sr_hashing_laws?"),
        (other, "it has no hook of Scenario Runner"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_a_file_that_gives_nothing_stops_who_names_it_before_anything_is_written(
    sr: Shell, spoil: Callable[[Path], None], why: str
) -> None:
    path = sr.folder / "my_law.py"
    path.write_text(CODE)
    spoil(path)
    answer = loading(sr)
    assert (answer.code, answer.json["error"]["reason_code"]) == (2, "PLUGIN_BROKEN")
    assert why in answer.json["error"]["message"]
    assert "plugins.load" in answer.json["error"]["message"]
    assert not (sr.folder / "runs" / "fraud-platform").exists()
    assert sr("check", "root", "--request", sr.request()).error == "PLUGIN_BROKEN"
    (row,) = [one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "local"]
    assert (row["loaded"], why in row["why"]) == (False, True)
    sr("session", "new")
    checks = [one for one in sr("--json", "doctor").json["checks"] if one["code"] == "PLUGIN_BROKEN"]
    assert checks
    assert all(one["ok"] is False and why in one["detail"] for one in checks)


def test_the_same_file_as_it_was_written_judges(sr: Shell) -> None:
    (sr.folder / "my_law.py").write_text(CODE)
    assert loading(sr).code == 0
    assert [one for one in sr("--json", "doctor").json["checks"] if one["port"] == "plugin"] == []


@pytest.mark.parametrize(
    ("shared", "allow", "code"),
    [
        (True, "any", 2),
        (True, ["scenario-runner", "acme"], 2),
        (True, ["scenario-runner", "acme", "local"], 0),
        (False, ["scenario-runner", "acme"], 0),
        (False, "any", 0),
    ],
)
def test_under_a_shared_store_a_file_is_used_only_where_local_is_allowed(
    sr: Shell, site: Site, shared: bool, allow: Any, code: int
) -> None:
    site.install("acme", SHARED.format(shared=shared))
    (sr.folder / "my_law.py").write_text(CODE)
    plugins = {"load": ["./my_law.py"], "allow": allow}
    profiled(sr, plugins=plugins, object_store={"adapter": "elsewhere"})
    gated(sr, "zz_law")
    sr("session", "new")
    answer = sr("--json", "submit", sr.request())
    assert answer.code == code
    if code:
        assert answer.json["error"]["reason_code"] == "PLUGIN_NOT_ALLOWED"
        assert "the object store is shared" in answer.json["error"]["message"]
        assert "local" in answer.json["error"]["remedy"]


def test_the_bytes_that_are_run_are_those_whose_digest_is_on_record(sr: Shell, tmp_path: Path) -> None:
    path = sr.folder / "my_law.py"
    path.write_text(CODE)
    source, why = source_of(str(path))
    assert (why, source.version) == (None, hashlib.sha256(CODE.encode()).hexdigest())
    assert load_file(str(path), source.version).Law.kind == "zz_law"
    path.write_text(CODE + "# other\n")
    with pytest.raises(PluginError, match="was exchanged"):
        load_file(str(path), source.version)


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_file_that_is_exchanged_judges_with_the_bytes_that_are_on_record_or_not_at_all(
    sr: Shell, looked_at: bool
) -> None:
    from sr_plugins import build_runner
    from sr_ports import BadInput
    from tests.reliability.lab import request

    path = sr.folder / "my_law.py"
    path.write_text(CODE)
    profiled(sr, plugins={"load": ["./my_law.py"]}, evidence={"workers": 1})  # a further one would refuse what is new
    gated(sr, "zz_law")
    with build_runner("profile.yaml", policy="policy.yaml") as runner:
        assert not looked_at or runner.pack.gates
        path.write_text(CODE.replace("return bundle", "return 'f' * 64 or bundle"))
        if not looked_at:
            with pytest.raises(BadInput, match="was exchanged"):
                runner.submit(request("key", engine_run_root="root"))
            return
        outcome = runner.submit(request("key", engine_run_root="root"))
        notes = runner.facts(str(outcome.run_id))["evidence_notes"]
    assert f"GATE_LAW:gate.up:zz_law:local=={hashlib.sha256(CODE.encode()).hexdigest()}" in notes


@pytest.mark.parametrize("name", ["local", "zz_law"])
def test_a_file_may_be_blocked_by_local_or_by_what_it_gives(sr: Shell, name: str) -> None:
    (sr.folder / "my_law.py").write_text(CODE)
    answer = loading(sr, block=[name])
    assert (answer.code, answer.json["error"]["reason_code"]) == (2, "UNKNOWN_HASHING_LAW")
    assert "plugins.block leaves it out" in answer.json["error"]["message"]
    assert loading(sr, block=["another"]).code == 0


def test_a_blocked_file_runs_none_of_its_code(sr: Shell) -> None:
    (sr.folder / "my_law.py").write_text(f"open({str(sr.folder / 'ran')!r}, 'w').close()\n{CODE}")
    loading(sr, block=["local"])
    assert not (sr.folder / "ran").exists()
    loading(sr)
    assert (sr.folder / "ran").exists()


HALF = CODE + "\ndef sr_control_buses():\n    return []\n"


def test_a_mark_that_was_forgotten_beside_another_is_told(sr: Shell, site: Site) -> None:
    site.install("acme", HALF)
    profiled(sr, control_bus={"adapter": "pigeon"})
    rows = {one["name"]: one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "acme"}
    assert rows["zz_law"]["loaded"]
    assert rows["?"]["why"] == "sr_control_buses lacks @hookimpl, and is not asked"
    named = sr("--json", "status", "0" * 32).json["error"]
    assert (named["reason_code"], "sr_control_buses lacks @hookimpl" in named["message"]) == ("ADAPTER_UNKNOWN", True)
    profiled(sr)
    sr("session", "new")
    (check,) = [one for one in sr("--json", "doctor").json["checks"] if one["port"] == "plugin"]
    assert (check["ok"], "sr_control_buses lacks @hookimpl" in check["detail"]) == (None, True)


def test_a_specification_that_a_module_imported_is_no_forgotten_hook(sr: Shell, site: Site) -> None:
    site.install("acme", "from sr_ports.hooks import sr_control_buses\n" + CODE)
    assert [one["name"] for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "acme"] == [
        "zz_law"
    ]


@pytest.mark.parametrize("mark", ["wrapper=True", "hookwrapper=True", "tryfirst=True", "trylast=True"])
def test_a_mark_that_would_have_no_effect_is_refused(sr: Shell, site: Site, mark: str) -> None:
    site.install("acme", CODE.replace("@hookimpl", f"@hookimpl({mark})").replace("return [Law()]", "yield"))
    (row,) = [one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "acme"]
    assert (row["loaded"], "has no effect here" in row["why"]) == (False, True)


def test_the_trace_tells_who_was_asked_what_was_chosen_and_what_was_skipped(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme", CODE)
    site.install("clone", CODE)
    site.install("left-out", "raise SystemExit")
    (sr.folder / "bare.py").write_text(HALF.replace("zz_law", "yy_law"))
    monkeypatch.setenv("SR_TRACE_PLUGINS", "1")
    profiled(sr, plugins={"block": ["left-out", "clone"], "load": ["bare.py"]})
    gated(sr, "zz_law")
    answer = sr("--json", "submit", sr.request())
    assert (answer.code, answer.json["state"]) == (0, "READY")
    lines = answer.err.splitlines()
    for told in (
        "plugins: asked acme 1.2 (plugin = plugin_acme): it gives law zz_law",
        "plugins: law zz_law: chosen of acme 1.2",
        "plugins: skipped clone 1.2 (plugin = plugin_clone): plugins.block leaves it out",
        "plugins: skipped left-out 1.2 (plugin = plugin_left_out): plugins.block leaves it out",
    ):
        assert lines.count(told) == 1, told
    assert any("sr_control_buses lacks @hookimpl" in line for line in lines)
    assert any(line.startswith("plugins: object_store file: chosen of scenario-runner") for line in lines)


@pytest.mark.parametrize("value", ["", "0", None])
def test_without_the_variable_nothing_is_told(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("SR_TRACE_PLUGINS", raising=False)
    if value is not None:
        monkeypatch.setenv("SR_TRACE_PLUGINS", value)
    site.install("acme", CODE)
    profiled(sr)
    gated(sr, "zz_law")
    assert "plugins:" not in sr("submit", sr.request()).err


@pytest.mark.parametrize(
    ("stated", "fits"), [(">=1,<2", True), (">=2,<3", False), (">=3", False), ("the newest", False)]
)
def test_a_plugin_built_for_another_major_is_refused_with_the_reason(
    sr: Shell, site: Site, stated: str, fits: bool
) -> None:
    site.install("acme", f"sr_api = {json.dumps(stated)}\n{CODE}")
    profiled(sr)
    gated(sr, "zz_law")
    answer = sr("--json", "submit", sr.request())
    assert answer.code == (0 if fits else 2)
    if not fits:
        assert "acme 1.2: " in answer.json["error"]["message"]
        assert "built for sr_ports" in answer.json["error"]["message"] or "no range" in answer.json["error"]["message"]
