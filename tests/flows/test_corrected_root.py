"""A resubmission may correct the engine root of a run that waits or has not begun to read evidence, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.ports import Settings
from sr_ports import ReasonCode, Unreachable
from sr_ports.conformance.crash import CrashPlan, Died, Mode, crash
from tests.kit import Lab, request
from tests.worlds import FLAG, engine, small_world

RUN = run_id_for("key")


def half(lab: Lab, name: str) -> str:
    """A root that lacks a flag."""
    files = small_world()
    files.pop(f"gates/gate.a/{FLAG}")
    return lab.world(files, name)


def corrections(lab: Lab) -> list[tuple[Any, Any]]:
    events = lab.ledger(RUN).all("ENGINE_ROOT_CORRECTED")
    return [(one.details.get("left"), one.details["engine_run_root"]) for one in events]


def test_a_waiting_run_takes_another_root_and_the_view_names_that(any_lab: Lab) -> None:
    wrong, right = half(any_lab, "wrong"), any_lab.world(small_world(), "right")
    assert any_lab.runner().submit(request(engine_run_root=wrong)).state is RunState.WAITING_EVIDENCE
    done = any_lab.runner().submit(request(engine_run_root=right))
    assert (done.state, corrections(any_lab)) == (RunState.READY, [(wrong, right)])
    assert right in done.message
    view = any_lab.document("run_facts_view", RUN)
    assert view["oracle_pack_ref"]["engine_run_root"] == right
    runner = any_lab.runner()
    assert runner.verify(RUN).ok
    assert runner.audit(RUN).findings == ()
    assert runner.explain(RUN).engine_run_root == right


def test_a_root_that_was_left_is_not_taken_again(lab: Lab) -> None:
    first, second = half(lab, "first"), half(lab, "second")
    lab.runner().submit(request(engine_run_root=first))
    lab.runner().submit(request(engine_run_root=second))
    lab.world(small_world(), "first")  # complete by now, and no longer the run's
    back = lab.runner().submit(request(engine_run_root=first))
    assert back.state is RunState.WAITING_EVIDENCE
    assert f"the engine root was not taken: the run has left {first}" in back.message
    assert corrections(lab) == [(first, second)]
    third = lab.world(small_world(), "third")
    assert lab.runner().submit(request(engine_run_root=third)).state is RunState.READY
    assert corrections(lab) == [(first, second), (second, third)]


def test_the_same_root_again_is_no_correction_and_adds_nothing(lab: Lab) -> None:
    root = half(lab, "root")
    lab.runner().submit(request(engine_run_root=root))
    before = lab.truth()
    for spelt in (root, f"{root}/../root", None):
        again = lab.runner().submit(request(engine_run_root=spelt))
        assert (again.state, "engine root" in again.message) == (RunState.WAITING_EVIDENCE, False)
    assert lab.truth() == before


@pytest.mark.parametrize("state", ["READY", "FAILED", "QUARANTINED"])
def test_a_final_run_takes_none_and_says_so(lab: Lab, state: str) -> None:
    files, other = small_world(), lab.world(small_world(), "other")
    if state == "FAILED":
        files.pop(f"gates/gate.a/{FLAG}")
    elif state == "QUARANTINED":
        files[f"gates/gate.a/{FLAG}"] = b"no flag"
    root = lab.world(files)
    first = lab.runner(policy={"evidence_wait_seconds": 0}).submit(request(engine_run_root=root))
    before = lab.truth()
    again = lab.runner().submit(request(engine_run_root=other))
    assert (first.state, again.state) == (state, state)
    assert f"the engine root was not taken: the run is {state}" in again.message
    same = lab.runner().submit(request(engine_run_root=root))
    assert "engine root" not in same.message
    assert lab.truth() == before


def test_a_root_that_cannot_be_one_is_told_and_the_run_goes_on(lab: Lab) -> None:
    root = half(lab, "root")
    lab.runner().submit(request(engine_run_root=root))
    for unfit in ("s3://me:hush@bucket/x", "file://host/x", f"{root}/data/loose.bin"):
        again = lab.runner().submit(request(engine_run_root=unfit))
        assert (again.state, again.reason_code) == (RunState.WAITING_EVIDENCE, ReasonCode.EVIDENCE_WAITING)
        assert "the engine root was not taken: " in again.message
        assert "hush" not in again.message
    narrow = lab.runner(settings=Settings(allowed_roots=(root,)))
    assert "none of the roots that are allowed" in narrow.submit(request(engine_run_root="/elsewhere")).message
    assert corrections(lab) == []


def test_while_another_worker_holds_the_run_the_answer_says_so(lab: Lab) -> None:
    root, other = half(lab, "root"), lab.world(small_world(), "other")
    lab.runner().submit(request(engine_run_root=root))
    lease = lab.authority.acquire(RUN, "somebody", ttl_s=60)
    busy = lab.runner().submit(request(engine_run_root=other))
    assert busy.in_flight
    assert "another worker holds the run; submit it again" in busy.message
    assert "engine root" not in lab.runner().submit(request(engine_run_root=root)).message
    lab.authority.release(lease)
    assert lab.runner().submit(request(engine_run_root=other)).state is RunState.READY


def test_while_another_worker_holds_it_the_root_that_it_has_now_is_no_news(lab: Lab) -> None:
    first, second = half(lab, "first"), half(lab, "second")
    lab.runner().submit(request(engine_run_root=first))
    lab.runner().submit(request(engine_run_root=second))
    lab.authority.acquire(RUN, "somebody", ttl_s=60)
    messages = {root: lab.runner().submit(request(engine_run_root=root)).message for root in (first, second)}
    assert "the engine root was not taken" in messages[first], "the run has left it"
    assert "engine root" not in messages[second]


def test_before_evidence_is_read_an_attempt_gets_the_corrected_root(lab: Lab) -> None:
    first, second = str(lab.root / "first"), str(lab.root / "second")
    forced = {"requested_strategy": "FORCE_INVOKE"}
    dying = crash({"invoker": ScriptedInvoker(engine(lab.root, {}))}, CrashPlan(0, Mode.BEFORE))
    with pytest.raises(Died):
        lab.runner(**dying).submit(request(engine_run_root=first, **forced))
    lab.lapse()
    done = lab.runner(engine=engine(lab.root, small_world())).submit(request(engine_run_root=second, **forced))
    assert (done.state, corrections(lab)) == (RunState.READY, [(first, second)])
    assert (Path(second) / "run_receipt.json").exists()
    assert not Path(first).exists()


def test_after_the_engines_own_attempt_no_other_root_is_taken(lab: Lab) -> None:
    files = small_world()
    files.pop(f"gates/gate.a/{FLAG}")
    lab.runner(engine=engine(lab.root / "e", files)).submit(request())
    other = lab.world(small_world(), "other")
    again = lab.runner().submit(request(engine_run_root=other))
    assert again.state is RunState.WAITING_EVIDENCE
    assert "the engine's own attempt made the run's evidence" in again.message


def test_a_root_that_cannot_be_read_may_be_corrected(lab: Lab) -> None:
    right = lab.world(small_world(), "right")

    class Away:
        def open(self, uri: str) -> Any:
            from sr_adapters.file.root import FileEngineRoot

            class Root(FileEngineRoot):
                def stat(self, *args: Any, **how: Any) -> Any:
                    if uri.endswith("wrong"):
                        raise Unreachable(ReasonCode.ENGINE_ROOT_UNREACHABLE, "away")
                    return super().stat(*args, **how)

            return Root(uri)

    wrong = lab.world({}, "wrong")
    with pytest.raises(Unreachable):
        lab.runner(roots=Away()).submit(request(engine_run_root=wrong))
    assert lab.runner(roots=Away()).submit(request(engine_run_root=right)).state is RunState.READY
    assert corrections(lab) == [(wrong, right)]


def test_a_run_that_died_before_its_record_began_takes_the_root_that_comes_with_it(lab: Lab) -> None:
    right = lab.world(small_world(), "right")
    with pytest.raises(Died):
        lab.runner(**crash({"store": lab.store}, CrashPlan(4, Mode.BEFORE))).submit(request(engine_run_root="/gone"))
    lab.lapse()
    assert lab.kinds(RUN) == []
    done = lab.runner().submit(request(engine_run_root=right))
    assert (done.state, corrections(lab)) == (RunState.READY, [("/gone", right)])


def test_the_profiles_own_root_corrects_a_run_too(lab: Lab) -> None:
    wrong, right = half(lab, "wrong"), lab.world(small_world(), "right")
    lab.runner(settings=Settings(oracle_engine_run_root=wrong)).submit(request())
    assert lab.runner(settings=Settings(oracle_engine_run_root=right)).submit(request()).state is RunState.READY
    assert corrections(lab) == [(wrong, right)]


@pytest.mark.parametrize("end", ["READY", "FAILED"])
def test_a_settled_run_tells_whoever_names_the_root_that_it_left(lab: Lab, end: str) -> None:
    """The key was bound with that root, and the run rests on another."""
    left, now = half(lab, "left"), lab.world(small_world(), "now") if end == "READY" else half(lab, "now")
    lab.runner().submit(request(engine_run_root=left))
    lab.runner().submit(request(engine_run_root=now))
    if end == "FAILED":
        lab.clock.sleep(1e6)
        lab.runner().resume(RUN)
    before = lab.truth()
    first = lab.runner().submit(request(engine_run_root=left))
    assert first.state == end
    assert f"the engine root was not taken: the run is {end}, with its evidence at {now}" in first.message
    for innocent in (now, f"{now}/../now", None):
        again = lab.runner().submit(request(engine_run_root=innocent))
        assert (again.state, "engine root" in again.message) == (end, False)
    assert lab.truth() == before


def test_a_settled_run_with_its_first_root_reads_its_record_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lab.world(small_world())
    lab.runner().submit(request(engine_run_root=root))
    keys: list[str] = []
    read = type(lab.store).read

    def told(store: Any, key: str) -> Any:
        keys.append(key)
        return read(store, key)

    monkeypatch.setattr(type(lab.store), "read", told)
    again = lab.runner().submit(request(engine_run_root=root))
    assert (again.state, again.message) == (RunState.READY, "")
    assert sum("run_record" in key for key in keys) == 1
