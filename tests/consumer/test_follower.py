"""A group of consumers gets each fact once, whatever restarts, and works on no run that was superseded before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from sr_adapters.file.bus import FileControlBus
from sr_domain.encoding.ids import superseded_message_id
from sr_plugins import build_runner
from sr_plugins.consumer import Follower, Message, open_facts
from sr_ports import BadInput, Fault, LeaseLost, NotFound, ReasonCode, Unreachable
from tests.consumer.world import POLICY, World, world

BOTH = ("READY", "RUN_SUPERSEDED")


def follow(made: World, group: str = "job", kinds: Any = BOTH, **how: Any) -> Follower:
    return Follower(made.profile, group=group, kinds=kinds, wait_s=0, **{"notice": lambda line: None, **how})


def taken(made: World, *, acked: bool = True, **how: Any) -> list[tuple[str, str]]:
    """Kind and run of all that comes now, acknowledged one by one."""
    with follow(made, **how) as bus:
        found = []
        for message in bus:
            found.append((message.kind, message.run_id))
            if acked:
                assert message.ack() is True
        return found


def topic_of(made: World) -> Path:
    (path,) = (made.folder / "runs").glob("fraud-platform/*/control_bus/fp.bus.control.v1")
    return path


def test_a_message_has_what_a_consumer_needs_and_leads_to_the_facts(made: World) -> None:
    run = made.submit()
    with Follower(made.profile, group="orders-job", kinds={"READY", "RUN_SUPERSEDED"}) as bus:
        for message in bus:
            assert (message.kind, message.run_id) == ("READY", run)
            assert len(message.message_id) == 64
            assert message.store_id == message.attributes["store_id"]
            assert message.attributes["kind"] == "READY"
            assert message.payload["run_id"] == run
            assert message.facts_view_ref == message.payload["facts_view_ref"]
            with open_facts(str(message.facts_view_ref), made.profile) as facts:
                assert len(facts.paths("orders")) == 3
            assert message.ack() is True
            break


def test_a_new_group_begins_at_the_oldest_and_gets_each_fact_once(made: World) -> None:
    runs = [made.submit(key) for key in ("a", "b", "c")]
    for group in ("one", "two"):
        assert taken(made, group=group) == [("READY", run) for run in runs]
        assert taken(made, group=group) == []
    newer = made.submit("d")
    assert taken(made, group="one") == [("READY", newer)]


def test_what_was_not_acknowledged_comes_again_and_nothing_else_does(made: World) -> None:
    runs = [made.submit(key) for key in ("a", "b", "c")]
    with follow(made) as bus:
        first, second, third = list(bus)
        third.ack()
        first.ack()
        first.ack()
        assert list(bus) == []
    assert taken(made) == [("READY", second.run_id)]
    assert [one.run_id for one in (first, second, third)] == runs


def test_the_facts_of_all_platform_runs_are_read(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [made.submit("a")]
    for hour, key in ((14, "b"), (15, "c")):
        monkeypatch.setenv("PLATFORM_RUN_ID", f"platform_20260131T{hour}0000Z")
        runs.append(made.submit(key))
    monkeypatch.delenv("PLATFORM_RUN_ID")
    assert taken(made) == [("READY", run) for run in runs]


def test_a_fact_that_is_said_again_is_given_to_who_has_not_dealt_with_it(made: World) -> None:
    run = made.submit()
    assert taken(made) == [("READY", run)]
    made.reemit(run)
    made.reemit(run)
    assert taken(made) == []
    assert taken(made, group="new") == [("READY", run)]
    assert taken(made, group="other", kinds={"READY_REEMIT"}) == [("READY_REEMIT", run)]
    first = next(topic_of(made).glob("*[0-9a-f].json"))
    first.unlink()
    assert taken(made, group="late") == [("READY", run)], "the first is gone, and READY was said again"


def test_a_follower_waits_for_more_until_it_is_closed(made: World) -> None:
    got: list[str] = []
    bus = Follower(made.profile, group="job", kinds={"READY"}, poll_s=0.02)

    def listen() -> None:
        for message in bus:
            message.ack()
            got.append(message.run_id)
            if len(got) == 2:
                bus.close()

    with bus:
        thread = threading.Thread(target=listen)
        thread.start()
        runs = [made.submit("a"), made.submit("b")]
        thread.join(60)
    assert not thread.is_alive()
    assert got == runs
    with pytest.raises(ValueError, match="closed"):
        next(iter(bus))


# superseded


def test_a_ready_that_is_superseded_before_it_is_read_is_dropped(made: World) -> None:
    old = made.submit()
    newer = made.submit("second", supersedes=old)
    told: list[str] = []
    assert taken(made, notice=told.append) == [("READY", newer), ("RUN_SUPERSEDED", old)]
    assert f"READY of run {old} is dropped: the run was superseded" in told
    assert taken(made, group="ready", kinds={"READY"}) == [("READY", newer)]


def test_a_ready_that_is_superseded_while_it_waits_is_dropped(made: World) -> None:
    one, old = made.submit("a"), made.submit("b")
    with follow(made) as bus:
        messages = iter(bus)
        assert next(messages).run_id == one
        newer = made.submit("c", supersedes=old)
        assert [(m.kind, m.run_id) for m in messages] == [("READY", newer), ("RUN_SUPERSEDED", old)]


def test_a_ready_that_is_superseded_before_its_ack_says_so_and_never_comes_again(made: World) -> None:
    old = made.submit()
    with follow(made) as bus:
        message = next(iter(bus))
        newer = made.submit("second", supersedes=old)
        assert message.ack() is False
        assert message.ack() is False
    with follow(made, group="crashed") as bus:
        assert next(iter(bus)).run_id == newer
    for group in ("job", "crashed"):
        assert taken(made, group=group) == [("READY", newer), ("RUN_SUPERSEDED", old)]
        assert taken(made, group=group) == []


def test_the_runs_record_tells_though_the_fact_has_not_come_yet(made: World) -> None:
    """The bus took no RUN_SUPERSEDED: it is still to be published."""
    old = made.submit()
    real = FileControlBus.publish

    def publish(self: FileControlBus, envelope: Any) -> None:
        if envelope.attributes["kind"] == "RUN_SUPERSEDED":
            raise Unreachable(ReasonCode.BUS_UNREACHABLE, "the bus is away")
        real(self, envelope)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FileControlBus, "publish", publish)
        newer = made.outcome("second", supersedes=old).run_id
    assert taken(made) == [("READY", newer)]
    with build_runner(made.profile, policy=POLICY) as runner:
        runner.resume(newer)
    assert taken(made) == [("RUN_SUPERSEDED", old)]


# poison


def spoil(made: World, name: str, text: str) -> None:
    (topic_of(made) / name).write_text(text)


def test_what_nobody_can_use_is_set_aside_with_a_reason_and_stops_nothing(made: World) -> None:
    first = made.submit("a")
    good = json.loads(next(topic_of(made).glob("*.json")).read_text())
    spoil(made, "torn.json", json.dumps(good)[:-5])
    wrong: dict[str, dict[str, Any]] = {
        "of another run": {"payload": {**good["payload"], "run_id": "0" * 32}},
        "of no view": {"payload": {**good["payload"], "facts_view_ref": "../../etc/passwd"}},
        "of another id": {"message_id": "1" * 64},
        "nameless": {"attributes": {"kind": "READY"}},
    }
    for name, changes in wrong.items():
        spoil(made, f"{name.replace(' ', '-')}.json", json.dumps({**good, **changes}))
    second = made.submit("b")
    told: list[str] = []
    found = taken(made, notice=told.append)
    assert sorted(run for _, run in found) == sorted([first, second])
    assert len([line for line in told if "set aside" in line]) == 5
    assert taken(made, notice=told.append) == []
    with follow(made) as bus:
        aside = bus.set_aside()
        assert {one.reason_code for one in aside} == {"DOCUMENT_INVALID", "CONTRACT_VIOLATION"}
        assert any("no facts view of run" in one.what for one in aside)
        assert len(aside) == 5
        assert len(bus.set_aside(limit=2)) == 2


def forged(made: World, kind: str, message_id: str, payload: dict[str, Any], **said: str) -> dict[str, Any]:
    """A fact as anybody can put it on the bus. It is newer than what is there."""
    good = json.loads(next(topic_of(made).glob("*.json")).read_text())
    attributes = {**good["attributes"], "kind": kind, "run_id": payload["run_id"], **said}
    return {**good, "message_id": message_id, "attributes": attributes, "payload": payload}


@pytest.mark.parametrize("true", [True, False])
def test_a_run_that_the_bus_calls_superseded_and_its_record_does_not_is_given_and_dropped_by_nobody(
    made: World, true: bool
) -> None:
    run = made.submit()
    by = made.submit("second", supersedes=run) if true else "f" * 32
    payload = {"run_id": run, "superseded_by": by, "facts_view_ref": "x", "bundle_hash": "0" * 64}
    if not true:
        fact = forged(made, "RUN_SUPERSEDED", superseded_message_id(run, by), payload)
        spoil(made, "forged.json", json.dumps(fact))
    told: list[str] = []
    assert taken(made, notice=told.append) == ([("READY", by), ("RUN_SUPERSEDED", run)] if true else [])
    with follow(made) as bus:
        aside = bus.set_aside()
    assert [one.reason_code for one in aside] == ([] if true else ["TRUTH_ROLLED_BACK"] * 2)
    if not true:
        assert all(f"run {run} was superseded by {by}, and its record does not" in one.what for one in aside)
        assert sum("set aside" in line for line in told) == 2


@pytest.mark.parametrize("home", ["../../..", "platform_20260131T134200Z", ""])
def test_a_fact_whose_home_is_no_place_stops_nothing(made: World, home: str) -> None:
    run, other = made.submit(), "e" * 32
    payload = {"run_id": other, "superseded_by": run}
    fact = forged(made, "RUN_SUPERSEDED", superseded_message_id(other, run), payload, platform_run_id=home)
    spoil(made, "odd.json", json.dumps(fact))
    assert sorted(taken(made)) == sorted([("READY", run), ("RUN_SUPERSEDED", other)])


def test_no_fact_takes_the_id_of_another_and_so_hides_it(made: World) -> None:
    """Who deals with the forged one would never be given the true one."""
    first, there = made.submit("first"), world(made.folder / "other")
    run = there.submit("a")  # what a run will say can be known before
    (path,) = topic_of(there).glob("*.json")
    good = json.loads(path.read_text())
    payload = {**good["payload"], "status_state": "FAILED", "reemit_key": "1" * 64}
    stolen = {
        "terminal": {**good, "attributes": {**good["attributes"], "kind": "TERMINAL_REEMIT"}, "payload": payload},
        "bundle": {**good, "payload": {**good["payload"], "bundle_hash": "2" * 64}},
    }
    stolen["superseded"] = {
        **stolen["terminal"],
        "attributes": {**good["attributes"], "kind": "RUN_SUPERSEDED"},
        "payload": {**good["payload"], "superseded_by": "3" * 32},
    }
    for name, fact in stolen.items():
        spoil(made, f"{name}.json", json.dumps(fact))
    told: list[str] = []
    assert taken(made, kinds=None, notice=told.append) == [("READY", first)]
    assert sum("its message id is not that of what it says" in line for line in told) == 3
    assert made.submit("a") == run
    assert taken(made, kinds=None) == [("READY", run)]


# of another store


def given(made: World, run: str) -> Message:
    """READY of a run, as a new group gets it."""
    with follow(made, group="reads") as bus:
        (found,) = (one for one in bus if one.run_id == run)
        return found


def test_a_message_is_opened_in_the_store_that_it_is_of_and_in_no_other(made: World) -> None:
    """The same request in two stores: the same run, and the same ref, that of its own store's view."""
    there = world(made.folder / "other")
    run = made.submit("same")
    assert there.submit("same") == run
    own, foreign = given(made, run), given(there, run)
    assert (own.message_id, own.facts_view_ref) == (foreign.message_id, foreign.facts_view_ref)
    with open_facts(own, made.profile) as facts:
        assert facts.root == made.root
    with pytest.raises(BadInput, match="not of the profile's store") as caught:
        open_facts(foreign, made.profile)
    uri = foreign.attributes["store_uri"]
    assert uri in caught.value.remedy
    for profile, stores in ((made.profile, [uri]), (there.profile, [])):
        with open_facts(foreign, profile, stores=stores) as facts:
            assert facts.root == there.root
            assert len(facts.paths("orders")) == 3
    truth = there.folder / "runs"
    shutil.rmtree(truth)
    with open_facts(own, made.profile) as facts:
        assert facts.run_id == run
    with pytest.raises(Fault, match="without identity"):
        open_facts(foreign, made.profile, stores=[uri])
    shutil.copytree(made.folder / "runs", truth)
    with pytest.raises(Fault, match=f"run {run} is of {foreign.store_id}") as fault:
        open_facts(foreign, made.profile, stores=[uri])
    assert fault.value.code is ReasonCode.TRUTH_ROLLED_BACK


