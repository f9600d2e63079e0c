"""A store that was rolled back, emptied or copied makes no second READY; one that was only moved with all it has does.

Each story with what this release noted, and with what the first one left: no identity, rows of no store, no tails.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import pytest

from sr_adapters.memory.authority import MemoryAuthority
from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_adapters.runtime.timezones import known_timezone
from sr_domain import Settings
from sr_domain.encoding.ids import run_id_for
from sr_domain.plan.request import parse_request
from sr_domain.record.layout import store_identity_key
from sr_domain.record.states import RunState
from sr_domain.runner import ScenarioRunner
from sr_ports import BadInput, Binding, Fault, ReasonCode, SrError
from tests.first_authority import FirstRelease
from tests.kit import BASE, PLATFORM, TTL_S, Lab, request
from tests.store_worlds import Place, put
from tests.worlds import FLAG, small_world

KEY = store_identity_key()
RUN = run_id_for("key")
LATE = "gates/gate.b/" + FLAG
RECORD = f"{BASE}/run_record/{RUN}.jsonl"

WRITES: dict[str, Callable[[ScenarioRunner], Any]] = {
    "submit": lambda runner: runner.submit(request()),
    "another submit": lambda runner: runner.submit(request("other")),
    "resume": lambda runner: runner.resume(RUN),
    "resume all": lambda runner: list(runner.unsettled()),
    "reemit": lambda runner: runner.reemit(RUN, "READY_ONLY"),
    "recover": lambda runner: runner.recover_artifact(RUN, f"{BASE}/run_status/{RUN}.json", reason="why not"),
    "rebuild": lambda runner: runner.rebuild_index(),
}
READS: dict[str, Callable[[ScenarioRunner], Any]] = {
    "list": lambda runner: runner.runs(),
    "status": lambda runner: runner.status(RUN),
    "facts": lambda runner: runner.facts(RUN),
    "verify": lambda runner: runner.verify(RUN),
    "audit": lambda runner: runner.audit(RUN),
    "explain": lambda runner: runner.explain(RUN),
}


def copied(lab: Lab, where: str) -> Place:
    """All that the lab's store holds, at another place."""
    copy = Place(where, getattr(lab.store, "others", None))
    for key, data in lab.truth().items():
        put(copy, key, data)
    return copy


def emptied(lab: Lab) -> None:
    for key in lab.truth():
        lab.store.delete(key)


