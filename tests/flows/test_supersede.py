"""One successor: of several that would be it, exactly one is READY, whatever the order or the crash."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sr_domain.encoding.contracts import problem
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.run.ports import Settings
from sr_ports import ReasonCode, Stored, Unreachable
from tests.kit import BASE, Lab, request
from tests.worlds import FLAG, small_world

OLD = run_id_for("old")
LATE = "gates/gate.b/" + FLAG


@pytest.fixture
def old(lab: Lab) -> Lab:
    """A READY run, and two requests that would supersede it and wait for the same file."""
    assert lab.reuse(small_world(), run_equivalence_key="old").state is RunState.READY
    files = small_world()
    del files[LATE]
    root = lab.world(files, "later")
    for key in ("one", "two"):
        assert submit(lab, key, root).state is RunState.WAITING_EVIDENCE
    lab.world({LATE: small_world()[LATE]}, "later")
    return lab


def submit(lab: Lab, key: str, root: str, **ports: Any) -> Outcome:
    return lab.runner(**ports).submit(request(key, engine_run_root=root, supersedes=OLD))


@pytest.mark.parametrize("order", list(itertools.permutations(["one", "two"])))
def test_of_two_that_waited_the_first_to_be_complete_is_the_successor(old: Lab, order: tuple[str, str]) -> None:
    first, second = (old.runner().resume(run_id_for(key)) for key in order)
    assert first.state is RunState.READY
    assert (second.state, second.reason_code) == (RunState.FAILED, ReasonCode.SUPERSEDES_TAKEN)
    assert first.run_id in second.message
    told = [one for one in old.published() if one.attributes["kind"] == "RUN_SUPERSEDED"]
    assert [one.attributes["superseded_by"] for one in told] == [first.run_id]
    assert old.runner().status(OLD).superseded_by == (first.run_id,)
    assert not any(old.runner().audit(run_id).findings for run_id in old.runner().recorded_runs())


class Stops:
    """A store that loses its connection for good when a run is to be decided."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace(self, key: str, data: bytes, *, etag: str) -> Stored | None:
        if b'"EVIDENCE_COMPLETE"' in data and OLD not in key:
            raise Unreachable(ReasonCode.STORE_UNREACHABLE, "the store is away")
        made: Stored | None = self._store.replace(key, data, etag=etag)
        return made


def test_a_claim_stands_through_a_crash_and_falls_with_its_run(old: Lab) -> None:
    one, two = run_id_for("one"), run_id_for("two")
    with pytest.raises(Unreachable):
        old.runner(store=Stops(old.store)).resume(one)
    assert "SUPERSEDE_CLAIMED" in old.kinds(OLD)
    old.lapse()
    refused = submit(old, "three", str(old.root / "later"))
    assert refused.reason_code is ReasonCode.SUPERSEDES_TAKEN
    old.world({"gates/gate.a/report.json": b"altered"}, "later")
    spoilt = old.runner().resume(one)
    assert spoilt.state in (RunState.FAILED, RunState.QUARANTINED)
    old.world(small_world(), "later")
    assert old.runner().resume(two).state is RunState.READY
    assert old.runner().status(OLD).superseded_by == (two,)


def test_embedders_are_told_that_a_run_was_superseded(old: Lab) -> None:
    one, runner = run_id_for("one"), old.runner()
    assert runner.verify(OLD).ok
    assert runner.resume(one).state is RunState.READY
    told = runner.verify(OLD)
    assert ([finding.code for finding in told.findings], told.superseded_by) == ([ReasonCode.SUPERSEDED], (one,))
    assert runner.verify(OLD, allow_superseded=True).ok
    assert [row.get("superseded_by") for row in runner.runs() if row["run_id"] == OLD] == [one]
    assert runner.resume(OLD).superseded_by == (one,)
    assert runner.explain(OLD).newest_run_id == one
    before = len(old.published())
    assert runner.reemit(OLD).reason_code is ReasonCode.REEMIT_SUPERSEDED
    assert len(old.published()) == before
    assert runner.reemit(OLD, superseded=True).reason_code is None
    assert old.published()[-1].attributes["superseded_by"] == one