def test_a_message_of_another_bundle_than_its_view_and_one_of_no_view_are_not_opened(made: World) -> None:
    run = made.submit()
    message = given(made, run)
    with open_facts(message, made.profile) as facts:
        assert facts.run_id == run
    with pytest.raises(Fault, match="its facts view of another"):
        open_facts(attrs.evolve(message, payload={**message.payload, "bundle_hash": "0" * 64}), made.profile)
    with pytest.raises(NotFound, match="names no facts view"):
        open_facts(attrs.evolve(message, facts_view_ref=None), made.profile)


def test_a_consumer_sets_aside_what_it_cannot_deal_with(made: World) -> None:
    first, second = made.submit("a"), made.submit("b")
    with follow(made) as bus:
        for message in bus:
            if message.run_id == first:
                message.set_aside("its orders have no amount")
                message.set_aside("twice")
            else:
                message.ack()
        (aside,) = bus.set_aside()
        assert (aside.reason_code, aside.what) == ("SET_ASIDE_BY_CONSUMER", "its orders have no amount")
    assert taken(made) == []
    assert second


def test_facts_of_kinds_that_are_not_known_are_passed_over(made: World) -> None:
    run = made.submit()
    good = json.loads(next(topic_of(made).glob("*.json")).read_text())
    newer = {**good, "message_id": "2" * 64, "attributes": {**good["attributes"], "kind": "RUN_PRAISED"}}
    spoil(made, "newer.json", json.dumps(newer))
    assert taken(made, kinds=None) == [("READY", run)]
    with follow(made) as bus:
        assert bus.set_aside() == ()