def refused(call: Callable[[], Any]) -> ReasonCode:
    with pytest.raises(SrError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def lab(tmp_path: Any) -> Lab:
    made = Lab.memory(tmp_path)
    made.store = Place("s3://bucket/prefix")
    return made


@pytest.fixture
def ready(lab: Lab) -> Lab:
    """One READY run, and another that waits."""
    assert lab.reuse(small_world()).state is RunState.READY
    waits = small_world("waits")
    del waits[LATE]
    waiting = lab.runner().submit(request("waits", engine_run_root=lab.world(waits, "waits")))
    assert waiting.state is RunState.WAITING_EVIDENCE
    return lab


def untouched(lab: Lab, call: Callable[[], Any]) -> ReasonCode:
    """The refusal; nothing was written, bound or published for it."""
    before = (lab.truth(), lab.authority.runs(), len(lab.published()))
    code = refused(call)
    assert (lab.truth(), lab.authority.runs(), len(lab.published())) == before
    return code


# a known location with none or another identity


@pytest.mark.parametrize("write", list(WRITES))
@pytest.mark.parametrize("how", ["emptied", "without its identity", "re-identified"])
def test_whatever_writes_to_a_place_that_lost_its_store_is_told(ready: Lab, write: str, how: str) -> None:
    if how == "emptied":
        emptied(ready)
    else:
        other = json.dumps({"store_id": "f" * 32, "minted_at_utc": "2026-01-31T13:42:00Z"}).encode()
        put(ready.store, KEY, other if how == "re-identified" else None)
    if write == "submit" and how != "emptied":  # the line that the index noted stands: a duplicate writes nothing
        assert ready.runner().submit(request()).state is RunState.READY
        return
    assert untouched(ready, lambda: WRITES[write](ready.runner())) is ReasonCode.TRUTH_ROLLED_BACK


@pytest.mark.parametrize("read", list(READS))
def test_reading_goes_on(ready: Lab, read: str) -> None:
    expected = READS[read](ready.runner())
    put(ready.store, KEY, None)
    assert READS[read](ready.runner()) == expected


def test_a_restart_and_a_new_session_are_nothing_new(ready: Lab) -> None:
    for runner in (ready.runner(), ready.runner(platform=FixedPlatformRuns("platform_20260201T080000Z"))):
        for write in ("submit", "resume", "resume all", "reemit", "rebuild"):
            WRITES[write](runner)


# a record that lacks what was noted at a release


def cut(lab: Lab, events: int) -> None:
    data = lab.truth()[RECORD]
    put(lab.store, RECORD, b"".join(data.splitlines(keepends=True)[:events]))


@pytest.mark.parametrize("write", ["submit", "resume", "reemit", "recover"])
@pytest.mark.parametrize("left", [0, 1, 4, -1])
def test_an_older_record_is_not_gone_on_with(ready: Lab, write: str, left: int) -> None:
    cut(ready, left)
    if left == 0:
        put(ready.store, RECORD, None)
    code = untouched(ready, lambda: WRITES[write](ready.runner()))
    if write == "recover" and left in (1, 4):  # what stands may be what consumers were told to read
        assert code is ReasonCode.TRUTH_LOST
    else:
        assert code is ReasonCode.TRUTH_ROLLED_BACK


@pytest.mark.parametrize("write", ["submit", "resume"])
@pytest.mark.parametrize("left", [None, 1, 4])
def test_rows_of_the_first_release_tell_by_their_state(ready: Lab, write: str, left: int | None) -> None:
    ready.of_the_first_release()
    if left is None:
        put(ready.store, RECORD, None)
    else:
        cut(ready, left)
    assert refused(lambda: WRITES[write](ready.runner())) is ReasonCode.TRUTH_ROLLED_BACK
    assert len([one for one in ready.published() if one.attributes["kind"] == "READY"]) == 1


def test_a_row_of_the_first_release_without_its_record_blocks_its_key(ready: Lab) -> None:
    ready.of_the_first_release()
    emptied(ready)
    with pytest.raises(Fault, match="platform_20260131T134200Z") as caught:
        ready.runner().submit(request())
    assert caught.value.code is ReasonCode.TRUTH_ROLLED_BACK
    other = ready.runner().submit(request("other", engine_run_root=ready.world(small_world("other"), "other")))
    assert other.state is RunState.READY


@pytest.mark.parametrize("write", ["submit", "resume", "resume all", "reemit", "rebuild"])
def test_rows_of_the_first_release_find_their_store_by_their_record(ready: Lab, write: str) -> None:
    ready.of_the_first_release()
    WRITES[write](ready.runner())
    ready.runner().submit(request())
    waits = ready.runner().submit(request("waits"))
    assert waits.state is RunState.WAITING_EVIDENCE
    (identity,) = {row.store_id for row in ready.authority.runs()}
    assert identity == json.loads(ready.truth()[KEY])["store_id"]
    assert len([one for one in ready.published() if one.attributes["kind"] == "READY"]) == 1


def test_a_record_that_grew_since_is_no_older_one(ready: Lab) -> None:
    """Re-emits and successors append beside the lease, so the index was not told of them."""
    runner = ready.runner()
    runner.reemit(RUN, "READY_ONLY")
    assert runner.submit(request()).state is RunState.READY
    successor = request("next", supersedes=RUN, engine_run_root=ready.world(small_world("next"), "next"))
    assert runner.submit(successor).state is RunState.READY
    assert ready.runner().submit(request()).superseded_by


def test_a_crash_before_the_first_event_is_none_either(lab: Lab) -> None:
    class Dies(Exception):
        pass

    class Store(Place):
        def create(self, key: str, data: bytes) -> Any:
            if key == RECORD:
                raise Dies
            return super().create(key, data)

    root, healthy = lab.world(small_world()), lab.store
    lab.store = Store("s3://bucket/prefix")
    with pytest.raises(Dies):
        lab.runner().submit(request(engine_run_root=root))
    for key, data in lab.truth().items():
        put(healthy, key, data)
    lab.store = healthy
    lab.lapse()
    assert lab.runner().submit(request(engine_run_root=root)).state is RunState.READY


class Restored(Place):
    """A store that is restored from an older backup right before an append: `keep` lines of the record are left."""

    def __init__(self, before: int, keep: int) -> None:
        super().__init__("s3://bucket/prefix")
        self.before, self.keep, self.lost = before, keep, b""

    def replace(self, key: str, data: bytes, *, etag: str) -> Any:
        if key == RECORD:
            self.before -= 1
            if self.before == 0:
                whole = self.read(RECORD)
                assert whole is not None
                self.lost = whole.data
                left = b"".join(self.lost.splitlines(keepends=True)[: self.keep])
                put(self, RECORD, left or None)
        return super().replace(key, data, etag=etag)


@pytest.mark.parametrize(
    ("before", "keep"), [*((1, n) for n in range(5)), *((2, n) for n in range(6)), *((3, n) for n in range(9))]
)
def test_a_record_that_loses_events_under_its_worker_is_told_and_the_index_keeps_what_it_had(
    lab: Lab, before: int, keep: int
) -> None:
    store = lab.store = Restored(before, keep)
    asked = request(engine_run_root=lab.world(small_world()))
    assert refused(lambda: lab.runner().submit(asked)) is ReasonCode.TRUTH_ROLLED_BACK
    heard = lab.published()
    lost = store.lost.splitlines()
    (row,) = lab.authority.runs()
    assert row.tail is not None
    assert (row.tail.seq, row.tail.event_id) == (len(lost) - 1, json.loads(lost[-1])["event_id"])
    for write in ("submit", "resume"):
        assert untouched(lab, lambda write=write: WRITES[write](lab.runner())) is ReasonCode.TRUTH_ROLLED_BACK  # type: ignore[misc]
    put(store, RECORD, store.lost)
    assert lab.runner().submit(asked).state is RunState.READY
    assert {one.message_id for one in lab.published()} == {one.message_id for one in heard or lab.published()}
    assert lab.runner().audit(RUN).findings == ()


@pytest.mark.parametrize(("before", "keep"), [(1, 5), (2, 6), (3, 9), (4, 0)])
def test_one_that_loses_nothing_goes_on(lab: Lab, before: int, keep: int) -> None:
    lab.store = Restored(before, keep)
    assert lab.reuse(small_world()).state is RunState.READY


def test_a_settled_run_without_its_record_is_named_as_lost(ready: Lab) -> None:
    runner = ready.runner()
    assert list(runner.lost()) == []
    put(ready.store, RECORD, None)
    assert list(runner.lost()) == [RUN]
    assert refused(lambda: runner.resume(RUN)) is ReasonCode.TRUTH_ROLLED_BACK
    runner.recover_run(RUN, reason="deleted by hand")
    assert list(runner.lost()) == []


def test_a_record_that_only_tells_of_who_was_refused_since_hides_no_loss(ready: Lab) -> None:
    put(ready.store, RECORD, None)
    settings = Settings(lease_ttl_s=TTL_S, submitters=frozenset({"ops"}), recoverers=frozenset({"ops"}))
    runner = ready.runner(settings=settings)
    assert runner.recover_run(RUN, reason="why not", actor="mallory").reason_code is ReasonCode.AUTH_DENIED
    assert runner.submit(request(), actor="mallory").reason_code is ReasonCode.AUTH_DENIED
    assert set(ready.kinds(RUN)) == {"AUTH_DENIED"}
    assert list(runner.lost()) == [RUN]
    assert refused(lambda: runner.status(RUN)) is ReasonCode.TRUTH_ROLLED_BACK
    done = runner.recover_run(RUN, reason="deleted by hand", actor="ops")
    assert (done.state, done.reason_code) == (RunState.FAILED, ReasonCode.TRUTH_LOST)
    assert runner.audit(RUN).findings == ()


def test_a_record_that_was_cut_to_its_first_line_is_named_as_lost(ready: Lab) -> None:
    cut(ready, 1)
    assert list(ready.runner().lost()) == [RUN]


def test_one_that_the_first_release_noted_may_be_another_stores(ready: Lab) -> None:
    ready.of_the_first_release()
    put(ready.store, RECORD, None)
    assert list(ready.runner().lost()) == []
    assert refused(lambda: ready.runner().status(RUN)) is ReasonCode.TRUTH_ROLLED_BACK


# copies


@pytest.mark.parametrize("write", ["another submit", "resume", "resume all", "reemit", "rebuild"])
def test_a_copy_is_not_written_to(ready: Lab, write: str) -> None:
    original, ready.store = ready.store, copied(ready, "s3://copy/prefix")
    assert untouched(ready, lambda: WRITES[write](ready.runner())) is ReasonCode.STORE_COPIED
    ready.store = original
    WRITES["resume all"](ready.runner())


@pytest.mark.parametrize("where", ["s3+https://other.example:9000/bucket/prefix", "s3+http://127.0.0.1/bucket/prefix"])
def test_the_bucket_by_another_name_emptied_is_rolled_back(ready: Lab, where: str) -> None:
    ready.store = Place(where)
    assert untouched(ready, lambda: WRITES["another submit"](ready.runner())) is ReasonCode.TRUTH_ROLLED_BACK
    ready.store = Place("s3://bucket/another")
    other = ready.runner().submit(request("other", engine_run_root=ready.world(small_world("other"), "other")))
    assert other.state is RunState.READY


# two stores on one authority


def test_two_teams_have_keys_of_their_own(ready: Lab) -> None:
    theirs = attrs.evolve(ready, store=Place("s3://theirs/prefix"))
    asked: dict[str, Any] = {"output_ids": ["world"]}
    outcome = theirs.runner().submit(request(engine_run_root=theirs.world(small_world(), "theirs"), **asked))
    assert (outcome.state, outcome.is_new, outcome.run_id) == (RunState.READY, True, RUN)
    assert ready.runner().submit(request()).is_new is False
    assert theirs.runner().submit(request(**asked)).is_new is False
    assert len({one.attributes["store_id"] for one in ready.published()}) == 2
    for lab, outputs in ((ready, 3), (theirs, 1)):
        assert len({one["output_id"] for one in lab.runner().facts(RUN)["locators"]}) == outputs
    assert ready.runner().submit(request(**asked)).reason_code is ReasonCode.EQUIVALENCE_COLLISION
    assert theirs.runner().submit(request()).reason_code is ReasonCode.EQUIVALENCE_COLLISION
    assert [row["run_id"] for row in theirs.runner().runs()] == [RUN]
    third = attrs.evolve(ready, store=Place("s3://third/prefix"))
    with pytest.raises(BadInput, match="several stores") as caught:
        third.runner().status(RUN)
    assert caught.value.code is ReasonCode.USAGE


# authorities


def test_a_lost_authority_takes_in_every_record_before_it_admits(ready: Lab) -> None:
    ready.authority = MemoryAuthority(ready.clock.now)
    later = ready.runner(platform=FixedPlatformRuns("platform_20260201T080000Z"))
    again = later.submit(request())
    assert (again.state, again.is_new, again.platform_run_id) == (RunState.READY, False, "platform_20260131T134200Z")
    assert {row.run_id for row in ready.authority.runs()} == {RUN, run_id_for("waits")}
    assert later.submit(request(seed=8)).reason_code is ReasonCode.EQUIVALENCE_COLLISION
    assert len([one for one in ready.published() if one.attributes["kind"] == "READY"]) == 1


# decisions


def notes(lab: Lab) -> list[Any]:
    return [json.loads(data) for key, data in lab.truth().items() if "/_store_notes/" in key]


def test_a_store_that_was_moved_keeps_its_identity(ready: Lab) -> None:
    original, ready.store = ready.store, copied(ready, "s3://new-home/prefix")
    decide = {"reason": "the bucket was migrated"}
    assert untouched(ready, lambda: ready.runner().recover_store("moved", **decide)) is ReasonCode.STORE_COPIED
    put(original, KEY, None)
    decided = ready.runner().recover_store("moved", **decide)
    assert (decided.location, decided.retired) == ("s3://new-home/prefix", ("s3://bucket/prefix",))
    (note,) = notes(ready)
    assert (note["reason"], note["actor"], note["former_locations"]) == (
        "the bucket was migrated",
        "local",
        ["s3://bucket/prefix"],
    )
    assert ready.runner().recover_store("moved", **decide).retired == ()
    assert ready.runner().submit(request()).is_new is False
    assert ready.runner().resume(RUN).state is RunState.READY


def test_a_copy_gets_an_identity_and_keys_of_its_own(ready: Lab) -> None:
    former = json.loads(ready.truth()[KEY])["store_id"]
    ready.store = copied(ready, "s3://copy/prefix")
    decided = ready.runner().recover_store("copy", reason="a rehearsal", actor="ops")
    assert decided.former_store_id == former != decided.store_id
    (note,) = notes(ready)
    assert note["store_id"] == former
    assert (note["reason"], note["actor"], note["successor_store_id"]) == ("a rehearsal", "ops", decided.store_id)
    assert ready.runner().submit(request()).is_new is False
    WRITES["resume all"](ready.runner())


@pytest.mark.parametrize("first", [False, True], ids=["this release", "the first release"])
def test_an_emptied_place_begins_anew_once_that_was_decided(ready: Lab, first: bool) -> None:
    if first:
        ready.of_the_first_release()
    emptied(ready)
    asked = request(engine_run_root=ready.world(small_world()))
    assert refused(lambda: ready.runner().submit(asked)) is ReasonCode.TRUTH_ROLLED_BACK
    ready.runner().recover_store("new", reason="the bucket was lost")
    assert ready.runner().submit(asked).state is RunState.READY
    stores = [one.attributes["store_id"] for one in ready.published() if one.attributes["kind"] == "READY"]
    assert len(stores) == len(set(stores)) == 2


def test_only_an_allowed_actor_decides_and_for_a_reason(ready: Lab) -> None:
    settings = Settings(lease_ttl_s=TTL_S, submitters=frozenset({"ops"}), recoverers=frozenset({"ops"}))
    runner = ready.runner(settings=settings)
    for what, reason, actor, code in (
        ("copy", "why", "mallory", ReasonCode.AUTH_DENIED),
        ("copy", " ", "ops", ReasonCode.USAGE),
        ("lost", "why", "ops", ReasonCode.USAGE),
    ):
        assert untouched(ready, partial(runner.recover_store, what, reason=reason, actor=actor)) is code


# files: a folder that holds both is itself wherever it is


def test_files_that_are_renamed_or_copied_with_their_authority_are_themselves(tmp_path: Any) -> None:
    from sr_adapters.file.store import FileObjectStore
    from sr_adapters.sqlite.authority import SqliteAuthority

    lab = Lab.memory(tmp_path)

    def at(name: str) -> Lab:
        root = tmp_path / name
        authority = SqliteAuthority(str(root / "index" / "authority.db"), runtime_root=str(root))
        return attrs.evolve(lab, store=FileObjectStore(str(root)), authority=authority)

    first = at("runs")
    asked = request(engine_run_root=first.world(small_world()))
    assert first.runner().submit(asked).state is RunState.READY
    first.authority.close()
    (tmp_path / "runs").rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "copy")
    for name in ("moved", "copy"):
        one = at(name)
        assert one.runner().submit(asked).is_new is False
        assert one.runner().reemit(RUN, "READY_ONLY").reason_code is None
        one.authority.close()
    shutil.rmtree(tmp_path / "copy" / "fraud-platform")
    gone = at("copy")
    assert refused(lambda: gone.runner().submit(asked)) is ReasonCode.TRUTH_ROLLED_BACK
    gone.authority.close()


