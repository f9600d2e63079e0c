"""A file changed through mapped memory, of which its times tell nothing: gate and output are of the bytes read first.

The file system stamps a page's first change alone; what is written to it before the kernel has put it away shows in
no time of the file.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adversary.scene import FAULT, WAITING, Scene
from tests.adversary.world import CUSTOMERS, SECOND, proven, world

OTHER = world("other")


@contextmanager
def mapped(path: Path, data: bytes) -> Iterator[mmap.mmap]:
    """The file in memory, its one page changed already; a change of its size would show."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), len(data)) as memory:
        memory[:] = data
        yield memory


@pytest.mark.parametrize("path", [CUSTOMERS, SECOND])
def test_what_is_written_through_mapped_memory_is_never_told_of(fresh: Iterator[Scene], path: str) -> None:
    rehearsal = next(fresh)
    moments = rehearsal.moments()
    rehearsal.ready(rehearsal.attacked(moments), world())
    read = moments.first(path.rsplit("/", 1)[-1])
    for at in range(read, len(moments.seen)):
        scene = next(fresh)
        with mapped(scene.root / path, world()[path]) as memory:
            answer = scene.attacked(scene.moments(at=at, act=lambda memory=memory: memory.write(OTHER[path])))
        if answer.code == 0:
            assert scene.told() == proven(world()), moments.seen[at]
        else:
            scene.not_ready(answer, WAITING, FAULT)


def test_a_file_that_is_only_mapped_is_evidence_as_any_other(scene: Scene) -> None:
    with mapped(scene.root / SECOND, world()[SECOND]):
        scene.ready(scene.submit(), world())