# where it stopped


def test_a_lost_offset_store_begins_at_the_oldest_again(made: World) -> None:
    run = made.submit()
    assert taken(made) == [("READY", run)]
    shutil.rmtree(made.folder / "runs" / "followers" / "job")
    assert taken(made) == [("READY", run)]
    assert taken(made) == []


def test_an_offset_store_that_is_lost_under_a_follower_ends_it(made: World) -> None:
    made.submit()
    with follow(made) as bus:
        message = next(iter(bus))
        shutil.rmtree(made.folder / "runs" / "followers" / "job")
        with pytest.raises(LeaseLost):
            message.ack()


def test_two_followers_of_a_group_never_both_get_on(made: World) -> None:
    made.submit()
    with follow(made) as one:
        assert next(iter(one)).kind == "READY"
        with pytest.raises(Unreachable) as caught, follow(made) as two:
            next(iter(two))
        assert caught.value.code is ReasonCode.FOLLOWER_BUSY
        assert "group job" in caught.value.what
        with follow(made, group="another") as two:
            assert next(iter(two)).kind == "READY"
    with follow(made) as two:
        assert next(iter(two)).kind == "READY"


RACER = """
import sys
from sr_plugins.consumer import Follower
from sr_ports import Unreachable
try:
    with Follower(sys.argv[1], group="job", kinds={"READY"}, wait_s=1) as bus:
        for message in bus:
            message.ack()
            print(message.run_id, flush=True)
except Unreachable as error:
    print("refused", error.code.value, file=sys.stderr)
"""


