"""READY and the facts view are enough: a consumer with no code of ours finds every byte, and sees each change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sr_domain.encoding.ids import run_id_for
from tests.kit import Lab, request
from tests.worlds import DAILY, EVENTS, WORLD, small_world


def read(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the consumer says, started in an interpreter of its own."""
    program, topic = Path(__file__).with_name("reader.py"), folder / "truth" / "bus" / "fp.bus.control.v1"
    command = [sys.executable, "-I", str(program), str(topic), str(folder / "truth")]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A run that may be read, and the root of its evidence."""
    lab = Lab.files(tmp_path)
    root = lab.world(small_world())
    assert lab.runner().submit(request(engine_run_root=root)).published
    lab.authority.close()
    return Path(root)


def test_a_reader_finds_exactly_the_files_that_were_proven(world: Path) -> None:
    done = read(world.parent)
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert told["run_id"] == run_id_for("key")
    files = {name: sorted(str(Path(one).relative_to(world)) for one in some) for name, some in told["outputs"].items()}
    assert files == {
        "world": [WORLD],
        "events": [f"{EVENTS}/part-0.bin", f"{EVENTS}/part-1.bin"],
        "daily": [f"{DAILY}/part-0.bin"],
    }


@pytest.mark.parametrize("name", [WORLD, f"{EVENTS}/part-1.bin", f"{DAILY}/part-0.bin"])
def test_a_reader_sees_each_byte_that_changed(world: Path, name: str) -> None:
    assert read(world.parent).returncode == 0
    (world / name).write_bytes((world / name).read_bytes()[:-1] + b"?")
    done = read(world.parent)
    assert done.returncode == 1
    assert f"{name} has other bytes than were proven" in done.stderr


def test_a_reader_sees_a_part_list_and_a_view_that_were_exchanged(world: Path) -> None:
    assert read(world.parent).returncode == 0
    (listed,) = (world.parent / "truth").glob("fraud-platform/*/sr/part_lists/*.json")
    listed.chmod(0o644)
    sound = listed.read_bytes()
    listed.write_bytes(b"[]")
    assert read(world.parent).returncode == 1
    listed.write_bytes(sound)
    assert read(world.parent).returncode == 0
    (view,) = (world.parent / "truth").glob("fraud-platform/*/sr/run_facts_view/*.json")
    view.chmod(0o644)
    view.write_bytes(view.read_bytes().replace(b'"bundle_hash":"', b'"bundle_hash":"0', 1))
    assert read(world.parent).returncode == 1
