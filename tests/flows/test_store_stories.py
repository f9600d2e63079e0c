"""What may happen to a store or its authority, told in every world: no second READY comes of it, and it has a way on.

Each story with the rows that this release notes, and with those that the first one left: no identity of the store, no
places, no tails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.runtime.platform import FixedPlatformRuns
from sr_domain.encoding.ids import run_id_for
from sr_domain.record.states import RunState
from sr_domain.run.outcome import Outcome
from sr_domain.runner import ScenarioRunner
from sr_ports import ReasonCode, SrError
from sr_ports.conformance.together import together
from tests.kit import BASE, PLATFORM, Lab, request
from tests.store_worlds import EVERY, KEY, WORLDS, Servers, StoreWorld, put
from tests.worlds import FLAG, small_world

RUN, WAITS = run_id_for("key"), run_id_for("waits")
RECORD = f"{BASE}/run_record/{RUN}.jsonl"
LATE = f"gates/gate.b/{FLAG}"
RELEASES = pytest.mark.parametrize("first", [False, True], ids=["this release", "the first release"])
EVERYWHERE = pytest.mark.parametrize("world", EVERY, indirect=True)
LATER = "platform_20260201T080000Z"


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as opened:
        yield Servers(opened)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[StoreWorld]:
    with WORLDS[request.param](tmp_path, servers) as made:
        yield made


def begun(world: StoreWorld) -> None:
    """One READY run, and another that waits."""
    lab = world.lab
    assert lab.reuse(small_world()).state is RunState.READY
    waits = small_world("waits")
    del waits[LATE]
    waiting = lab.runner().submit(request("waits", engine_run_root=lab.world(waits, "waits")))
    assert waiting.state is RunState.WAITING_EVIDENCE


def readies(lab: Lab) -> dict[tuple[str, str], set[str]]:
    """The ids of every READY on the bus, by store and run."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in lab.published():
        if one.attributes["kind"].startswith("READY"):
            found.setdefault((one.attributes["store_id"], one.attributes["run_id"]), set()).add(one.message_id)
    return found


def store_of(lab: Lab) -> str:
    return str(json.loads(lab.store.read(KEY).data)["store_id"])


# what everybody tries


def resume_all(runner: ScenarioRunner) -> list[Outcome]:
    return [runner.resume(one) for one in list(runner.unsettled())]


CALLS: Mapping[str, Callable[[ScenarioRunner], Any]] = {
    "submit": lambda runner: runner.submit(request()),
    "submit in another session": lambda runner: runner.submit(request()),
    "resume": lambda runner: runner.resume(RUN),
    "resume all": resume_all,
    "reemit": lambda runner: runner.reemit(RUN, "READY_ONLY"),
    "rebuild": lambda runner: runner.rebuild_index(),
}
DONE = "done"
ROLLED_BACK, COPIED = ReasonCode.TRUTH_ROLLED_BACK.value, ReasonCode.STORE_COPIED.value


def answers(lab: Lab) -> dict[str, str]:
    """What each call is answered; what was refused has changed nothing, and nobody was told READY by it."""
    before, told = work_of(lab), len(lab.published())
    found = {}
    for name, call in CALLS.items():
        session = FixedPlatformRuns(LATER if "another session" in name else PLATFORM)
        try:
            call(lab.runner(platform=session))
            found[name] = DONE
        except SrError as error:
            found[name] = error.code.value
            assert (work_of(lab), len(lab.published())) == (before, told), name
        before, told = work_of(lab), len(lab.published())
    return found


def work_of(lab: Lab) -> tuple[dict[str, bytes], set[tuple[str, str, bool]]]:
    """The truth of runs, and what the index says of them."""
    truth = {key: data for key, data in lab.truth().items() if key != KEY}
    return truth, {(row.run_id, row.state, row.settled) for row in lab.authority.runs()}


def all_are(code: str, **others: str) -> dict[str, str]:
    return {**dict.fromkeys(CALLS, code), **others}


# the stories


def emptied(world: StoreWorld) -> None:
    for key in world.lab.truth():
        world.lab.store.delete(key)


def older(world: StoreWorld) -> None:
    """A backup from before the first run's decision, and from before the other one."""
    lab, record = world.lab, world.lab.store.read(RECORD).data
    kept = b"".join(record.splitlines(keepends=True)[:4])
    for key in lab.truth():
        if key != KEY:
            lab.store.delete(key)
    put(lab.store, RECORD, kept)


def re_identified(world: StoreWorld) -> None:
    """The same backup, in a store that is another's."""
    older(world)
    other = {"store_id": "f" * 32, "minted_at_utc": "2026-01-31T13:42:00Z"}
    put(world.lab.store, KEY, json.dumps(other).encode())


def copied(world: StoreWorld) -> None:
    copy = world.place("copy")
    for key, data in world.lab.truth().items():
        put(copy, key, data)
    world.lab.store = copy


@attrs.frozen
class Story:
    """`happens`: to the store. `told`: what each call is answered then; `first`: by the rows of the first release."""

    happens: Callable[[StoreWorld], None]
    told: dict[str, str]
    first: dict[str, str]


