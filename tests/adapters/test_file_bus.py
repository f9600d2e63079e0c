"""The file control bus keeps the port's laws, and its files are as the wire says."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from sr_adapters.file import durable
from sr_adapters.file.bus import FileControlBus, build
from sr_adapters.file.homes import Found, Place
from sr_adapters.file.settings import FolderSettings
from sr_ports.bus import Envelope
from sr_ports.conformance.buses import AT, HOMES, ControlBusLaws, Reopen, fact, message_id, read, reemitted
from sr_ports.conformance.positions import PositionedLaws, Spoil
from sr_ports.errors import BadInput, OutcomeUnknown, SrError, Unreachable
from sr_ports.reasons import ReasonCode
from tests.adapters.processes import finish, start
from tests.wired import wired

TOPIC = "fp.bus.control.v1"


class TestFileControlBus(ControlBusLaws, PositionedLaws):
    @pytest.fixture(params=["text", "a link"])
    def spoil(self, tmp_path: Path, request: pytest.FixtureRequest) -> Spoil:
        return lambda topic: spoilt(tmp_path / "bus" / topic, request.param)

    @pytest.fixture
    def unknown(self) -> str:
        return "nobody.json"

    @pytest.fixture
    def bus(self, reopen: Reopen) -> FileControlBus:
        made = reopen()
        assert isinstance(made, FileControlBus)
        return made

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: FileControlBus(str(tmp_path / "bus"), poll_s=0.005)

    @pytest.fixture
    def copied(self, tmp_path: Path) -> Reopen:
        def copy() -> FileControlBus:
            shutil.copytree(tmp_path / "bus", tmp_path / "copy", copy_function=shutil.copyfile)
            return FileControlBus(str(tmp_path / "copy"))

        return copy

    @pytest.fixture
    def broken(self, tmp_path: Path) -> FileControlBus:
        (tmp_path / "file").write_bytes(b"in the way")
        return FileControlBus(str(tmp_path / "file"))


def spoilt(folder: Path, how: str) -> None:
    """What is no envelope, under a name that an envelope could have."""
    path = folder / "no-envelope.json"
    if how == "a link":
        path.symlink_to(next(folder.glob("*.json")))
    else:
        path.write_text('{"topic":')


def session(root: Path, platform: str) -> FileControlBus:
    """The bus as a profile's session of that platform run builds it."""
    made = build(wired(FolderSettings, "control_bus", {}, root, platform))
    made._poll_s = 0.005
    return made


class TestInTheHomesOfRuns(ControlBusLaws, PositionedLaws):
    """The same bus where a profile gives no folder of its own."""

    @pytest.fixture
    def spoil(self, tmp_path: Path) -> Spoil:
        folder = tmp_path / "runs" / "fraud-platform" / HOMES[0] / "control_bus"
        return lambda topic: spoilt(folder / topic, "text")

    @pytest.fixture
    def bus(self, reopen: Reopen) -> FileControlBus:
        made = reopen()
        assert isinstance(made, FileControlBus)
        return made

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Reopen:
        return lambda: session(tmp_path / "runs", HOMES[0])

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Reopen:
        return lambda: session(tmp_path / "runs", HOMES[1])

    @pytest.fixture
    def copied(self, tmp_path: Path) -> Reopen:
        def copy() -> FileControlBus:
            shutil.copytree(tmp_path / "runs", tmp_path / "copy", copy_function=shutil.copyfile)
            return session(tmp_path / "copy", HOMES[2])

        return copy

    @pytest.fixture
    def broken(self, tmp_path: Path) -> FileControlBus:
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "fraud-platform").write_bytes(b"in the way")
        return session(tmp_path / "runs", HOMES[0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "bus"


@pytest.fixture
def bus(root: Path) -> FileControlBus:
    return FileControlBus(str(root), poll_s=0.005)


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / TOPIC).iterdir() if not path.name.startswith(".sr-store"))


