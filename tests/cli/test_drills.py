"""The drills of docs/operations.md for records that lost events: what is typed there ends as it says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.cli.conftest import SR, Shell

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
RUN = run_id_for("key")


def drills() -> dict[str, list[tuple[list[str], int]]]:
    """Each drill's first words, and its commands with their exit codes."""
    found = re.findall(r"^Drill: (.+?)\n\n```sh\n(.+?)```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return {title: [typed(line) for line in block.splitlines()] for title, block in found}


def typed(line: str) -> tuple[list[str], int]:
    words, _, code = line.rpartition("# exit ")
    return shlex.split(words.replace("RUN", RUN))[1:], int(code)


def truth(sr: Shell, kind: str) -> Path:
    (path,) = (sr.folder / "runs/fraud-platform").glob(f"platform_*/sr/{kind}/{RUN}.json*")
    return path


def ready(sr: Shell) -> None:
    assert sr("submit", sr.request()).code == 0


def waits(sr: Shell) -> None:
    (sr.folder / "policy.yaml").write_text('policy_id: test\nrevision: "2"\nevidence_wait_seconds: 600\n')
    assert sr.bare("policy", "seal", "policy.yaml").code == 0
    (sr.folder / "root/end/_passed.flag").unlink()
    assert sr("submit", sr.request()).code == 3


def cut(sr: Shell, before: bytes) -> None:
    """The record as it was before its first event of this kind."""
    path = truth(sr, "run_record")
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if b'"event_kind":"%s"' % before in line)
    path.write_bytes(b"".join(lines[:at]))


def record_gone(sr: Shell) -> None:
    ready(sr)
    truth(sr, "run_record").unlink()


def all_gone(sr: Shell) -> None:
    ready(sr)
    for path in (sr.folder / "runs/fraud-platform").glob("platform_*/sr/*/*"):
        if path.is_file() and RUN in path.name and path.parent.name != "run_facts_view":
            path.unlink()


def junk(sr: Shell) -> None:
    ready(sr)
    truth(sr, "run_record").write_bytes(b"junk\n")


def anothers(sr: Shell) -> None:
    ready(sr)
    assert sr("submit", sr.request("other", "other.yaml")).code == 0
    own = truth(sr, "run_record")
    own.write_bytes(own.with_name(f"{run_id_for('other')}.jsonl").read_bytes())


def older_waits(sr: Shell) -> None:
    waits(sr)
    cut(sr, b"EVIDENCE_STARTED")


def older_ready(sr: Shell) -> None:
    ready(sr)
    cut(sr, b"READY_PUBLISHED")


def gone(kind: str) -> Callable[[Shell], None]:
    def lose(sr: Shell) -> None:
        ready(sr)
        truth(sr, kind).unlink()

    return lose


SCENES = {
    "the record of a READY run is gone": (record_gone, all_gone),
    "the record is no record": (junk, anothers),
    "the record of a run that waits": (older_waits,),
    "the record of a READY run is an older one": (older_ready,),
    "the plan, the facts view or the READY signal": tuple(map(gone, ("run_plan", "run_facts_view", "ready_signal"))),
}
CASES = [(title, scene) for title, scenes in SCENES.items() for scene in scenes]


@pytest.mark.parametrize(("title", "scene"), CASES, ids=lambda part: getattr(part, "__name__", str(part)[:30]))
def test_a_drill_ends_as_the_page_says(sr: Shell, title: str, scene: Callable[[Shell], None]) -> None:
    (commands,) = [commands for told, commands in drills().items() if told.startswith(title)]
    scene(sr)
    for words, code in commands:
        answer = sr(*words)
        assert answer.code == code, (words, answer)
        if words[0] == "audit" and code:
            assert f"{SR} {commands[1][0][0]} {RUN}" in answer.err, "the line says what to type"


def test_every_drill_of_the_page_has_its_scene() -> None:
    assert sorted(SCENES) == sorted(next(one for one in SCENES if title.startswith(one)) for title in drills())
