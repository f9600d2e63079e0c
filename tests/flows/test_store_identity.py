"""A store has one identity for ever: minted by the first command that writes, and by no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.store import FileObjectStore
from sr_adapters.memory.store import MemoryObjectStore
from sr_adapters.runtime.ids import RandomIds
from sr_domain.encoding.ids import run_id_for
from sr_domain.encoding.times import format_instant
from sr_domain.record.layout import store_identity_key
from sr_domain.record.states import RunState
from sr_domain.run.ports import Ports
from sr_domain.run.store_identity import KnownStore, StoreIdentity, identify, read_identity
from sr_domain.runner import ScenarioRunner
from sr_ports import BadInput, Fault, ReasonCode, SrError, Unreachable
from sr_ports.conformance.crash import CrashPlan, Mode, crash, every_crash
from sr_ports.conformance.together import together
from tests.adapters.processes import finish, start
from tests.kit import START, Lab, request
from tests.worlds import FLAG, small_world

KEY = "fraud-platform/_store.json"
RUN = run_id_for("key")
LATE = "gates/gate.b/" + FLAG


def ports(lab: Lab, **changes: Any) -> Ports:
    return lab.runner(**changes).ports


def test_the_first_submit_mints_it_by_the_runtimes_ids_and_clock(any_lab: Lab) -> None:
    any_lab.reuse(small_world())
    document = json.loads(any_lab.store.read(KEY).data)
    assert sorted(document) == ["minted_at_utc", "store_id"]
    assert document["minted_at_utc"] == format_instant(START)
    assert len(document["store_id"]) == 32
    (ready,) = any_lab.published()
    assert ready.attributes["store_id"] == document["store_id"]
    assert store_identity_key() == KEY


def test_it_stays_the_same_whoever_writes_later(any_lab: Lab) -> None:
    any_lab.reuse(small_world())
    before = any_lab.store.read(KEY)
    any_lab.clock.sleep(1000)
    runner = any_lab.runner(ids=RandomIds())
    runner.submit(request("new", engine_run_root=any_lab.world(small_world("new"), "new")))
    runner.reemit(RUN, "READY_ONLY")
    assert any_lab.store.read(KEY) == before
    assert len({one.attributes["store_id"] for one in any_lab.published()}) == 1


READS: dict[str, Callable[[ScenarioRunner], Any]] = {
    "plan": lambda runner: runner.plan(request()),
    "list": lambda runner: runner.runs(),
    "unsettled": lambda runner: list(runner.unsettled()),
    "quarantined": lambda runner: runner.quarantined(),
    "tail": lambda runner: list(runner.tail()),
    "status": lambda runner: runner.status(RUN),
    "record": lambda runner: runner.record(RUN),
    "facts": lambda runner: runner.facts(RUN),
    "explain": lambda runner: runner.explain(RUN),
    "audit": lambda runner: runner.audit(RUN),
    "verify": lambda runner: runner.verify(RUN),
    "dry run": lambda runner: runner.reemit(RUN, "READY_ONLY", dry_run=True),
}


@pytest.mark.parametrize("read", list(READS))
@pytest.mark.parametrize("there", [False, True], ids=["no run", "a run of an earlier release"])
def test_no_reading_command_and_no_dry_run_mints_it(lab: Lab, read: str, there: bool) -> None:
    if there:
        lab.reuse(small_world())
        lab.of_the_first_release()
    try:
        READS[read](lab.runner())
    except SrError:
        assert not there
    assert lab.store.read(KEY) is None


REFUSED: dict[str, dict[str, Any]] = {
    "a bad request": {"seed": "seven"},
    "another intent": {"seed": 8},
    "a run that is not there": {"run_equivalence_key": "other", "supersedes": "f" * 32},
}


@pytest.mark.parametrize("refused", list(REFUSED))
def test_no_refused_admission_mints_it(lab: Lab, refused: str) -> None:
    lab.reuse(small_world())
    lab.of_the_first_release()
    try:
        outcome = lab.runner().submit(request(**REFUSED[refused]))
        assert outcome.state is None
    except BadInput as error:
        assert error.code is ReasonCode.REQUEST_INVALID
    assert lab.store.read(KEY) is None


def test_no_denied_actor_mints_it(lab: Lab) -> None:
    runner = lab.runner(settings=attrs.evolve(lab.runner().settings, submitters=frozenset({"who may"})))
    assert runner.submit(request(), actor="mallory").reason_code is ReasonCode.AUTH_DENIED
    assert lab.store.read(KEY) is None
    assert runner.submit(request(engine_run_root=lab.world(small_world())), actor="who may").state is RunState.READY
    assert lab.store.read(KEY) is not None


def test_a_duplicate_of_a_settled_run_neither_mints_nor_asks(lab: Lab) -> None:
    lab.reuse(small_world())
    lab.store.delete(KEY)
    plan = CrashPlan()
    outcome = lab.runner(**crash({"store": lab.store}, plan)).submit(request())
    assert (outcome.state, outcome.is_new) == (RunState.READY, False)
    assert KEY not in {call.key for call in plan.trace}


@pytest.mark.parametrize("how", ["resume", "reemit", "submit"])
def test_whatever_writes_to_a_store_of_an_earlier_release_mints_it(lab: Lab, how: str) -> None:
    files = small_world()
    if how != "reemit":
        del files[LATE]
    root = lab.world(files)
    lab.runner().submit(request(engine_run_root=root))
    lab.of_the_first_release()
    lab.world({LATE: small_world()[LATE]})
    runner = lab.runner()
    works: dict[str, Callable[[], Any]] = {
        "resume": lambda: runner.resume(RUN),
        "reemit": lambda: runner.reemit(RUN, "READY_ONLY"),
        "submit": lambda: runner.submit(request()),
    }
    works[how]()
    assert runner.status(RUN).state is RunState.READY
    identity = read_identity(runner.ports)
    assert identity is not None
    assert lab.published()[-1].attributes["store_id"] == identity.store_id


def test_a_runner_reads_it_once_and_before_it_binds_a_key(lab: Lab) -> None:
    plan = CrashPlan()
    runner = lab.runner(**crash({"store": lab.store}, plan))
    for key in ("key", "one", "two"):
        runner.submit(request(key, engine_run_root=lab.world(small_world(key), key)))
    runner.reemit(RUN, "READY_ONLY")
    assert [call.method for call in plan.trace if call.key == KEY] == ["read", "create", "read", "read"]
    later = CrashPlan()
    runner = lab.runner(**crash({"store": lab.store}, later))
    runner.reemit(RUN, "READY_ONLY")
    for _ in range(3):
        runner.submit(request("one"))
    assert [call.method for call in later.trace if call.key == KEY] == ["read"]


BAD = [
    b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"store_id": "x", "minted_at_utc": "2026-01-31T13:42:00Z"}',
    b'{"store_id": "%s"}' % (b"a" * 32), b'{"store_id": "%s", "minted_at_utc": "yesterday"}' % (b"a" * 32),
    b'{"store_id": "%s", "store_id": "%s", "minted_at_utc": "2026-01-31T13:42:00Z"}' % (b"a" * 32, b"b" * 32),
    b'{"store_id": "%s", "minted_at_utc": "2026-01-31T13:42:00Z", "more": 1}' % (b"a" * 32),
]  # fmt: skip


@pytest.mark.parametrize("data", BAD, ids=lambda data: repr(data[:20]))
def test_what_is_no_identity_is_altered_truth_and_binds_nothing(lab: Lab, data: bytes) -> None:
    assert lab.store.create(KEY, data) is not None
    runner = lab.runner()
    with pytest.raises(Fault) as caught:
        runner.submit(request(engine_run_root=lab.world(small_world())))
    assert caught.value.code is ReasonCode.TRUTH_ALTERED
    assert KEY in caught.value.what
    assert list(runner.runs()) == []
    assert [one.key for one in lab.store.list("")] == [KEY]
    assert lab.store.read(KEY).data == data


def test_an_identity_that_stands_is_taken_as_it_is_written(lab: Lab) -> None:
    standing = {"store_id": "a" * 32, "minted_at_utc": "2026-01-31T13:42:00Z"}
    lab.store.create(KEY, json.dumps(standing, indent=2).encode())
    lab.reuse(small_world())
    assert lab.published()[0].attributes["store_id"] == "a" * 32


def test_a_damaged_identity_stops_no_reader(lab: Lab) -> None:
    lab.reuse(small_world())
    lab.store.replace(KEY, b"{", etag=lab.store.read(KEY).etag)
    runner = lab.runner()
    assert runner.status(RUN).state is RunState.READY
    assert runner.verify(RUN).ok
    with pytest.raises(Fault, match=r"_store\.json"):
        runner.reemit(RUN, "READY_ONLY")


# races


def test_of_many_threads_that_mint_at_once_one_identity_stands(tmp_path: Path) -> None:
    memory = MemoryObjectStore()
    stores: list[Callable[[], Any]] = [lambda: MemoryObjectStore(memory), lambda: FileObjectStore(str(tmp_path))]
    for number, opened in enumerate(stores):
        lab = Lab.memory(tmp_path)
        made: list[Callable[[], StoreIdentity]] = [
            KnownStore(ports(lab, store=opened(), ids=RandomIds())).identity for _ in range(16)
        ]
        found = together(made)
        assert len(set(found)) == 1, number
        assert read_identity(ports(lab, store=opened())) == found[0]


def test_of_two_threads_that_submit_at_once_one_identity_stands(any_lab: Lab) -> None:
    roots = {key: any_lab.world(small_world(key), key) for key in ("one", "two")}
    runners = {key: any_lab.runner(ids=RandomIds()) for key in roots}
    together([lambda key=key: runners[key].submit(request(key, engine_run_root=roots[key])) for key in roots])  # type: ignore[misc]
    facts = any_lab.published()
    assert len(facts) == 2
    assert len({one.attributes["store_id"] for one in facts}) == 1


def test_of_many_processes_that_mint_at_once_one_identity_stands(tmp_path: Path) -> None:
    said = finish([start("identify", tmp_path / "store") for _ in range(6)])
    assert len(set(said)) == 1
    document = json.loads((tmp_path / "store" / KEY).read_bytes())
    assert said[0].decode().strip() == document["store_id"]


# crashes


def test_whatever_cuts_the_minting_the_next_one_finds_or_makes_it(tmp_path: Path) -> None:
    counted = CrashPlan()
    identify(ports(Lab.memory(tmp_path), **crash({"store": MemoryObjectStore()}, counted)))
    for plan in every_crash(counted.calls):
        lab = Lab.memory(tmp_path)
        with pytest.raises(BaseException):  # noqa: B017 - a death is no Exception
            identify(ports(lab, **crash({"store": lab.store}, plan)))
        standing = lab.store.read(KEY)
        assert (standing is not None) == (plan.at == counted.calls - 1 and plan.mode in (Mode.AFTER, Mode.LOST_DONE))
        found = identify(ports(lab))
        assert json.loads(lab.store.read(KEY).data)["store_id"] == found.store_id
        assert standing is None or lab.store.read(KEY) == standing


def test_a_submit_that_was_cut_between_minting_and_binding_is_begun_again(lab: Lab) -> None:
    plan = CrashPlan()
    root = lab.world(small_world())
    rehearsal = Lab.memory(lab.root)
    names = ("store", "authority", "bus")
    rehearsal.runner(**crash({name: getattr(rehearsal, name) for name in names}, plan)).submit(
        request(engine_run_root=root)
    )
    (minted,) = [call.index for call in plan.trace if (call.method, call.key) == ("create", KEY)]
    assert [call.method for call in plan.trace[minted + 1 : minted + 4]] == ["folders", "serve", "admit"]
    with pytest.raises(BaseException):  # noqa: B017
        lab.runner(**crash({name: getattr(lab, name) for name in names}, CrashPlan(minted, Mode.AFTER))).submit(
            request(engine_run_root=root)
        )
    assert [one.key for one in lab.store.list("")] == [KEY]
    assert list(lab.runner().runs()) == []
    standing = lab.store.read(KEY)
    assert lab.reuse(small_world()).state is RunState.READY
    assert lab.store.read(KEY) == standing


# stores that cannot be named


class Nameless(MemoryObjectStore):
    """Its location carries a password."""

    def location(self) -> str:
        return "s3://user:secret@bucket/prefix"


def test_a_store_whose_location_carries_a_secret_admits_nothing_and_is_not_quoted(lab: Lab) -> None:
    store = Nameless()
    with pytest.raises(BadInput) as caught:
        lab.runner(store=store).submit(request(engine_run_root=lab.world(small_world())))
    assert "secret" not in str(caught.value)
    assert list(store.list("")) == []
    assert list(lab.runner().runs()) == []


def test_a_store_that_cannot_be_asked_who_it_is_admits_nothing(lab: Lab) -> None:
    class Away(MemoryObjectStore):
        def read(self, key: str) -> Any:
            if key == KEY:
                raise Unreachable(ReasonCode.STORE_UNREACHABLE, "away")
            return super().read(key)

    with pytest.raises(Unreachable):
        lab.runner(store=Away(lab.store)).submit(request(engine_run_root=lab.world(small_world())))
    assert list(lab.runner().runs()) == []
    assert lab.reuse(small_world()).state is RunState.READY