STORIES = {
    "emptied": Story(emptied, all_are(ROLLED_BACK), all_are(ROLLED_BACK, rebuild=DONE)),
    "older": Story(older, all_are(ROLLED_BACK, rebuild=DONE), all_are(ROLLED_BACK, rebuild=DONE)),
    "re-identified": Story(re_identified, all_are(ROLLED_BACK), all_are(ROLLED_BACK, rebuild=DONE)),
    "copied": Story(copied, all_are(COPIED, submit=DONE, **{"submit in another session": DONE}), all_are(DONE)),
}


@EVERYWHERE
@RELEASES
@pytest.mark.parametrize("story", list(STORIES))
def test_a_store_that_lost_its_truth_makes_no_second_ready_and_is_whole_when_it_is_put_back(
    world: StoreWorld, first: bool, story: str
) -> None:
    begun(world)
    lab = world.lab
    truth, here, heard = lab.truth(), lab.store, readies(lab)
    if first:
        world.of_the_first_release()
        truth.pop(KEY)
    STORIES[story].happens(world)
    assert answers(lab) == (STORIES[story].first if first else STORIES[story].told)
    if story == "copied" and first:  # nobody can tell which of the two it was
        assert set(map(frozenset, readies(lab).values())) == {frozenset(*heard.values())}
        return
    assert readies(lab) == heard
    lab.store = here
    served = lab.store.read(KEY) is not None and first  # what the first release's store was named meanwhile
    for key in lab.truth():
        if not (served and key == KEY):
            lab.store.delete(key)
    for key, data in truth.items():
        put(lab.store, key, data)
    is_whole(lab)


def is_whole(lab: Lab) -> None:
    """Every run goes on to the one READY that it has."""
    lab.world({LATE: small_world("waits")[LATE]}, "waits")
    again = lab.runner().submit(request())
    assert (again.state, again.is_new) == (RunState.READY, False)
    resume_all(lab.runner())
    assert lab.runner().status(WAITS).state is RunState.READY
    assert [len(ids) for ids in readies(lab).values()] == [1, 1]
    is_sound(lab)


def is_sound(lab: Lab) -> None:
    whole = lab.runner().audit_all()
    assert [one for _, done in whole.audits() for one in done.findings] == []  # type: ignore[union-attr]
    assert whole.store == []


@EVERYWHERE
@RELEASES
@pytest.mark.parametrize("backup", ["none", "before everything", "before the end"])
def test_an_authority_that_knows_less_than_its_store_takes_it_from_the_records(
    world: StoreWorld, first: bool, backup: str
) -> None:
    begun(world)
    lab = world.lab
    rows = world.rows() if backup == "before the end" else []
    lab.world({LATE: small_world("waits")[LATE]}, "waits")
    resume_all(lab.runner())
    late = lab.runner().submit(request("late", engine_run_root=lab.world(small_world("late"), "late")))
    assert late.state is RunState.READY
    heard = readies(lab)
    fences = {run_id: lab.ledger(run_id).fence for run_id in (RUN, WAITS, late.run_id)}
    lab.authority = world.anew() if backup == "none" and not first else world.restored(rows, first=first)
    session = PLATFORM
    if not lab.authority.find("").places:  # it never served the store, and takes in all that it holds before it admits
        session = LATER
    for key in ("late", "waits", "key"):
        again = lab.runner(platform=FixedPlatformRuns(session)).submit(request(key))
        assert (again.state, again.is_new) == (RunState.READY, False), key
    lab.runner(platform=FixedPlatformRuns(PLATFORM)).rebuild_index()
    for key in ("late", "waits", "key"):
        again = lab.runner(platform=FixedPlatformRuns(LATER)).submit(request(key))
        assert (again.state, again.is_new) == (RunState.READY, False), key
    resume_all(lab.runner())
    lab.runner().reemit(late.run_id, "READY_ONLY")
    assert readies(lab) == heard
    successor = request("next", supersedes=RUN, engine_run_root=lab.world(small_world("next"), "next"))
    assert lab.runner().submit(successor).state is RunState.READY
    assert all(lab.ledger(run_id).fence >= fence for run_id, fence in fences.items())
    is_sound(lab)


# the ways on


@EVERYWHERE
@RELEASES
@pytest.mark.parametrize("how", [emptied, re_identified], ids=["emptied", "re-identified"])
def test_a_new_store_begins_where_one_was_lost_once_that_is_decided(
    world: StoreWorld, first: bool, how: Callable[[StoreWorld], None]
) -> None:
    begun(world)
    lab = world.lab
    former = store_of(lab)
    if first:
        world.of_the_first_release()
    how(world)
    decided = lab.runner().recover_store("new", reason="the bucket is lost")
    lab.world({LATE: small_world("waits")[LATE]}, "waits")
    begins = [("waits", "waits"), ("key", "engine")]
    if first and how is re_identified:  # what the first release bound is the store's in which its record is
        with pytest.raises(SrError, match=f"sr recover {RUN}"):
            lab.runner().submit(request())
        assert lab.runner().recover_run(RUN, reason="the bucket is lost").reason_code is ReasonCode.TRUTH_LOST
        begins.pop()
    for key, name in begins:
        asked = request(key, engine_run_root=str(lab.root / name))
        assert lab.runner().submit(asked).state is RunState.READY
        assert lab.runner().submit(asked).is_new is False
    told = readies(lab)
    assert {store_id for store_id, _ in told} == {former, decided.store_id}, told
    assert all(len(ids) == 1 for ids in told.values())
    is_sound(lab)