def test_processes_that_race_for_a_group_deal_with_each_fact_once(made: World) -> None:
    runs = [made.submit(str(number)) for number in range(4)]
    profile = str(made.profile_file())
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, profile], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [one.communicate(timeout=120) for one in racers]
    assert [one.returncode for one in racers] == [0, 0, 0], said
    assert sorted(line for out, _ in said for line in out.splitlines()) == sorted(runs)
    assert all(err in ("", "refused FOLLOWER_BUSY\n") for _, err in said), said


def test_a_process_that_is_killed_leaves_what_it_had_not_acknowledged(made: World) -> None:
    runs = [made.submit(str(number)) for number in range(3)]
    code = RACER.replace("message.ack()", "message.ack() if message.run_id == sys.argv[2] else None")
    command = [sys.executable, "-c", code.replace("wait_s=1", "wait_s=None"), str(made.profile_file()), runs[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert [child.stdout.readline().strip() for _ in runs] == runs
        child.kill()
    assert taken(made, kinds={"READY"}) == [("READY", run) for run in runs[1:]]


# what the bus has let go of


@pytest.fixture
def retention(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Makes the file bus one that has let go of what is older."""

    kept: list[datetime] = []

    class Forgetful(FileControlBus):
        def kept_since(self) -> datetime:
            return kept[-1]

    monkeypatch.setattr("sr_adapters.file.bus.FileControlBus", Forgetful)
    return kept.append


def now() -> datetime:
    return datetime.now(UTC)


def test_what_the_stream_has_let_go_of_is_found_by_the_store_and_said(
    made: World, retention: Callable[[datetime], None]
) -> None:
    retention(now() - timedelta(hours=24))
    first = made.submit("a")
    assert taken(made) == [("READY", first)]
    missed, old = made.submit("b"), made.submit("c")
    newer = made.submit("d", supersedes=old)
    shutil.rmtree(topic_of(made))
    late = made.submit("e")
    retention(now())
    told: list[str] = []
    found = taken(made, notice=told.append)
    assert sorted(found) == sorted([("READY", missed), ("READY", newer), ("RUN_SUPERSEDED", old), ("READY", late)])
    assert any("let go of facts that were not read" in line and "the store are looked at" in line for line in told)
    assert any("facts not read before found" in line for line in told)
    assert taken(made) == []


def test_what_was_found_by_the_store_and_not_acknowledged_is_found_again(
    made: World, retention: Callable[[datetime], None]
) -> None:
    retention(now() - timedelta(hours=24))
    first = made.submit("a")
    assert taken(made) == [("READY", first)]
    missed = made.submit("b")
    shutil.rmtree(topic_of(made))
    retention(now())
    for _ in range(2):
        assert taken(made, acked=False) == [("READY", missed)]
    assert taken(made) == [("READY", missed)]
    assert taken(made) == []


def test_a_store_that_was_followed_to_its_end_has_no_gap(made: World, retention: Callable[[datetime], None]) -> None:
    retention(now() - timedelta(hours=24))
    told: list[str] = []
    run = made.submit("a")
    assert taken(made, notice=told.append) == [("READY", run)]
    retention(now() - timedelta(hours=23))
    assert taken(made, notice=told.append) == []
    assert told == []


def test_a_new_group_is_given_nothing_that_the_bus_does_not_keep(
    made: World, retention: Callable[[datetime], None]
) -> None:
    made.submit("a")
    shutil.rmtree(topic_of(made))
    kept = made.submit("b")
    retention(now())
    assert taken(made) == [("READY", kept)]


def test_a_place_that_is_gone_is_said_and_the_store_tells_the_rest(made: World) -> None:
    first, second = made.submit("a"), made.submit("b")
    assert taken(made) == [("READY", first), ("READY", second)]
    missed = made.submit("c")
    topic = topic_of(made)
    shutil.rmtree(topic)
    late = made.submit("d")
    told: list[str] = []
    assert sorted(taken(made, notice=told.append)) == sorted([("READY", missed), ("READY", late)])
    assert any("which was read last" in line for line in told)


# how it is asked for


@pytest.mark.parametrize("group", ["", "a/b", "..", "a b", "x" * 101])
def test_a_group_must_have_a_name(made: World, group: str) -> None:
    with pytest.raises(BadInput):
        Follower(made.profile, group=group)


@pytest.mark.parametrize("kinds", [{"REDY"}, set(), ["READY", "ready"]])
def test_kinds_that_there_are_not_are_refused(made: World, kinds: Any) -> None:
    with pytest.raises(BadInput, match="kind"):
        Follower(made.profile, group="job", kinds=kinds)


def test_a_message_of_the_store_has_what_one_of_the_bus_has(made: World, retention: Callable[[datetime], None]) -> None:
    retention(now() - timedelta(hours=24))
    first = made.submit("a")
    assert taken(made) == [("READY", first)]
    made.submit("b", supersedes=first)
    with follow(made, group="twin") as bus:
        told = sorted((one for one in bus), key=lambda one: one.kind)
    shutil.rmtree(topic_of(made))
    retention(now())
    with follow(made) as bus:
        found = sorted((one for one in bus), key=lambda one: one.kind)
    assert [shape(one) for one in found] == [shape(one) for one in told]


def shape(message: Message) -> tuple[Any, ...]:
    fields = ("kind", "run_id", "message_id", "store_id", "facts_view_ref")
    payload = {name: value for name, value in message.payload.items() if name != "emitted_at_utc"}
    return (*(getattr(message, name) for name in fields), dict(message.attributes), payload)