def test_the_first_envelope_is_the_file_the_wire_names(bus: FileControlBus, root: Path) -> None:
    bus.publish(fact(TOPIC, "one"))
    [path] = (root / TOPIC).glob("*.json")
    assert path.name == f"{message_id('one')}.json"
    assert json.loads(path.read_bytes()) == {
        "topic": TOPIC,
        "message_id": message_id("one"),
        "published_at_utc": AT,
        "attributes": {"kind": "READY", "run_id": "run-1", "platform_run_id": HOMES[0]},
        "partition_key": "run-1",
        "payload": {"name": "one", "emitted_at_utc": AT},
    }


def test_a_reemit_adds_its_own_file_and_leaves_the_first_as_it_was(bus: FileControlBus, root: Path) -> None:
    first = fact(TOPIC, "one")
    bus.publish(first)
    path = root / TOPIC / f"{first.message_id}.json"
    before = path.read_bytes(), path.stat()
    bus.publish(reemitted(first, AT))
    bus.publish(reemitted(first, AT))
    assert (path.read_bytes(), path.stat()) == before
    assert files(root) == sorted(f"{first.message_id}{n}.json" for n in ("", "~1", "~2"))


@pytest.mark.parametrize("kind", ["READY", "RUN_SUPERSEDED"])
def test_a_repeated_fact_adds_no_file(bus: FileControlBus, root: Path, kind: str) -> None:
    first = fact(TOPIC, "one", kind=kind)
    bus.publish(first)
    bus.publish(reemitted(first, AT))
    bus.publish(attrs.evolve(first, published_at_utc="later", payload={"emitted_at_utc": "later", "name": "one"}))
    assert files(root) == sorted(f"{first.message_id}{n}.json" for n in ("", "~1"))


def test_a_damaged_first_file_keeps_no_fact_from_being_published(bus: FileControlBus, root: Path) -> None:
    first = fact(TOPIC, "one")
    bus.publish(first)
    (root / TOPIC / f"{first.message_id}.json").write_bytes(b'{"topic":')
    bus.publish(first)
    assert files(root) == sorted(f"{first.message_id}{n}.json" for n in ("", "~1"))


GOOD = json.dumps(attrs.asdict(fact(TOPIC, "one")))


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", "null", '"x"', "[" * 100_000, GOOD[:-1], GOOD + "x"),
        GOOD.replace('"one"', "NaN"),
        GOOD.replace('"name":', '"name": 1, "name":'),
        GOOD.replace('"payload"', '"more": 1, "payload"'),
        GOOD.replace('"run_id": "run-1"', '"run_id": 1'),
        GOOD.replace(f'"{AT}"', "5", 1),
    ],
    ids=lambda content: content[:24] or "empty",
)
def test_a_file_that_is_no_envelope_is_named_and_never_yielded(bus: FileControlBus, root: Path, content: str) -> None:
    bus.publish(fact(TOPIC, "first"))
    other = root / TOPIC / "other.json"
    other.write_text(content)
    os.utime(other, ns=(2**62, 2**62))  # surely after the first
    envelopes = bus.tail(TOPIC)
    assert next(envelopes) == fact(TOPIC, "first")
    with pytest.raises(BadInput, match=r"other\.json is no bus envelope"):
        next(envelopes)


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "a\\b", ".hidden", "-a", "a~1", "a\n", "ä", "a" * 201])
def test_names_that_are_no_plain_file_names_are_refused(bus: FileControlBus, root: Path, name: str) -> None:
    good = fact(TOPIC, "one")
    for bad in (attrs.evolve(good, topic=name), attrs.evolve(good, message_id=name)):
        with pytest.raises(BadInput):
            bus.publish(bad)
    with pytest.raises(BadInput):
        bus.tail(name)
    assert not root.exists()


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800"], ids=["nan", "object", "half a pair"])
def test_what_is_no_json_is_bad_input(bus: FileControlBus, root: Path, value: object) -> None:
    with pytest.raises(BadInput):
        bus.publish(attrs.evolve(fact(TOPIC, "one"), payload={"x": value}))
    assert not root.exists()


