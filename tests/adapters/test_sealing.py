"""The sealing library: what an engine in Python calls, with the standard library and attrs alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sr_adapters.sealing import OWN_NAMES, Pins, SealRefused, engine_run, scan, seal
from sr_adapters.sealing import digests as reading
from sr_adapters.sealing import folder as writing

REPO = Path(__file__).resolve().parents[2]
PINS = Pins("1" * 32, "a" * 64, "b" * 64, 7)
ALONE = """
import sys
class Alone:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        own = name == "sr_adapters" or name.startswith("sr_adapters.sealing")
        if top not in sys.stdlib_module_names and top not in ("attr", "attrs") and not own:
            raise ImportError(f"{name} is not to be needed")
sys.meta_path.insert(0, Alone())
from sr_adapters.sealing import seal
print(seal(sys.argv[1]).manifest_fingerprint)
"""


def data(root: Path, *names: str) -> Path:
    for name in names or ("orders/a.csv", "orders/b.csv", "customers.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def files(root: Path) -> set[str]:
    return {one.relative_to(root).as_posix() for one in root.rglob("*") if one.is_file()}


def test_it_needs_the_standard_library_and_attrs_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ALONE, str(data(tmp_path))]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(REPO)}, capture_output=True, check=True, text=True
    )
    assert (tmp_path / "_sr" / done.stdout.strip() / "_passed.flag").is_file()


def test_index_and_flag_say_what_is_there(tmp_path: Path) -> None:
    before = files(data(tmp_path))
    sealed = seal(tmp_path)
    home = tmp_path / "_sr" / sealed.manifest_fingerprint
    index = (home / "index.json").read_bytes()
    assert json.loads(index) == [
        {"path": path, "sha256": hashlib.sha256(path.encode()).hexdigest(), "size": len(path)}
        for path in sorted(before)
    ]
    assert hashlib.sha256(index).hexdigest() == sealed.manifest_fingerprint == sealed.index_sha256
    assert (home / "_passed.flag").read_text() == f"sha256_hex = {sealed.index_sha256}\n"
    assert files(tmp_path) - before == {f"_sr/{home.name}/index.json", f"_sr/{home.name}/_passed.flag"}


def test_a_run_s_seal_lies_under_its_pins_with_its_receipt(tmp_path: Path) -> None:
    sealed = seal(data(tmp_path), pins=PINS)
    assert sealed.manifest_fingerprint == PINS.manifest_fingerprint
    assert json.loads((tmp_path / "run_receipt.json").read_text()) == {
        "run_id": "1" * 32,
        "manifest_fingerprint": "a" * 64,
        "parameter_hash": "b" * 64,
        "seed": 7,
    }
    assert not seal(tmp_path, pins=PINS).written
    (tmp_path / "orders/a.csv").write_text("another")
    assert seal(tmp_path, pins=PINS).written


def test_own_names_and_dot_files_are_no_data(tmp_path: Path) -> None:
    data(tmp_path, *(f"{name}/x" for name in OWN_NAMES if "." not in name), *(n for n in OWN_NAMES if "." in n))
    data(tmp_path, ".git/config", ".env", "orders/.DS_Store", "orders/.cache/x", "orders/runs/x", "pack.csv")
    assert [one.path for one in scan(tmp_path).files] == ["orders/runs/x", "pack.csv"]
    assert scan(tmp_path).aside == ("orders/.DS_Store", "orders/.cache/x")


def test_only_the_files_that_are_asked_for(tmp_path: Path) -> None:
    sealed = seal(data(tmp_path), paths=["orders/a.csv"])
    assert [one.path for one in sealed.parts] == ["orders/a.csv"]
    with pytest.raises(SealRefused, match="'absent' is no data file"):
        seal(tmp_path, paths=["absent"])


@pytest.mark.parametrize("stands", ["index.json", "_passed.flag"])
def test_a_seal_that_was_altered_or_cut_short_is_written_again(tmp_path: Path, stands: str) -> None:
    home = Path(seal(data(tmp_path)).root, "_sr", seal(tmp_path).manifest_fingerprint)
    whole = (home / stands).read_bytes()
    for bad in (whole[:10], b"other"):
        (home / stands).write_bytes(bad)
        assert seal(tmp_path).written
        assert (home / stands).read_bytes() == whole
        assert {one.name for one in home.iterdir()} == {"index.json", "_passed.flag"}


def test_the_flag_comes_last_and_never_speaks_of_another_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal(data(tmp_path), pins=PINS)
    home = tmp_path / "_sr" / PINS.manifest_fingerprint
    (tmp_path / "orders/a.csv").write_text("another")
    moved: list[tuple[str, bool]] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        moved.append((Path(target).name, (home / "_passed.flag").exists()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    seal(tmp_path, pins=PINS)
    assert moved == [("index.json", False), ("_passed.flag", False)]


def test_a_disk_that_fails_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SealRefused, match="No space left on device"):
        seal(data(tmp_path))
    assert not [one for one in (tmp_path / "_sr").rglob("*") if one.is_file()]
    monkeypatch.undo()
    assert seal(tmp_path).written


def test_a_file_that_changes_or_goes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = data(tmp_path) / "orders/b.csv"

    def growing(done: int, total: int) -> None:
        victim.write_text("other and longer")

    with pytest.raises(SealRefused, match="changed while it was read"):
        seal(tmp_path, workers=1, progress=growing)
    assert not (tmp_path / "_sr").exists()
    found = scan(tmp_path).files
    victim.unlink()
    victim.symlink_to("a.csv")
    with pytest.raises(SealRefused, match="cannot be read"):
        reading.read_parts(tmp_path, found)


@pytest.mark.parametrize("place", ["_sr", "_sr/" + "a" * 64])
def test_no_link_is_followed_to_the_seal_s_own_place(tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = data(tmp_path / "root")
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).symlink_to(outside)
    with pytest.raises(SealRefused, match="symbolic link"):
        seal(root, pins=PINS)
    assert files(outside) == set()


def test_an_index_larger_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sr_adapters.sealing.sealer.INDEX_LIMIT", 100)
    with pytest.raises(SealRefused, match="3 files is larger than 100 bytes; seal fewer"):
        seal(data(tmp_path))
    assert not (tmp_path / "_sr").exists()


def test_files_are_read_by_as_many_threads_as_are_asked_for(tmp_path: Path) -> None:
    seen: set[int] = set()
    meet = threading.Barrier(2, timeout=30)

    def together(done: int, total: int) -> None:
        seen.add(threading.get_ident())

    class Meeting(reading._Reader):
        def _whole(self, *args: Any) -> Any:
            meet.wait()
            return super()._whole(*args)

    found = scan(data(tmp_path, "a", "b")).files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_Reader", Meeting)
        assert [one.path for one in reading.read_parts(tmp_path, found, workers=2, progress=together)] == ["a", "b"]
    assert len(seen) == 2


def test_an_engine_knows_its_run_from_the_environment(tmp_path: Path) -> None:
    invocation = {**json.loads(PINS.receipt()), "scenario_binding": {"scenario_set": ["b", "a", "b"]}}
    given = {"SR_ENGINE_INVOCATION_JSON": json.dumps(invocation), "SR_ENGINE_RUN_ROOT": str(tmp_path)}
    run = engine_run(given)
    assert (run.pins, run.root) == (PINS, str(tmp_path))
    from sr_domain.encoding.ids import scenario_id_for

    assert run.variables() == {
        "SR_ENGINE_RUN_ROOT": str(tmp_path),
        "SR_RUN_ID": "1" * 32,
        "SR_MANIFEST_FINGERPRINT": "a" * 64,
        "SR_PARAMETER_HASH": "b" * 64,
        "SR_SEED": "7",
        "SR_SCENARIO_ID": scenario_id_for(["a", "b"]),
    }
    for text in (
        "",
        "{",
        "[]",
        "{}",
        '{"run_id": "1", "manifest_fingerprint": "a", "parameter_hash": "b", "seed": "x"}',
    ):
        with pytest.raises(SealRefused, match="SR_ENGINE_INVOCATION_JSON"):
            engine_run({**given, "SR_ENGINE_INVOCATION_JSON": text})


def test_a_fingerprint_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealRefused, match="manifest_fingerprint"):
        writing.write_seal(str(tmp_path), "../" + "a" * 61, b"", b"", None)
