"""Reuse, refusal and verify on an engine run that is there already, read only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sr_domain.record.states import RunState
from sr_plugins.consumer import verify_facts
from tests.own_engine.sealed import HOW, PACK, REQUEST, ROOT, EngineRun, NotGiven, inventory, own, small_copy

Demo = dict[str, str]


def view(folder: Path, run_id: str) -> Path:
    (path,) = folder.glob(f"runs/fraud-platform/*/sr/run_facts_view/{run_id}.json")
    return path


def test_it_is_proven_without_the_engine_and_proven_again_by_a_consumer(engine_run: EngineRun, folder: Path) -> None:
    with engine_run.runner(folder) as runner:
        outcome = runner.submit(engine_run.asks())
        assert outcome.state is RunState.READY, outcome.message
        again = runner.submit(engine_run.asks())
        assert (again.run_id, again.state, again.is_new) == (outcome.run_id, RunState.READY, False)
    profile = {"runtime_root": str(folder / "runs"), "engine": {"interface_pack": str(engine_run.pack)}}
    done = verify_facts(str(view(folder, outcome.run_id)), profile=profile).verification
    assert done.findings == ()
    assert done.proven_outputs > 0
    assert done.proven_gates > 0


def test_another_world_is_never_ready(engine_run: EngineRun, folder: Path) -> None:
    wrong = "0" * 63 + "1"
    assert engine_run.request["manifest_fingerprint"] != wrong
    with engine_run.runner(folder) as runner:
        outcome = runner.submit(engine_run.asks(manifest_fingerprint=wrong))
        assert outcome.state in (RunState.FAILED, RunState.QUARANTINED), outcome
        assert "run_facts_view" not in str(list((folder / "runs").rglob("*.json")))


def test_one_byte_in_a_copy_is_seen_and_the_copy_itself_is_sound(engine_run: EngineRun, folder: Path) -> None:
    with engine_run.runner(folder) as runner:
        whole = runner.submit(engine_run.asks())
        assert whole.state is RunState.READY, whole.message
        copy, shown = folder / "copy", json.loads(view(folder, whole.run_id).read_bytes())
        copied = small_copy(engine_run, runner, shown, copy)
        if copied is None:
            pytest.skip("every output of this engine run rests on more than 64 MiB: nothing small enough to copy")
        output_id, gate_id = copied
        sound = runner.submit(engine_run.asks(copy, output_ids=[output_id], run_equivalence_key="own: copy"))
        assert sound.state is RunState.READY, sound.message
        of_copy = json.loads(view(folder, sound.run_id).read_bytes())
        receipt = next(one for one in of_copy["gate_receipts"] if one["gate_id"] == gate_id)
        flag = copy / receipt["artifacts"]["passed_flag_path"]
        flag.write_bytes(_other_digest(flag.read_bytes()))
        bad = runner.submit(engine_run.asks(copy, output_ids=[output_id], run_equivalence_key="own: tampered"))
        assert (bad.state, gate_id in bad.message) == (RunState.QUARANTINED, True), bad.message
    profile = {"runtime_root": str(folder / "runs"), "engine": {"interface_pack": str(engine_run.pack)}}
    done = verify_facts(str(view(folder, sound.run_id)), profile=profile).verification
    assert [one for one in done.findings if gate_id in f"{one.where} {one.what}"]


def _other_digest(flag: bytes) -> bytes:
    """The flag with one digit of its digest changed: the last hex digit in it."""
    at = max(flag.rfind(digit) for digit in (b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"))
    return flag[:at] + (b"1" if flag[at : at + 1] == b"0" else b"0") + flag[at + 1 :]


@pytest.mark.parametrize("name", [ROOT, PACK, REQUEST])
def test_what_is_not_given_is_told_in_one_line(demo: Demo, name: str) -> None:
    for environment in ({**demo, name: ""}, {**demo, name: "/no/such/place"}):
        with pytest.raises(NotGiven) as told:
            own(environment)
        assert HOW in str(told.value)
        assert "\n" not in str(told.value)
    assert own(demo).root.is_dir()


def test_a_root_that_was_written_to_would_be_seen(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = inventory(tmp_path)
    assert inventory(tmp_path) == before
    (tmp_path / "a").write_bytes(b"2")
    assert inventory(tmp_path) != before
    before = inventory(tmp_path)
    (tmp_path / "b").write_text(json.dumps(demo))
    assert inventory(tmp_path) != before


def test_each_variable_of_the_tier_is_documented() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in (ROOT, PACK, REQUEST))