@pytest.mark.parametrize(
    ("rights", "actor", "may"),
    [
        ({"submitters": {"ann"}, "superseders": {"bob"}}, "bob", True),
        ({"submitters": {"ann"}, "superseders": {"bob"}}, "ann", False),
        ({"submitters": {"ann"}}, "ann", True),
        ({"submitters": {"ann"}}, "bob", False),
        ({"superseders": {"role:leads"}}, "role:leads", False),
        ({"superseders": set()}, "ann", False),
    ],
    ids=str,
)
def test_superseding_is_a_right_of_its_own(lab: Lab, rights: dict[str, set[str]], actor: str, may: bool) -> None:
    assert lab.reuse(small_world(), run_equivalence_key="old").state is RunState.READY
    guarded = Settings(**{name: frozenset(actors) for name, actors in rights.items()})  # type: ignore[arg-type]
    wanted = request("new", engine_run_root=str(lab.root / "engine"), supersedes=OLD)
    answer = lab.runner(settings=guarded).submit(wanted, actor=actor)
    assert (answer.reason_code is None) is may
    if not may:
        assert answer.reason_code is ReasonCode.AUTH_DENIED
        (denial,) = lab.runner().record(run_id_for("new"))
        assert (denial.event_kind, denial.details["action"]) == ("AUTH_DENIED", "supersede")
        assert lab.authority.find(run_id_for("new")).bindings == ()
        assert lab.runner().status(OLD).superseded_by == ()


def test_who_may_supersede_may_not_submit_for_that(lab: Lab) -> None:
    guarded = Settings(submitters=frozenset({"ann"}), superseders=frozenset({"bob"}))
    plain = request(engine_run_root=lab.world(small_world()))
    assert lab.runner(settings=guarded).submit(plain, actor="bob").reason_code is ReasonCode.AUTH_DENIED
    assert lab.runner(settings=guarded).submit(plain, actor="ann").state is RunState.READY


@pytest.mark.parametrize(("limit", "done"), [(None, 7), (0, 0), (2, 2)])
def test_a_rate_limit_may_be_left_away(lab: Lab, limit: int | None, done: int) -> None:
    assert lab.reuse(small_world(), run_equivalence_key="old").state is RunState.READY
    runner = lab.runner(settings=Settings(reemit_max=limit))
    codes = [runner.reemit(OLD).reason_code for _ in range(7)]
    assert codes == [None] * done + [ReasonCode.REEMIT_RATE_LIMIT] * (7 - done)


SECRET = "correction of the customers; db at postgres://sr:hunter2@db/x"


def superseding(lab: Lab, **changes: Any) -> dict[str, Any]:
    """The fact that the bus was told, of a run with this request that superseded another."""
    assert lab.reuse(small_world(), run_equivalence_key="old").state is RunState.READY
    wanted = request("new", engine_run_root=str(lab.root / "engine"), supersedes=OLD, **changes)
    assert lab.runner().submit(wanted).state is RunState.READY
    (told,) = [one for one in lab.published() if one.attributes["kind"] == "RUN_SUPERSEDED"]
    return dict(told.payload)


def test_the_fact_names_the_successors_view_and_hash_and_fits_its_contract(lab: Lab) -> None:
    told, new = superseding(lab), run_id_for("new")
    view, decided = lab.document("run_facts_view", new), lab.ledger(new).first("EVIDENCE_COMPLETE")
    assert decided is not None
    assert told == {
        "run_id": OLD,
        "superseded_by": new,
        "facts_view_ref": f"{BASE}/run_facts_view/{new}.json",
        "bundle_hash": view["bundle_hash"],
        "emitted_at_utc": decided.ts_utc,
    }
    assert problem("run_superseded", told) is None


def test_its_reason_is_the_requests_notes_without_secrets(lab: Lab) -> None:
    told = superseding(lab, notes=SECRET)
    assert told["reason"] == SECRET.replace("hunter2", "***")
    assert not any(b"hunter2" in data for data in lab.truth().values())
    assert "hunter2" not in str(lab.authority.find(run_id_for("new")))


@pytest.mark.parametrize(("notes", "reason"), [("why", "why"), ("x" * 600, "x" * 512), ("token=a " * 512, None)])
def test_a_reason_is_short_and_notes_stay_within_their_contract(lab: Lab, notes: str, reason: str | None) -> None:
    told = superseding(lab, notes=notes)
    assert told["reason"] == reason if reason else len(told["reason"]) == 512
    assert lab.runner().resume(run_id_for("new")).state is RunState.READY
    assert problem("run_superseded", told) is None


def test_a_superseding_that_is_published_later_says_the_same(lab: Lab) -> None:
    class Away:
        def publish(self, envelope: object) -> None:
            raise Unreachable(ReasonCode.BUS_UNREACHABLE, "away")

    at_once = superseding(Lab.memory(lab.root), notes="why")
    assert lab.reuse(small_world(), run_equivalence_key="old").state is RunState.READY
    wanted = request("new", engine_run_root=str(lab.root / "engine"), supersedes=OLD, notes="why")
    lab.runner(bus=Away()).submit(wanted)
    lab.clock.sleep(86_400)
    assert lab.runner().resume(run_id_for("new")).state is RunState.READY
    (told,) = [one for one in lab.published() if one.attributes["kind"] == "RUN_SUPERSEDED"]
    assert told.payload == at_once
    assert told.published_at_utc > told.payload["emitted_at_utc"]