# a rolling upgrade: a worker of the first release is still at it


def test_an_older_worker_beside_a_newer_one_is_told_and_its_run_is_taken_over(tmp_path: Any) -> None:
    lab = Lab.files(tmp_path)
    root = lab.world(small_world())
    asked = parse_request(request(engine_run_root=root), known_timezone)
    binding = Binding("key", RUN, asked.fingerprint, asked.canonical(), PLATFORM)
    put(lab.store, f"{BASE}/run_record/{'f' * 32}.jsonl", b"")  # other truth of the platform run
    older = FirstRelease(tmp_path / "truth" / "authority.db")
    assert older.admit(binding) == RUN
    older.acquire(RUN, "older", 3600.0)
    busy = lab.runner().submit(request(engine_run_root=root))
    assert (busy.reason_code, busy.run_id) == (ReasonCode.LEASE_BUSY, RUN)
    for call in (
        partial(older.renew, RUN, "older", 1, 60.0),
        partial(older.admit, attrs.evolve(binding, run_id="e" * 32)),
    ):
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            call()
    with lab.authority._database.writing() as link:
        link.execute("UPDATE store_lease SET expires_ms = 1")  # as when its time has run out
    assert lab.runner().submit(request(engine_run_root=root)).state is RunState.READY
    assert lab.ledger(RUN).fence == 2
    assert [row.run_id for row in lab.authority.runs()] == [RUN]
    older.close()
    lab.authority.close()
