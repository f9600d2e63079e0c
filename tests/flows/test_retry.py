"""sr retry: the same request under the next free key, one run for each failure, however often it is asked for."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_ports import BadInput, Fault, NotFound, ReasonCode
from tests.kit import Lab, request
from tests.worlds import FLAG, flag, small_world

RUN = run_id_for("key")
NOW = {"evidence_wait_seconds": 0}
LATE = f"gates/gate.b/{FLAG}"


def of(key: str) -> str:
    return run_id_for(key)


@pytest.fixture
def failed(lab: Lab) -> Lab:
    """A run that failed for want of its engine root; what it needs has come since."""
    return fail(lab)


def fail(lab: Lab, key: str = "key", **changes: Any) -> Lab:
    files = small_world()
    del files[LATE]
    name = "engine" if key == "key" else of(key)
    done = lab.runner(policy=NOW).submit(request(key, engine_run_root=lab.world(files, name), **changes))
    assert done.state is RunState.FAILED
    lab.world(small_world(), name)
    return lab


def retry(lab: Lab, run: str = RUN, document: Any = None, **ports: Any) -> Outcome:
    return lab.runner(policy=NOW, **ports).retry(run, document)


def test_the_same_is_asked_for_under_the_next_key_and_the_first_run_stays_as_it_was(failed: Lab) -> None:
    before = failed.store.read(f"fraud-platform/platform_20260131T134200Z/sr/run_record/{RUN}.jsonl").data
    done = retry(failed)
    assert (done.run_id, done.state, done.is_new) == (of("key.2"), RunState.READY, True)
    first, second = (failed.ledger(one).events[0].details for one in (RUN, of("key.2")))
    assert second["run_equivalence_key"] == "key.2"
    assert second["intent"] == first["intent"]
    assert failed.store.read(f"fraud-platform/platform_20260131T134200Z/sr/run_record/{RUN}.jsonl").data == before


def test_asked_for_again_it_is_the_run_that_is_ready(failed: Lab) -> None:
    done = retry(failed)
    for run in (RUN, f"fraud-platform/{done.platform_run_id}/sr/run_record/{RUN}.jsonl"):
        again = retry(failed, run)
        assert (again.run_id, again.state, again.is_new) == (done.run_id, RunState.READY, False)
    assert len(failed.published()) == 1


def test_keys_are_counted_on_the_first_one_whichever_run_is_named(lab: Lab) -> None:
    fail(lab)
    lab.world({LATE: flag("0" * 64)})
    assert retry(lab).state is RunState.QUARANTINED
    assert retry(lab, of("key.2")).run_id == of("key.3")
    lab.world(small_world())
    done = retry(lab, of("key.2"))
    assert (done.run_id, done.state) == (of("key.4"), RunState.READY)
    assert retry(lab, of("key.3")).run_id == of("key.4")


def test_somebodys_own_key_of_that_form_is_passed_over_and_counted_from(failed: Lab) -> None:
    root = failed.world(small_world())
    assert failed.runner().submit(request("key.2", seed=8, engine_run_root=root)).run_id == of("key.2")
    assert retry(failed).run_id == of("key.3")
    fail(failed, "other.2")
    assert retry(failed, of("other.2")).run_id == of("other.2.2")


def test_while_it_goes_on_it_is_the_answer(failed: Lab) -> None:
    """The first retry waits, or another worker holds it: no second one is made."""
    files = small_world()
    del files[LATE]
    root = failed.world(files, "late")
    waits = failed.runner().retry(RUN, request(engine_run_root=root))
    assert (waits.run_id, waits.state) == (of("key.2"), RunState.WAITING_EVIDENCE)
    failed.authority.acquire(of("key.2"), "another", ttl_s=60)
    failed.world(small_world(), "late")
    busy = retry(failed)
    assert (busy.run_id, busy.reason_code) == (of("key.2"), ReasonCode.LEASE_BUSY)
    failed.lapse()
    assert (retry(failed).run_id, retry(failed).state) == (of("key.2"), RunState.READY)


def test_two_at_once_make_one_run(failed: Lab) -> None:
    answers: list[Outcome] = []
    both = [threading.Thread(target=lambda: answers.append(retry(failed))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert {one.run_id for one in answers} == {of("key.2")}
    assert sum(one.is_new for one in answers) == 1


def test_a_run_that_goes_on_or_is_ready_is_not_asked_for_again(lab: Lab) -> None:
    files = small_world()
    del files[LATE]
    assert lab.reuse(files).state is RunState.WAITING_EVIDENCE
    with pytest.raises(BadInput) as waits:
        retry(lab)
    assert (waits.value.code, waits.value.remedy) == (ReasonCode.RETRY_NOT_ENDED, f"sr resume {RUN} goes on with it")
    lab.world(small_world())
    assert lab.runner().resume(RUN).state is RunState.READY
    with pytest.raises(BadInput) as ready:
        retry(lab)
    assert ready.value.code is ReasonCode.RETRY_NOT_ENDED
    assert f"supersedes: {RUN}" in ready.value.remedy
    with pytest.raises(NotFound):
        retry(lab, "0" * 32)


def test_a_request_may_name_another_root_and_nothing_else(failed: Lab) -> None:
    with pytest.raises(BadInput) as caught:
        retry(failed, document=request(seed=8))
    assert caught.value.code is ReasonCode.REQUEST_INVALID
    assert "seed" in caught.value.what
    elsewhere = failed.world(small_world(), "elsewhere")
    done = retry(failed, document=request("whatever", engine_run_root=elsewhere))
    assert (done.run_id, done.state) == (of("key.2"), RunState.READY)
    assert failed.document("run_facts_view", done.run_id)["oracle_pack_ref"]["engine_run_root"] == elsewhere


def test_a_relative_root_is_the_folder_that_it_was(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    files = small_world()
    del files[LATE]
    root = lab.world(files)
    monkeypatch.chdir(lab.root)
    assert lab.runner(policy=NOW).submit(request(engine_run_root="engine")).state is RunState.FAILED
    lab.world(small_world())
    monkeypatch.chdir("/")
    done = retry(lab)
    assert done.state is RunState.READY
    assert lab.document("run_facts_view", done.run_id)["oracle_pack_ref"]["engine_run_root"] == root


def test_a_key_that_would_be_too_long_is_refused_with_the_limit(lab: Lab) -> None:
    key = "k" * 511
    fail(lab, key)
    with pytest.raises(BadInput) as caught:
        retry(lab, of(key))
    assert "512" in caught.value.what
    short = "k" * 510
    fail(lab, short)
    assert retry(lab, of(short)).run_id == of(f"{short}.2")


def test_it_is_a_submission_and_needs_that_right(failed: Lab) -> None:
    rights = Settings(submitters=frozenset({"ann"}))
    assert failed.runner(settings=rights).retry(RUN, actor="bob").reason_code is ReasonCode.AUTH_DENIED
    assert failed.authority.find(of("key.2")).bindings == ()
    assert failed.runner(settings=rights).retry(RUN, actor="ann").state is RunState.READY


def test_the_remedy_of_a_failure_names_it(failed: Lab) -> None:
    told = failed.runner().status(RUN)
    assert told.remedy.endswith(f", then sr retry {RUN}")


def test_of_a_record_that_is_gone_it_says_so_and_names_no_way_in_a_circle(failed: Lab) -> None:
    failed.store.delete(f"fraud-platform/platform_20260131T134200Z/sr/run_record/{RUN}.jsonl")
    with pytest.raises(Fault) as gone:
        retry(failed)
    assert gone.value.code is ReasonCode.TRUTH_ROLLED_BACK
    assert failed.published() == []
