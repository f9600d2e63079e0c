"""`sr verify` answers for the run that was asked, from the view and its part lists, whatever else is gone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN, OTHER = run_id_for("key"), run_id_for("other")


@pytest.fixture
def two(sr: Shell) -> Shell:
    """Two READY runs of one platform run."""
    for key in ("key", "other"):
        assert sr("submit", sr.request(key)).code == 0
    return sr


def artifact(sr: Shell, kind: str, run_id: str = RUN) -> Path:
    (path,) = (sr.folder / "runs").glob(f"fraud-platform/*/sr/{kind}/{run_id}.json*")
    return path


def asking(sr: Shell) -> Sequence[str]:
    """Every way to ask for the first run."""
    view = artifact(sr, "run_facts_view")
    return RUN, str(view), view.as_uri(), str(view.relative_to(sr.folder / "runs"))


def test_the_view_of_another_run_is_no_answer(two: Shell) -> None:
    for asked in asking(two):
        assert two("verify", asked).code == 0
    shutil.copy(artifact(two, "run_facts_view", OTHER), artifact(two, "run_facts_view"))
    for asked in asking(two):
        told = two("verify", asked)
        assert (told.code, told.error, told.out) == (5, "TRUTH_ALTERED", ""), asked
        assert f"run_facts_view/{RUN}.json: " in told.err
        assert f"run_facts_view/{OTHER}.json" in told.err
    assert two("verify", OTHER).code == 0
    shutil.copy(artifact(two, "run_facts_view", OTHER), two.folder / "copy.json")
    assert two("verify", "copy.json").code == 0, "a copy answers for the run that it names"


def test_the_view_of_another_platform_run_is_no_answer(sr: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform in ("platform_20260101T000000Z", "platform_20260102T000000Z"):
        monkeypatch.setenv("PLATFORM_RUN_ID", platform)
        assert sr("submit", sr.request()).code == 0
    first, second = sorted((sr.folder / "runs").glob(f"fraud-platform/*/sr/run_facts_view/{RUN}.json"))
    shutil.copy(first, second)
    assert sr("verify", str(first)).code == 0
    for asked in (RUN, str(second)):
        told = sr("verify", asked)
        assert (told.code, told.error) == (5, "TRUTH_ALTERED")
        assert "platform_20260101T000000Z" in told.err


def test_what_is_gone_is_told_and_stops_nothing(two: Shell) -> None:
    outputs = two("--json", "verify", RUN).json["proven_outputs"]
    for kind in ("run_plan", "ready_signal", "run_status"):
        artifact(two, kind).unlink()
    told = two("--json", "verify", RUN).json
    assert {(one["code"], one["where"].split("/")[3]) for one in told["findings"]} == {
        ("TRUTH_MISSING", kind) for kind in ("run_plan", "ready_signal", "run_status")
    }
    assert (told["proven_outputs"], told["proven_gates"] > 0, told["not_judged"]) == (outputs, True, [])


def test_without_a_record_outputs_are_proven_and_gates_are_not_judged(two: Shell) -> None:
    before = two("--json", "verify", RUN).json
    view = str(artifact(two, "run_facts_view"))
    artifact(two, "run_record").unlink()
    told = two("--json", "verify", view).json
    assert [one["code"] for one in told["findings"]] == ["TRUTH_MISSING"]
    assert told["findings"][0]["what"] == "the record is not there; without it no gate could be judged"
    assert (told["proven_outputs"], told["proven_gates"]) == (before["proven_outputs"], 0)
    assert len(told["not_judged"]) == before["proven_gates"]
    spoken = two("verify", view)
    assert (spoken.code, spoken.error) == (5, "TRUTH_MISSING")
    assert spoken.out == f"not judged: {', '.join(told['not_judged'])}\n"
    (two.folder / "root/data/world.bin").write_bytes(b"rot")
    assert "ROTTED" in two("verify", view).err
    assert "ROTTED" not in two("verify", view, "--fast").err


def test_a_moved_root_is_given_and_replaces_the_views_own(two: Shell) -> None:
    (two.folder / "root").rename(two.folder / "archive")
    gone = two("--json", "verify", RUN).json
    assert gone["proven_outputs"] == 0
    assert "MOVED" in gone["findings"][0]["what"]
    artifact(two, "run_record").unlink()
    view = str(artifact(two, "run_facts_view"))
    told = two("--json", "verify", view, "--engine-run-root", str(two.folder / "archive")).json
    assert [one["code"] for one in told["findings"]] == ["TRUTH_MISSING"], "of the record, and of no output"
    assert told["proven_outputs"] > 0
    assert told["engine_run_root"] == str(two.folder / "archive")


def test_nothing_is_written(two: Shell) -> None:
    artifact(two, "run_status").unlink()
    before = {path: path.read_bytes() for path in (two.folder / "runs").rglob("*") if path.is_file()}
    two("verify", RUN)
    two("verify", str(artifact(two, "run_facts_view")))
    after = {path: path.read_bytes() for path in (two.folder / "runs").rglob("*") if path.is_file()}
    assert {path for path in before.keys() ^ after.keys() if "/index/" not in str(path)} == set()
