"""The drills of docs/operations.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import Shell

RUN = run_id_for("key")
TEXT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
DRILLS = dict(re.findall(r"^### Drill: ([^\n]+)\n.*?^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def older(place: Path) -> None:
    (record,) = place.glob(f"truth/fraud-platform/*/sr/run_record/{RUN}.jsonl")
    record.write_bytes(b"".join(record.read_bytes().splitlines(keepends=True)[:4]))


def emptied(place: Path) -> None:
    shutil.rmtree(place / "truth" / "fraud-platform")


def copied(place: Path) -> None:
    shutil.copytree(place / "truth", place / "copy")
    profile = place / "profile.yaml"
    profile.write_text(profile.read_text().replace("root: truth", "root: copy"))


def lost(place: Path) -> None:
    for file in place.glob("authority.db*"):
        file.unlink()


def nothing(place: Path) -> None:
    """Only a moment between two commands."""


STORIES: dict[str, tuple[Callable[[Path], None], Callable[[Path], None]]] = {
    "the store was restored from an older backup": (older, nothing),
    "the store was emptied": (emptied, nothing),
    "the profile names a copy of the store": (copied, nothing),
    "the store was moved": (copied, lambda place: shutil.rmtree(place / "truth")),
    "the authority was lost, or restored from an older backup": (lost, nothing),
}
"""What has happened, and what somebody does between the first command and the second."""


@pytest.fixture
def ready(sr: Shell) -> Shell:
    """A READY run in a store and under an authority that each have a place of their own."""
    profile = sr.folder / "profile.yaml"
    text = "object_store: {adapter: file, root: truth}\nauthority: {adapter: sqlite, path: authority.db}\n"
    profile.write_text(profile.read_text() + text)
    assert sr("submit", sr.request()).code == 0
    sr.request("other", "other.yaml")
    return sr


def test_there_is_a_story_for_each_drill() -> None:
    assert set(DRILLS) == set(STORIES)


@pytest.mark.parametrize("drill", list(STORIES))
def test_the_drill_runs_as_written(ready: Shell, drill: str) -> None:
    happened, meanwhile = STORIES[drill]
    happened(ready.folder)
    for number, line in enumerate(DRILLS[drill].splitlines()):
        typed, ends = line.split("#")
        code, *reason = ends.split()
        _, *args = shlex.split(typed.replace("RUN", RUN))
        answer = ready(*args)
        assert answer.code == int(code), (line, answer)
        if reason:
            assert answer.error == reason[0]
        if number == 0:
            meanwhile(ready.folder)