@EVERYWHERE
@RELEASES
def test_what_an_older_store_lost_is_accepted_run_by_run(world: StoreWorld, first: bool) -> None:
    begun(world)
    lab, heard = world.lab, readies(world.lab)
    if first:
        world.of_the_first_release()
    older(world)
    for run_id in (RUN, WAITS):
        done = lab.runner().recover_run(run_id, reason="no newer backup")
        assert (done.state, done.reason_code) == (RunState.FAILED, ReasonCode.TRUTH_LOST)
    assert readies(lab) == heard
    again = lab.runner().retry(RUN)
    assert (again.run_id, again.state) == (run_id_for("key.2"), RunState.READY)
    assert all(len(ids) == 1 for ids in readies(lab).values())
    is_sound(lab)


@EVERYWHERE
def test_a_copy_has_keys_of_its_own_once_it_is_decided_to_be_one(world: StoreWorld) -> None:
    begun(world)
    lab, here = world.lab, world.lab.store
    copied(world)
    lab.runner().recover_store("copy", reason="a rehearsal")
    lab.world({LATE: small_world("waits")[LATE]}, "waits")
    for store in (lab.store, here):
        lab.store = store
        assert lab.runner().submit(request()).is_new is False
        resume_all(lab.runner())
        assert lab.runner().status(WAITS).state is RunState.READY
        is_sound(lab)
    assert all(len(ids) == 1 for ids in readies(lab).values())
    assert len({store_id for store_id, run_id in readies(lab) if run_id == WAITS}) == 2


@EVERYWHERE
def test_a_store_that_was_moved_is_itself_and_its_former_place_is_a_copy(world: StoreWorld) -> None:
    begun(world)
    lab, here, truth = world.lab, world.lab.store, world.lab.truth()
    copied(world)
    decide: Callable[[], Any] = lambda: lab.runner().recover_store("moved", reason="another bucket")  # noqa: E731
    if lab.store.elsewhere(here.location()) is not None:
        with pytest.raises(SrError) as caught:
            decide()
        assert caught.value.code is ReasonCode.STORE_COPIED
    for key in truth:
        here.delete(key)
    assert decide().retired == (here.location(),)
    is_whole(lab)
    for key, data in truth.items():
        put(here, key, data)
    lab.store = here
    assert answers(lab)["resume"] == COPIED


# races


@EVERYWHERE
def test_two_authorities_on_one_store_make_one_ready(world: StoreWorld) -> None:
    """Which nobody should wire: the record still has one writer at a time."""
    lab = world.lab
    root = lab.world(small_world())
    labs = [lab, attrs.evolve(lab, authority=world.anew())]

    def answer(one: Lab) -> object:
        try:
            return one.runner().submit(request(engine_run_root=root)).state
        except SrError as error:
            return error.code

    together([partial(answer, one) for one in labs * 3])
    assert all(answer(one) is RunState.READY for one in labs)
    assert [len(ids) for ids in readies(lab).values()] == [1]
    is_sound(lab)


@EVERYWHERE
def test_two_stores_on_one_authority_raced_get_a_run_each(world: StoreWorld) -> None:
    lab = world.lab
    labs = [attrs.evolve(lab, store=world.place(f"team-{n}")) for n in range(3)]
    root = lab.world(small_world())
    outcomes = together([partial(one.runner().submit, request(engine_run_root=root)) for one in labs * 2])
    assert {one.run_id for one in outcomes} == {RUN}
    for one in labs:
        assert one.runner().submit(request()).state is RunState.READY
        assert [row["run_id"] for row in one.runner().runs()] == [RUN]
        is_sound(one)
    told = readies(lab)
    assert {store_id for store_id, _ in told} == {store_of(one) for one in labs}
    assert [len(ids) for ids in told.values()] == [1] * 3


@EVERYWHERE
def test_two_copies_raced_are_served_once(world: StoreWorld) -> None:
    begun(world)
    lab, truth, lost = world.lab, world.lab.truth(), world.anew()
    labs = []
    for n in range(3):
        copy = world.place(f"copy-{n}")
        for key, data in truth.items():
            put(copy, key, data)
        labs.append(attrs.evolve(lab, store=copy, authority=lost))
    root = lab.world(small_world("other"), "other")

    def answer(one: Lab) -> object:
        try:
            return one.runner().submit(request("other", engine_run_root=root)).state
        except SrError as error:
            return error.code

    told = together([partial(answer, one) for one in labs])
    assert sorted(map(str, told)) == ["READY", "STORE_COPIED", "STORE_COPIED"]