def test_a_topic_that_is_a_symbolic_link_is_refused(bus: FileControlBus, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    root.mkdir()
    (root / TOPIC).symlink_to(tmp_path / "outside")
    with pytest.raises(Unreachable, match="symbolic link"):
        bus.publish(fact(TOPIC, "one"))
    with pytest.raises(Unreachable, match="symbolic link"):
        list(bus.tail(TOPIC))
    assert not list((tmp_path / "outside").iterdir())


def test_an_envelope_that_is_a_symbolic_link_is_not_read(bus: FileControlBus, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(GOOD)
    (root / TOPIC).mkdir(parents=True)
    (root / TOPIC / f"{message_id('one')}.json").symlink_to(tmp_path / "outside")
    with pytest.raises(Unreachable, match="symbolic link"):
        list(bus.tail(TOPIC))
    with pytest.raises(Unreachable, match="symbolic link"):
        bus.publish(fact(TOPIC, "one"))


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, ReasonCode.STORE_FULL), (errno.EIO, ReasonCode.BUS_UNREACHABLE)],
)
def test_a_publication_that_could_not_be_kept_leaves_nothing(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: ReasonCode
) -> None:
    def fail(fd: int, data: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", fail)
        with pytest.raises(Unreachable) as raised:
            bus.publish(fact(TOPIC, "one"))
    assert raised.value.code is code
    assert files(root) == []
    bus.publish(fact(TOPIC, "one"))
    assert read(bus, TOPIC) == [fact(TOPIC, "one")]


def test_a_publication_not_known_to_be_durable_is_unknown_and_safe_to_repeat(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.publish(fact(TOPIC, "zero"))
    real, calls = os.fsync, list[int]()

    def fail_third(fd: int) -> None:  # after the envelope and the order: the folder
        calls.append(fd)
        if len(calls) == 3:
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail_third)
        with pytest.raises(OutcomeUnknown):
            bus.publish(fact(TOPIC, "one"))
    bus.publish(fact(TOPIC, "one"))
    assert read(bus, TOPIC) == [fact(TOPIC, "zero"), fact(TOPIC, "one")]


def test_a_follower_is_never_shown_a_later_file_before_an_earlier_one(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that runs beside two publications may hold the second and miss the first."""
    bus.publish(fact(TOPIC, "one"))
    bus.publish(fact(TOPIC, "two"))
    real, looks = os.scandir, list[int]()

    class Misses:
        def __init__(self, fd: int) -> None:
            self.entries = real(fd)

        def __enter__(self) -> list[os.DirEntry[str]]:
            looks.append(1)
            hidden = message_id("one") if len(looks) == 1 else "nothing"
            return [entry for entry in self.entries if not entry.name.startswith(hidden)]

        def __exit__(self, *_: object) -> None:
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Misses)
    assert read(bus, TOPIC) == [fact(TOPIC, "one"), fact(TOPIC, "two")]


def test_a_clock_that_stands_still_or_goes_back_changes_no_order(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = 2**61  # nanoseconds; in the year 2043
    names = [f"m{n * 3 % 8}" for n in range(8)]
    for name, now in zip(names, [ahead, ahead, ahead - 5, 0, ahead + 9, ahead, 1, ahead], strict=True):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        FileControlBus(str(root)).publish(fact(TOPIC, name))
    assert read(bus, TOPIC) == [fact(TOPIC, name) for name in names]


def superseded(old: str, new: str, at: str) -> Envelope:
    """That one run came after another."""
    said = fact(TOPIC, f"{old}<{new}", key=old, kind="RUN_SUPERSEDED")
    return attrs.evolve(said, published_at_utc=at, attributes={**said.attributes, "superseded_by": new})


def ready(run_id: str, at: str) -> Envelope:
    return attrs.evolve(fact(TOPIC, run_id, key=run_id), published_at_utc=at)


def unordered(root: Path, envelopes: list[Envelope]) -> None:
    """As an earlier release left them, or a copy of the envelopes alone."""
    (root / TOPIC).mkdir(parents=True, exist_ok=True)
    for at, one in enumerate(reversed(envelopes)):
        path = root / TOPIC / f"{one.message_id}.json"
        path.write_text(json.dumps(attrs.asdict(one)))
        os.utime(path, ns=(at, at))


@pytest.mark.parametrize("step", [0, 1, -1], ids=["one instant", "ascending", "clocks that differ"])
def test_envelopes_without_a_written_order_have_that_of_their_own_words(
    bus: FileControlBus, root: Path, step: int
) -> None:
    times = [f"2026-01-31T13:42:{30 + step * n:02}.000000Z" for n in range(9)]
    facts = [ready("r0", times[0])]
    for n in range(1, 5):
        facts += [ready(f"r{n}", times[2 * n - 1]), superseded(f"r{n - 1}", f"r{n}", times[2 * n])]
    unordered(root, facts)
    found = read(bus, TOPIC)
    assert sorted(found, key=lambda one: one.message_id) == sorted(facts, key=lambda one: one.message_id)
    if step == 1:
        assert found == facts
    for one in facts:
        if one.attributes["kind"] == "RUN_SUPERSEDED":
            about = [ready.partition_key for ready in found[: found.index(one)] if ready.attributes["kind"] == "READY"]
            assert {one.partition_key, one.attributes["superseded_by"]} <= set(about)


def test_what_an_earlier_release_published_comes_first_and_keeps_its_place(bus: FileControlBus, root: Path) -> None:
    old = [ready(f"r{n}", f"2026-01-31T13:42:0{9 - n}.000000Z") for n in range(4)]
    unordered(root, old)
    first = fact(TOPIC, "new")
    bus.publish(first)
    assert read(bus, TOPIC) == [*reversed(old), first]
    bus.publish(attrs.evolve(fact(TOPIC, "newer"), published_at_utc="2026-01-01T00:00:00.000000Z"))
    assert read(bus, TOPIC)[:5] == [*reversed(old), first]


def test_a_name_that_got_no_file_holds_nothing_up(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the order and the file; another cuts the order's last line."""
    bus.publish(fact(TOPIC, "one"))

    def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(durable, "link_once", dies)
        with pytest.raises(KeyboardInterrupt):
            bus.publish(fact(TOPIC, "two"))
    assert read(bus, TOPIC) == [fact(TOPIC, "one")]
    with (root / TOPIC / ".sr-store-order").open("a") as file:
        file.write("half a na")
    bus.publish(fact(TOPIC, "three"))
    bus.publish(fact(TOPIC, "two"))
    assert read(bus, TOPIC) == [fact(TOPIC, name) for name in ("one", "three", "two")]


def test_a_follower_from_now_gets_what_was_being_published(
    bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.publish(fact(TOPIC, "one"))
    real, tails = durable.link_once, []

    def linked(folder: int, draft: str, name: str) -> bool:
        tails.append(FileControlBus(str(root)).tail(TOPIC, from_start=False))
        return real(folder, draft, name)

    monkeypatch.setattr(durable, "link_once", linked)
    bus.publish(fact(TOPIC, "two"))
    assert list(tails[0]) == [fact(TOPIC, "two")]


def test_publishers_of_a_topic_take_turns(bus: FileControlBus, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.publish(fact(TOPIC, "one"))
    monkeypatch.setattr(durable, "LOCK_WAIT_S", 0.02)
    folder = os.open(root / TOPIC, os.O_RDONLY)
    with durable.locked(folder, ".sr-store-lock"), pytest.raises(Unreachable, match="keeps the lock"):
        bus.publish(fact(TOPIC, "two"))
    os.close(folder)
    assert files(root) == [f"{message_id('one')}.json"]


def test_close_ends_a_follower(bus: FileControlBus) -> None:
    got: list[Envelope] = []
    follower = threading.Thread(target=lambda: got.extend(bus.tail(TOPIC, follow=True)))
    bus.publish(fact(TOPIC, "one"))
    follower.start()
    bus.close()
    follower.join(60)
    assert not follower.is_alive()
    assert got == [fact(TOPIC, "one")]


def test_a_follower_waits_for_a_topic_nobody_published_to_yet(bus: FileControlBus, root: Path) -> None:
    late = bus.tail(TOPIC, from_start=False, follow=True)
    FileControlBus(str(root)).publish(fact(TOPIC, "one"))
    assert next(late) == fact(TOPIC, "one")


def test_processes_publishing_one_fact_at_once_keep_one(root: Path) -> None:
    finish([start("publish", root, TOPIC, "same", 20) for _ in range(4)])
    assert files(root) == sorted(f"{message_id(f'same-{n}')}.json" for n in range(20))


def test_processes_publishing_apart_lose_nothing_and_keep_order(root: Path) -> None:
    finish([start("publish", root, TOPIC, f"who{who}", 20) for who in range(4)])
    found = read(FileControlBus(str(root)), TOPIC)
    for who in range(4):
        assert [e for e in found if e.partition_key == f"who{who}"] == [
            fact(TOPIC, f"who{who}-{n}", key=f"who{who}") for n in range(20)
        ]


def in_homes(runs: Path) -> dict[str, list[str]]:
    """Of each platform run, the files on its topic."""
    topics = {home.name: home / "control_bus" / TOPIC for home in (runs / "fraud-platform").iterdir()}
    return {
        name: sorted(path.name for path in topic.iterdir() if not path.name.startswith(".sr-store"))
        for name, topic in topics.items()
    }


def test_a_profile_gives_the_root_or_leaves_it_to_the_home_of_each_run(tmp_path: Path) -> None:
    mine = session(tmp_path, "platform_20300101T000000Z")
    mine.publish(fact(TOPIC, "one", home=HOMES[1]))
    session(tmp_path, HOMES[1]).publish(fact(TOPIC, "one", home=HOMES[1]))
    session(tmp_path, HOMES[1]).publish(fact(TOPIC, "two"))
    assert in_homes(tmp_path) == {
        HOMES[0]: [f"{message_id('two')}.json"],
        HOMES[1]: [f"{message_id('one')}.json"],
    }
    chosen = build(wired(FolderSettings, "control_bus", {"root": str(tmp_path / "x")}, tmp_path))
    assert chosen.describe() == f"folder {tmp_path / 'x'}"
    assert str(tmp_path / "fraud-platform") in mine.describe()
    chosen.publish(fact(TOPIC, "one"))
    assert files(tmp_path / "x") == [f"{message_id('one')}.json"]


def test_no_session_is_needed_to_file_or_read(tmp_path: Path) -> None:
    def none() -> str:
        raise AssertionError("the bus asked for the session's platform run")

    bus = build(attrs.evolve(wired(FolderSettings, "control_bus", {}, tmp_path), platform_run_id=none))
    assert read(bus, TOPIC) == []
    bus.publish(fact(TOPIC, "one"))
    assert read(bus, TOPIC) == [fact(TOPIC, "one")]
    assert list(bus.tail(TOPIC, from_start=False)) == []


def test_homes_are_read_as_one_story_by_when_facts_were_published(tmp_path: Path) -> None:
    bus = session(tmp_path, HOMES[0])
    times = [f"2026-01-31T13:42:{second:02}.000000Z" for second in range(12)]
    sent = [
        attrs.evolve(fact(TOPIC, f"m{n}", key=f"run-{n % 3}", home=HOMES[n % 3]), published_at_utc=at)
        for n, at in enumerate(times)
    ]
    for home in range(3):
        for envelope in sent[home::3]:
            bus.publish(envelope)
    assert read(bus, TOPIC) == sent


def test_of_one_moment_the_successors_ready_comes_before_what_it_did_to_the_old_run(tmp_path: Path) -> None:
    bus = session(tmp_path, HOMES[0])
    bus.publish(superseded("old", "new", AT))
    bus.publish(fact(TOPIC, "new", key="new", home=HOMES[1]))
    assert [one.attributes["kind"] for one in read(bus, TOPIC)] == ["READY", "RUN_SUPERSEDED"]


def test_within_a_home_the_written_order_stands_whatever_clocks_said(tmp_path: Path) -> None:
    bus = session(tmp_path, HOMES[0])
    mine = [
        attrs.evolve(fact(TOPIC, f"m{n}"), published_at_utc=f"2026-01-31T13:42:{30 - n:02}.000000Z") for n in range(5)
    ]
    for envelope in mine:
        bus.publish(envelope)
    bus.publish(fact(TOPIC, "other", key="other", home=HOMES[1]))
    assert [one for one in read(bus, TOPIC) if one.partition_key == "run-1"] == mine


def test_a_damaged_file_in_one_home_hides_nothing_that_was_published_before_it_elsewhere(tmp_path: Path) -> None:
    bus = session(tmp_path, HOMES[0])
    for n in range(3):
        bus.publish(fact(TOPIC, f"m{n}", home=HOMES[1]))
    bus.publish(fact(TOPIC, "bad"))
    (tmp_path / "fraud-platform" / HOMES[0] / "control_bus" / TOPIC / f"{message_id('bad')}.json").write_text("{")
    found = bus.tail(TOPIC)
    assert [next(found).message_id for _ in range(3)] == [message_id(f"m{n}") for n in range(3)]
    with pytest.raises(BadInput, match="is no bus envelope"):
        next(found)


def test_a_follower_lists_no_folder_that_has_been_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus, listed = session(tmp_path, HOMES[0]), list[str]()
    for home in HOMES:
        bus.publish(fact(TOPIC, home, key=home, home=home))
        topic = tmp_path / "fraud-platform" / home / "control_bus" / TOPIC
        os.utime(topic, ns=(time.time_ns() - 10**10, time.time_ns() - 10**10))
    real = FileControlBus._unseen

    def unseen(self: FileControlBus, place: Place, seen: set[str]) -> Iterator[Found]:
        listed.append(place[1])
        return real(self, place, seen)

    monkeypatch.setattr(FileControlBus, "_unseen", unseen)
    found = bus.tail(TOPIC, follow=True)
    assert {next(found).partition_key for _ in HOMES} == set(HOMES)
    threading.Timer(0.2, lambda: session(tmp_path, HOMES[0]).publish(fact(TOPIC, "news", home=HOMES[1]))).start()
    assert next(found) == fact(TOPIC, "news", home=HOMES[1])
    assert [listed.count(home) for home in (HOMES[0], HOMES[2])] == [1, 1]
    assert listed.count(HOMES[1]) > 1


def test_what_is_published_right_after_a_look_is_seen(tmp_path: Path) -> None:
    """However coarse the file system's times are: a folder of this moment is looked at again."""
    bus = session(tmp_path, HOMES[0])
    found = bus.tail(TOPIC, follow=True)
    for n in range(20):
        bus.publish(fact(TOPIC, f"m{n}"))
        topic = tmp_path / "fraud-platform" / HOMES[0] / "control_bus" / TOPIC
        os.utime(topic, ns=(time.time_ns(),) * 2)
        assert next(found) == fact(TOPIC, f"m{n}")


@pytest.mark.parametrize("home", ["..", ".", "a/b", "", ".hidden", None])
def test_a_home_that_is_no_plain_name_is_refused(tmp_path: Path, home: str | None) -> None:
    bad = fact(TOPIC, "one", home=home or "")
    if home is None:
        bad = attrs.evolve(bad, attributes={"kind": "READY", "run_id": "run-1"})
    with pytest.raises(BadInput):
        session(tmp_path / "runs", HOMES[0]).publish(bad)
    assert not (tmp_path / "runs").exists()


def test_what_lies_beside_the_platform_runs_is_no_home(tmp_path: Path) -> None:
    bus = session(tmp_path, HOMES[0])
    bus.publish(fact(TOPIC, "one"))
    beside = tmp_path / "fraud-platform"
    (beside / "_store.json").write_text("{}")
    (beside / "ACTIVE_RUN_ID").write_text(HOMES[0])
    (beside / HOMES[2] / "sr").mkdir(parents=True)
    (beside / "linked").symlink_to(beside / HOMES[0])
    assert read(bus, TOPIC) == [fact(TOPIC, "one")]


def test_a_failure_names_the_place_and_the_cause(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SrError) as raised:
        FileControlBus(str(tmp_path / "file")).publish(fact(TOPIC, "one"))
    assert raised.value.code is ReasonCode.BUS_UNREACHABLE
    assert str(tmp_path / "file") in raised.value.what
