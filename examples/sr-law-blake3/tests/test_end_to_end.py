"""The command line with this distribution installed: files to READY, and tampered twins that never are."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from sr_law_blake3.sums import line_of
from sr_plugins.testing import LawFolder

B3SUM = os.environ.get("SR_B3SUM") or shutil.which("b3sum")
FILES = {"orders/part-0.csv": b"1,2\n", "orders/part-1.csv": b"3,4\n", "notes.txt": b"beside them\n"}
METHOD = {"kind": "b3sums_file"}


def sums() -> str:
    return "".join(line_of(name, blake3(data).hexdigest()) for name, data in FILES.items())


@pytest.fixture
def folder(tmp_path: Path) -> LawFolder:
    """A folder of data with its manifest, which this law judges."""
    return LawFolder.write(tmp_path, {**FILES, "B3SUMS": sums().encode()}, "B3SUMS", METHOD)


def test_files_with_their_manifest_are_ready_judged_by_this_law_in_a_worker(folder: LawFolder) -> None:
    done = folder.sr("submit", "request.json")
    assert done.returncode == 0, done.stderr
    notes = folder.json("facts", "key:orders-1")["evidence_notes"]
    assert any("sr-law-blake3" in note for note in notes)
    assert not any(note.startswith("LAW_IN_CALLERS_PROCESS") for note in notes)
    assert folder.sr("verify", "key:orders-1").returncode == 0


def changed_byte(folder: LawFolder) -> None:
    (folder.data / "orders/part-0.csv").write_bytes(b"1,3\n")


def changed_byte_that_no_output_has(folder: LawFolder) -> None:
    (folder.data / "notes.txt").write_bytes(b"another\n")


def changed_line(folder: LawFolder) -> None:
    (folder.data / "B3SUMS").write_text(sums().replace(blake3(b"3,4\n").hexdigest(), "0" * 64))


def unlisted_output(folder: LawFolder) -> None:
    kept = [line for line in sums().splitlines(keepends=True) if "part-1" not in line]
    (folder.data / "B3SUMS").write_text("".join(kept))


def absent_file(folder: LawFolder) -> None:
    (folder.data / "notes.txt").unlink()


def linked_file(folder: LawFolder) -> None:
    (folder.folder / "elsewhere").write_bytes(FILES["notes.txt"])
    (folder.data / "notes.txt").unlink()
    (folder.data / "notes.txt").symlink_to(folder.folder / "elsewhere")


def torn_manifest(folder: LawFolder) -> None:
    (folder.data / "B3SUMS").write_text(sums()[:-1])


def empty_manifest(folder: LawFolder) -> None:
    (folder.data / "B3SUMS").write_text("")


def other_program(folder: LawFolder) -> None:
    (folder.data / "B3SUMS").write_text(sums().upper())


WAITING, QUARANTINED = 3, 5
TWINS: dict[Callable[[LawFolder], None], int] = {
    changed_byte: QUARANTINED,
    changed_byte_that_no_output_has: QUARANTINED,
    changed_line: QUARANTINED,
    linked_file: QUARANTINED,
    other_program: QUARANTINED,
    unlisted_output: WAITING,
    absent_file: WAITING,
    torn_manifest: WAITING,
    empty_manifest: WAITING,
}


@pytest.mark.parametrize("tamper", TWINS, ids=lambda tamper: tamper.__name__)
def test_a_tampered_twin_is_never_ready(folder: LawFolder, tamper: Callable[[LawFolder], None]) -> None:
    tamper(folder)
    done = folder.sr("submit", "request.json")
    assert done.returncode == TWINS[tamper], (done.stdout, done.stderr)
    assert folder.json("list", "--ready")["runs"] == []


def test_bytes_that_rot_after_ready_are_found(folder: LawFolder) -> None:
    assert folder.sr("submit", "request.json").returncode == 0
    changed_byte(folder)
    assert folder.sr("verify", "key:orders-1").returncode == QUARANTINED


@pytest.mark.parametrize(("params", "code"), [({"max_threads": 2}, 0), ({"max_treads": 2}, 2), ({"max_threads": 0}, 2)])
def test_params_are_those_of_the_schema(folder: LawFolder, params: dict[str, int], code: int) -> None:
    folder.judge_by({**METHOD, **params})
    done = folder.sr("submit", "request.json")
    assert done.returncode == code, done.stderr


@pytest.mark.skipif(B3SUM is None, reason="b3sum is not here: cargo install b3sum")
def test_the_readme_runs_as_written(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    done = LawFolder(tmp_path, "B3SUMS").sh(block, Path(str(B3SUM)).parent)
    assert done.returncode == 0, done.stderr
    assert "READY" in done.stdout
