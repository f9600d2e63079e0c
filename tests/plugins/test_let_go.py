"""Runners give back what they hold, closed or only dropped; one that is in use keeps it."""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sr_plugins import build_runner
from tests.kit import request

OPEN = Path("/proc/self/fd")
pytestmark = pytest.mark.skipif(not OPEN.is_dir(), reason="this system does not list a process's descriptors")


def below(root: Path) -> set[str]:
    """The descriptors of files below `root` that this process holds now."""
    held = set()
    for number in OPEN.iterdir():
        with suppress(OSError):  # the listing's own
            held.add(f"{number.name} {number.readlink()}")
    return {one for one in held if str(root) in one}


def given_back(root: Path) -> bool:
    """Whether nothing below `root` is held any more, soon: a dropped runner's sinks are closed by their own threads."""
    until = time.monotonic() + 10
    gc.collect()
    while below(root) and time.monotonic() < until:
        time.sleep(0.01)
    return not below(root)


@pytest.fixture
def profile(tmp_path: Path) -> dict[str, Any]:
    return {"runtime_root": str(tmp_path / "runs")}


def test_a_runner_that_is_dropped_leaves_no_descriptor_open(tmp_path: Path, profile: dict[str, Any]) -> None:
    for number in range(3):
        build_runner(profile).submit(request(f"key-{number}", output_ids=None))
    assert (tmp_path / "runs" / "fraud-platform" / "platform.log").stat().st_size > 0  # there was something to hold
    assert given_back(tmp_path)


def test_a_runner_that_is_closed_leaves_no_descriptor_open(tmp_path: Path, profile: dict[str, Any]) -> None:
    runner = build_runner(profile)
    with runner:
        runner.submit(request(output_ids=None))
        assert below(tmp_path)
    assert below(tmp_path) == set()


def test_a_runner_in_use_goes_on_beside_one_that_is_dropped(tmp_path: Path, profile: dict[str, Any]) -> None:
    with build_runner(profile) as kept:
        kept.submit(request("one", output_ids=None))
        held = below(tmp_path)
        build_runner(profile).submit(request("two", output_ids=None))
        kept.submit(request("three", output_ids=None))
        assert below(tmp_path) >= held
    log = (tmp_path / "runs" / "fraud-platform" / "platform.log").read_text("utf-8")
    assert len({line.split(" run ")[1][:8] for line in log.splitlines()}) == 3
