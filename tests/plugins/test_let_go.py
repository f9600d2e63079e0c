"""Runners give back what they hold, closed or only dropped; one that is in use keeps it."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable
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


def soon(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Whether it holds, at the latest after so many seconds: threads of a dropped runner may still write."""
    until = time.monotonic() + within_s
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)
    return holds()


def runs_logged(root: Path) -> int:
    """How many runs the narrative speaks of."""
    log = root / "runs" / "fraud-platform" / "platform.log"
    return len(set(re.findall(r" run ([0-9a-f]{8})", log.read_text("utf-8")))) if log.exists() else 0


@pytest.fixture
def profile(tmp_path: Path) -> dict[str, Any]:
    return {"runtime_root": str(tmp_path / "runs")}


def test_a_runner_that_is_dropped_leaves_no_descriptor_open(tmp_path: Path, profile: dict[str, Any]) -> None:
    for number in range(3):
        build_runner(profile).submit(request(f"key-{number}", output_ids=None, engine_run_root="nowhere/yet"))
    assert soon(lambda: runs_logged(tmp_path) == 3)  # there was something to hold
    assert soon(lambda: not below(tmp_path)), below(tmp_path)


def test_a_runner_that_is_closed_leaves_no_descriptor_open(tmp_path: Path, profile: dict[str, Any]) -> None:
    with build_runner(profile) as runner:
        runner.submit(request(output_ids=None, engine_run_root="nowhere/yet"))
        assert below(tmp_path)
    assert below(tmp_path) == set()


def test_a_runner_in_use_goes_on_beside_one_that_is_dropped(tmp_path: Path, profile: dict[str, Any]) -> None:
    with build_runner(profile) as kept:
        kept.submit(request("one", output_ids=None, engine_run_root="nowhere/yet"))
        build_runner(profile).submit(request("two", output_ids=None, engine_run_root="nowhere/yet"))
        assert soon(lambda: runs_logged(tmp_path) == 2)
        gc.collect()
        kept.submit(request("three", output_ids=None, engine_run_root="nowhere/yet"))
        assert below(tmp_path)
    assert runs_logged(tmp_path) == 3
