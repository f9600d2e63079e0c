"""Runners give back what they hold, closed or only dropped; one that is in use keeps it."""

from __future__ import annotations

import gc
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sr_plugins import build_runner
from tests.kit import request
from tests.plugins.conftest import Site, site
from tests.plugins.worlds import SOUND, offered, sealed
from tests.worlds import flag

__all__ = ["site"]

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


# what no garbage collector has to find: a function that is called for years in one process may hardly ever run one

MANY = 8
FOREIGN = """
    from sr_ports import hookimpl

    class Law:
        def __init__(self, kind, digest):
            self.kind, self.digest = kind, digest

    @hookimpl
    def sr_hashing_laws():
        def broken(bundle):
            raise RuntimeError("broken")
        def theirs(bundle):
            return bundle.sha256([one.path for one in bundle.files()])
        def reads(bundle):
            return next(bundle.stream("absent"))
        def asks(bundle):
            return bundle.sha256(["absent"])
        return [Law("theirs", theirs), Law("broken", broken), Law("asks", asks), Law("reads", reads)]
    """
ENGINE = [sys.executable, "-c", "raise SystemExit(3)"]


def held() -> list[str]:
    """What this process has open."""
    found = []
    for number in OPEN.iterdir():
        with suppress(OSError):  # the listing's own
            found.append(str(number.readlink()))
    return sorted(found)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage collector runs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("law", "stated", "wait_s", "state"),
    [
        ("sha256_bundle_digest", SOUND, 600, "READY"),
        ("sha256_bundle_digest", flag("0" * 64), 600, "QUARANTINED"),
        ("sha256_bundle_digest", None, 600, "WAITING_EVIDENCE"),
        ("sha256_bundle_digest", None, 0, "FAILED"),
        ("theirs", SOUND, 600, "READY"),
        ("broken", SOUND, 600, "VERIFYING"),
        ("asks", SOUND, 600, "WAITING_EVIDENCE"),
        ("reads", SOUND, 600, "WAITING_EVIDENCE"),
        ("theirs", SOUND, 600, "READY in this process"),
        ("broken", SOUND, 600, "VERIFYING in this process"),
        ("reads", SOUND, 600, "WAITING_EVIDENCE in this process"),
        ("sha256_bundle_digest", None, 0, "FAILED by its engine"),
    ],
    ids=str,
)
def test_many_runners_that_are_dropped_leave_nothing_open_however_their_runs_end(
    tmp_path: Path, site: Site, law: str, stated: bytes | None, wait_s: int, state: str
) -> None:
    site.install("foreign-law", FOREIGN)
    engine = {"invoker": {"adapter": "subprocess", "command": ENGINE}} if state.endswith("engine") else {}
    here = {"evidence": {"law_isolation": "none"}} if state.endswith("process") else {}
    profile = {**offered(tmp_path, law), **engine, **here}
    policy = {
        "policy_id": "p",
        "revision": "1",
        "evidence_wait_seconds": wait_s,
        "settle_seconds": 0,
        "attempt_limit": 1,
    }
    root = None if engine else sealed(tmp_path, stated)

    ended, *_ = state.split()

    def one(number: int) -> None:
        asked = request(f"key-{number}", output_ids=["orders"], engine_run_root=root)
        assert build_runner(profile, policy={**policy, "attempt_limit": 1}).submit(asked).state == ended

    one(0)
    before = held()
    for number in range(1, MANY):
        one(number)
    assert soon(lambda: len(held()) <= len(before)), (held(), before)
