"""Laws of others at the command line: one that ends its process ends no command, and what to do is said."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.cli.conftest import Answer, Shell
from tests.cli.test_plugin_output import gated, profiled
from tests.plugins.conftest import Site, site

__all__ = ["site"]
LAW = """
import ctypes, os
from sr_ports import hookimpl

class Law:
    kind = "zz_law"
    def digest(self, bundle):
        {digest}

@hookimpl
def sr_hashing_laws():
    return [Law()]
"""
SOUND = "return bundle.sha256([one.path for one in bundle.files()])"


def submitted(sr: Shell, **sections: Any) -> Answer:
    profiled(sr, **sections)
    gated(sr, "zz_law")
    return sr("--json", "submit", sr.request())


@pytest.mark.parametrize("digest", ["os._exit(0)", "ctypes.string_at(0)"], ids=["exit", "segfault"])
def test_a_law_that_ends_its_process_lets_the_run_rest_until_it_is_mended(sr: Shell, site: Site, digest: str) -> None:
    site.install("acme-laws", LAW.format(digest=digest))
    answer = submitted(sr)
    assert (answer.code, answer.json["state"], answer.json["reason_code"]) == (9, "VERIFYING", "LAW_FAILED")
    assert "the law zz_law of acme-laws 1.2 failed: its process " in answer.err
    run_id = answer.json["run_id"]
    status = sr("status", run_id)
    assert (status.code, status.error) == (9, "LAW_FAILED")
    told = sr("explain", run_id)
    assert "repair the plugin of that law" in told.out
    assert "UNKNOWN  gate.up" in told.out
    assert sr("doctor").code == 0, "it starts; what it does with a bundle is not tried"
    (site.folder / "plugin_acme_laws.py").write_text(LAW.format(digest=SOUND))
    assert sr("resume", run_id).code == 0
    assert sr("verify", run_id).code == 0


def test_a_law_that_cannot_be_loaded_is_found_by_the_doctor(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiled(sr)
    gated(sr, "zz_law")
    sr("session", "new")
    answer = sr("--json", "doctor")
    broken = [one for one in answer.json["checks"] if one["ok"] is False]
    assert [(one["port"], one["name"], one["code"]) for one in broken] == [("law", "zz_law", "UNKNOWN_HASHING_LAW")]
    assert answer.code == 5
    sound = f"import os\nassert 'SR_TEST_HERE' in os.environ\n{LAW.format(digest=SOUND)}"
    site.install("acme-laws", sound)
    monkeypatch.setenv("SR_TEST_HERE", "the parent alone has it")
    (one,) = [one for one in sr("--json", "doctor").json["checks"] if one["port"] == "law"]
    assert (one["ok"], one["code"]) == (False, "UNKNOWN_HASHING_LAW")
    assert "acme-laws 1.2: cannot be imported: AssertionError" in one["detail"]


def test_a_law_in_a_file_is_loaded_by_name_and_told_by_its_digest(sr: Shell) -> None:
    code = LAW.format(digest=SOUND)
    (sr.folder / "my_law.py").write_text(code)
    answer = submitted(sr, plugins={"allow": ["scenario-runner"], "load": ["./my_law.py"]})
    assert (answer.code, answer.json["state"]) == (0, "READY")
    sha256 = hashlib.sha256(code.encode()).hexdigest()
    notes = sr("--json", "facts", answer.json["run_id"]).json["evidence_notes"]
    assert notes == [f"GATE_LAW:gate.end:sha256_bundle_digest:scenario-runner=={_release()}",
                     f"GATE_LAW:gate.up:zz_law:local=={sha256}"]  # fmt: skip
    rows = [one for one in sr("--json", "plugins").json["plugins"] if one["name"] == "zz_law"]
    assert [(one["distribution"], one["version"], one["loaded"]) for one in rows] == [("local", sha256, True)]
    assert sr("contracts", "check").code == 0
    (sr.folder / "my_law.py").unlink()
    gone = [one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "local"]
    assert [(one["loaded"], "is no file" in one["why"]) for one in gone] == [(False, True)]


def _release() -> str:
    from sr_plugins.release import release

    return release()


@pytest.mark.parametrize("name", ["acme-laws", "Acme_Laws", "zz_law"])
def test_what_the_profile_blocks_is_not_used_and_said_so(sr: Shell, site: Site, name: str) -> None:
    site.install("acme-laws", LAW.format(digest=SOUND))
    answer = submitted(sr, plugins={"block": [name]})
    assert (answer.code, answer.json["error"]["reason_code"]) == (2, "UNKNOWN_HASHING_LAW")
    assert "acme-laws 1.2: plugins.block leaves it out" in answer.json["error"]["message"]
    rows = [one for one in sr("--json", "plugins").json["plugins"] if one["distribution"] == "acme-laws"]
    assert [(one["loaded"], one["why"]) for one in rows] == [(False, "plugins.block leaves it out")]
    profiled(sr)
    assert sr("submit", sr.request()).code == 0


def test_with_no_isolation_a_law_runs_here_and_the_decision_says_so(
    sr: Shell, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme-laws", LAW.format(digest=f"assert os.environ['SR_TEST_HERE']; {SOUND}"))
    monkeypatch.setenv("SR_TEST_HERE", "the parent alone has it")
    answer = submitted(sr, evidence={"law_isolation": "none"})
    assert answer.json["state"] == "READY"
    notes = sr("--json", "facts", answer.json["run_id"]).json["evidence_notes"]
    assert "LAW_IN_CALLERS_PROCESS:gate.up" in notes


def test_all_laws_may_run_in_workers(sr: Shell) -> None:
    profiled(sr, evidence={"law_isolation": "all", "workers": 2})
    answer = sr("--json", "submit", sr.request())
    assert answer.json["state"] == "READY"
    notes = json.dumps(sr("--json", "facts", answer.json["run_id"]).json["evidence_notes"])
    assert "LAW_IN_CALLERS_PROCESS" not in notes
