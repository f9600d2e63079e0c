"""A root that is still being written is waited for, in whatever order it comes; a contradiction that stands is not."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.adversary.moments import Moments, watched
from tests.adversary.scene import FAULT, RUN, WAITING, Scene
from tests.adversary.world import CUSTOMERS, FIRST, FLAG, INDEX, LATE, LATE_FLAG, SECOND, flag, world, write
from tests.adversary.world import ORDERS as FOLDER

WORLD = world()
FLAGS_FIRST = (LATE_FLAG, FLAG, INDEX, LATE, SECOND, CUSTOMERS, FIRST)
BYTES_FIRST = tuple(reversed(FLAGS_FIRST))
INDEX_LAST = (FLAG, FIRST, SECOND, CUSTOMERS, LATE_FLAG, LATE, INDEX)
SHUFFLED = [tuple(random.Random(seed).sample(sorted(WORLD), len(WORLD))) for seed in range(6)]
SETTLE_S = 1
NAMED = {"flags first": FLAGS_FIRST, "bytes first": BYTES_FIRST, "index last": INDEX_LAST}
ORDERS = [
    *(pytest.param(order, id=name) for name, order in NAMED.items()),
    *(pytest.param(order, id=f"shuffled {n}", marks=pytest.mark.slow) for n, order in enumerate(SHUFFLED)),
]


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Something goes on beside the block; it must come to an end by itself."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


@pytest.fixture
def empty(scene: Scene) -> Scene:
    """A scene whose engine root is there and has nothing in it yet."""
    scene.wire(settle_s=SETTLE_S)
    scene.root.rename(scene.folder / "source")
    scene.root.mkdir()
    return scene


def copied(scene: Scene, order: Sequence[str], pause_s: float) -> None:
    """Each file in its turn, in two halves, each after a pause."""
    for path in order:
        time.sleep(pause_s)
        half = len(WORLD[path]) // 2
        write(scene.root, {path: WORLD[path][:half]})
        time.sleep(pause_s)
        with (scene.root / path).open("ab") as file:
            file.write(WORLD[path][half:])


@pytest.mark.parametrize("order", ORDERS)
def test_a_root_that_is_copied_under_a_waiting_submit_ends_ready(empty: Scene, order: Sequence[str]) -> None:
    with meanwhile(lambda: copied(empty, order, 0.15)):
        answer = empty.submit("key", "--wait", "30")
    empty.ready(answer, WORLD)


@pytest.mark.parametrize("path", [FLAG, INDEX])
def test_a_file_that_got_its_length_before_its_bytes_is_waited_for(scene: Scene, path: str) -> None:
    begun = WORLD[path][:9]
    write(scene.root, {path: begun.ljust(len(WORLD[path]), b"\0")})
    scene.not_ready(scene.submit(), WAITING)
    write(scene.root, {path: WORLD[path]})
    scene.ready(scene.sr("resume", RUN), WORLD)


def test_a_root_that_never_stands_still_is_looked_at_ever_less_often(scene: Scene) -> None:
    scene.wire(settle_s=SETTLE_S)
    over, at, paused = threading.Event(), time.monotonic(), 0.0

    def written() -> None:
        nonlocal at, paused
        for number in range(3000):
            if not over.wait(0.01):
                write(scene.root, {f"{FOLDER}/{number}.bin": b"more"})
                at, before = time.monotonic(), at
                paused = max(paused, at - before)

    read = FLAG.rpartition("/")[2]
    looks = Moments({read})
    with meanwhile(written), watched(looks):
        answer = scene.submit("key", "--wait", "6")
        over.set()
    if answer.code == 0 and paused >= SETTLE_S:
        pytest.skip(f"this machine let the root stand still for {paused:.1f} s")
    scene.not_ready(answer, WAITING)
    assert 2 <= looks.seen.count(read) <= 7
    assert scene.kinds().count("EVIDENCE_WAITING") == 1, "the record does not grow look by look"
    assert "LEASE_TAKEN" not in scene.kinds()


@pytest.mark.slow
@pytest.mark.parametrize("order", [FLAGS_FIRST, INDEX_LAST], ids=["flags first", "index last"])
def test_a_copy_that_pauses_where_the_index_names_what_is_to_come_ends_ready(
    empty: Scene, order: Sequence[str]
) -> None:
    def slowly() -> None:
        for path in order:
            time.sleep(SETTLE_S * 1.5)
            (empty.root / path).parent.mkdir(parents=True, exist_ok=True)
            new = empty.root / "coming"
            new.write_bytes(WORLD[path])
            new.replace(empty.root / path)

    with meanwhile(slowly):
        answer = empty.submit("key", "--wait", "60")
    empty.ready(answer, WORLD)


@pytest.mark.parametrize("path", [FLAG, INDEX], ids=["flag", "index"])
def test_a_torn_flag_or_index_waits_however_long_it_stands(empty: Scene, path: str) -> None:
    write(empty.root, {**WORLD, path: WORLD[path][: len(WORLD[path]) // 2]})
    empty.not_ready(empty.submit("key", "--wait", str(SETTLE_S * 2)), WAITING)
    write(empty.root, {path: WORLD[path]})
    empty.ready(empty.submit("key", "--wait", "20"), WORLD)


def test_a_root_that_never_stands_still_waits_and_is_ready_once_it_does(scene: Scene) -> None:
    """It never has the bytes that its seal names: however slow the machine, READY would be false."""
    scene.wire(settle_s=30)
    stop = threading.Event()

    def churn() -> None:
        while not stop.wait(0.005):
            for other in ("other", "another"):
                write(scene.root, {CUSTOMERS: world(other)[CUSTOMERS]})

    write(scene.root, {CUSTOMERS: world("other")[CUSTOMERS]})
    with meanwhile(churn):
        answer = scene.submit("key", "--wait", "2")
        stop.set()
    scene.not_ready(answer, WAITING)
    assert "EVIDENCE_UNSTABLE" in answer.out + answer.err
    write(scene.root, {CUSTOMERS: WORLD[CUSTOMERS]})
    scene.ready(scene.sr("resume", RUN), WORLD)


def test_a_contradiction_that_stands_is_believed(scene: Scene) -> None:
    """However young its files are, once they stood still for the time that it takes."""
    scene.wire(settle_s=SETTLE_S)
    write(scene.root, {FLAG: flag("0" * 64)})
    begun = time.monotonic()
    scene.not_ready(scene.submit(), FAULT)
    assert time.monotonic() - begun >= SETTLE_S
    assert "RUN_QUARANTINED" in scene.kinds()


def test_a_sound_root_waits_for_nothing(scene: Scene) -> None:
    """The innocent twin: only a contradiction costs the time that it takes to be believed."""
    scene.wire(settle_s=30)
    begun = time.monotonic()
    scene.ready(scene.submit(), WORLD)
    assert time.monotonic() - begun < 15


def test_a_contradiction_that_is_mended_while_it_settles_is_no_contradiction(scene: Scene) -> None:
    scene.wire(settle_s=SETTLE_S * 2)
    write(scene.root, {FLAG: flag("0" * 64)})

    def mend() -> None:
        time.sleep(SETTLE_S)
        write(scene.root, {FLAG: WORLD[FLAG]})

    with meanwhile(mend):
        answer = scene.submit("key", "--wait", "20")
    scene.ready(answer, WORLD)
