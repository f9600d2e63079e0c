"""What a signature of an earlier release binds, and that verify says what it does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.cli.app import run as sr
from sr_plugins.consumer import verify_facts
from tests.forger import details, rechained
from tests.upgrade.worlds import KEY, RUNS, Home, Run, named

SIGNED = [run for run in RUNS if run.told.get("signed") and run.state == "READY"]
OF_THE_VIEW = {"facts_view": True, "outputs": True}
OF_THE_RECORD = {"root": False, "plan": False, "record": False}


def verified(home: Home, **how: Any) -> Any:
    return verify_facts(home.view, profile=home.profile, key=home.run.corpus.root / KEY, **how).verification


def rested(done: Any) -> dict[str, bool]:
    return {one.name: one.bound for one in done.rests_on}


def record_of(home: Home) -> Path:
    return home.store / home.run.base / "run_record" / f"{home.run.run_id}.jsonl"


@pytest.mark.parametrize("run", SIGNED, ids=named)
def test_root_plan_and_record_are_told_to_be_unbound(run: Run, home: Home) -> None:
    done = verified(home)
    assert done.ok, done
    assert rested(done) == OF_THE_VIEW | OF_THE_RECORD
    given = verified(home, engine_run_root=str(run.engine_root))
    assert given.ok, given
    assert rested(given) == OF_THE_VIEW | {"plan": False, "record": False}


@pytest.mark.parametrize("run", SIGNED, ids=named)
def test_a_record_that_sends_to_good_copies_is_told_to_be_unbound_and_a_given_root_is_read(
    run: Run, lone_home: Home, scratch: Path
) -> None:
    root, copies = run.engine_root, scratch / "copies"
    assert root is not None
    shutil.copytree(root, copies, symlinks=True)
    record = record_of(lone_home)
    record.chmod(0o644)
    record.write_bytes(rechained(record.read_bytes(), details("EVIDENCE_STARTED", engine_run_root=str(copies))))
    for part in (one for one in root.rglob("*") if one.is_file() and "events" in str(one)):
        part.chmod(0o644)
        part.write_bytes(b"bad")
    done = verified(lone_home)
    assert done.engine_run_root == str(copies)
    assert done.unbound == ("root", "plan", "record")
    read = verified(lone_home, engine_run_root=str(root))
    told = {one.where: one for one in read.findings}
    assert told["events"].bound is False
    assert told["events"].document()["bound"] is False


@pytest.mark.parametrize("run", SIGNED[:1], ids=named)
def test_the_command_says_so(
    run: Run, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profile.json").write_text(json.dumps(home.profile))
    monkeypatch.setenv("PLATFORM_RUN_ID", run.told["platform_run_id"])
    words = ["--profile", str(tmp_path / "profile.json"), "verify", str(home.view), "--key", str(run.corpus.root / KEY)]
    assert sr(words) == 0
    assert "no signature binds what this rests on: root, plan, record" in capsys.readouterr().out
    assert sr([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["bound"] for one in told["rests_on"]} == OF_THE_VIEW | OF_THE_RECORD
