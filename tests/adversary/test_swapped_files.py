"""A world that changes while it is proven: READY is of the sealed bytes, or it is not READY."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import attrs
import pytest

from tests.adversary.scene import FAULT, WAITING, Scene
from tests.adversary.world import (
    CUSTOMERS,
    FIRST,
    FLAG,
    INDEX,
    LATE,
    LATE_FLAG,
    ORDERS,
    SECOND,
    THIRD,
    anew,
    world,
    write,
)

OTHER = world("other")
UNSEALED = b"nobody sealed this"


def replaced(root: Path, path: str) -> None:
    """Another file takes its name."""
    new = root.parent / "new"
    new.write_bytes(OTHER[path])
    new.replace(root / path)


def rewritten(root: Path, path: str) -> None:
    """Other bytes of the same length in the very same file."""
    with (root / path).open("r+b") as file:
        file.write(OTHER[path])


def restored(root: Path, path: str) -> None:
    """The same, with the file's times put back."""
    before = (root / path).stat()
    rewritten(root, path)
    os.utime(root / path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped_and_back_in_time(root: Path, path: str) -> None:
    """Another file of the same size takes its name, with the times of the first."""
    before = (root / path).stat()
    replaced(root, path)
    os.utime(root / path, ns=(before.st_atime_ns, before.st_mtime_ns))


def removed(root: Path, path: str) -> None:
    (root / path).unlink()


def linked(root: Path, path: str) -> None:
    """A link out of the root in the file's place."""
    outside = write(root.parent / "outside", OTHER)
    (root / path).unlink()
    (root / path).symlink_to(outside / path)


def folder_linked(root: Path, path: str) -> None:
    """The file's folder is a link out of the root, to a folder with the same names."""
    outside, folder = write(root.parent / "outside", OTHER), (root / path).parent
    folder.rename(root.parent / "taken")
    folder.symlink_to((outside / path).parent)


def joined(root: Path, path: str) -> None:
    """A file that nobody sealed comes into the folder."""
    (root / THIRD).write_bytes(UNSEALED)


@attrs.frozen
class Swap:
    """What is done to which file of the world."""

    path: str
    how: Callable[[Path, str], None]

    def __str__(self) -> str:
        return f"{self.path.rsplit('/', 1)[-1]} {self.how.__name__}"

    def __call__(self, scene: Scene) -> None:
        self.how(scene.root, self.path)


QUICK = (Swap(CUSTOMERS, restored), Swap(SECOND, replaced), Swap(FIRST, folder_linked), Swap(SECOND, joined))
SLOW = QUICK + tuple(
    Swap(path, how)
    for path in (FIRST, SECOND, CUSTOMERS, LATE, FLAG, LATE_FLAG, INDEX)
    for how in (replaced, rewritten, restored, swapped_and_back_in_time, removed, linked, folder_linked)
    if (path, how) not in {(one.path, one.how) for one in QUICK}
    and not (path == INDEX and how in (rewritten, restored))
)
"""The index of both worlds has the same bytes: written again in place it is still the same evidence, or unstable."""


@pytest.fixture
def rehearsed(fresh: Iterator[Scene]) -> list[str]:
    """The moments of an undisturbed submit. It ends READY: the twin of every attack here."""
    scene = next(fresh)
    moments = scene.moments()
    scene.ready(scene.attacked(moments), world())
    assert moments.seen
    return moments.seen


SWAPS = [pytest.param(one, slice(n % 3, None, 3), id=f"{one}, a sample") for n, one in enumerate(QUICK)]
SWAPS += [pytest.param(one, slice(None), id=str(one), marks=pytest.mark.slow) for one in SLOW]


@pytest.mark.parametrize(("swap", "moments_of"), SWAPS)
def test_a_swap_at_any_moment_never_makes_ready_of_bytes_that_no_gate_saw(
    fresh: Iterator[Scene], rehearsed: list[str], swap: Swap, moments_of: slice
) -> None:
    codes = []
    name = swap.path.rsplit("/", 1)[-1]
    for at in range(len(rehearsed))[moments_of]:
        scene = next(fresh)
        moments = scene.moments(at=at, act=partial(swap, scene))
        answer = scene.attacked(moments)
        assert len(moments.seen) > at, "the attack did not happen"
        codes.append(answer.code)
        try:
            known = name in moments.seen[:at]  # the file had been opened: its identity was known
            if answer.code == 0:
                scene.still_ready(answer, UNSEALED if swap.how is joined else None)
                continue
            scene.not_ready(answer, WAITING, *(() if known else (FAULT,)))
            if answer.code == WAITING:
                mends(scene)
        except AssertionError as error:
            error.add_note(f"{swap} at moment {at} of {moments.seen}")
            raise
        finally:
            shutil.rmtree(scene.folder)
    assert WAITING in codes, codes


def mends(scene: Scene) -> None:
    """The world is sound again and stands still: the very same run ends READY."""
    for path in (scene.root / "data", scene.root / "seal", scene.root / "late", scene.root / ORDERS):
        if path.is_symlink():
            path.unlink()
    anew(scene.root, world())
    scene.ready(scene.sr("resume", scene.record()[0]["run_id"]), world())


@pytest.mark.parametrize("beside", ["data/notes.txt", "late.txt", "data/orders/seed=8/x.bin"])
def test_what_no_gate_and_no_output_names_may_change_at_any_moment(
    fresh: Iterator[Scene], rehearsed: list[str], beside: str
) -> None:
    """The innocent twin: not every change in a root is an attack."""
    for at in range(0, len(rehearsed), 4):
        scene = next(fresh)
        write(scene.root, {beside: b"before"})
        moments = scene.moments(at=at, act=partial(write, scene.root, {beside: b"after it"}))
        scene.ready(scene.attacked(moments), world())
        assert len(moments.seen) > at


def test_a_world_sealed_anew_before_it_is_asked_for_is_ready_of_its_new_bytes(scene: Scene) -> None:
    write(scene.root, OTHER)
    scene.ready(scene.submit(), OTHER)
