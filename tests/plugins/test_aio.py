"""Runners in an event loop: awaited calls block nothing, and one that is cancelled gives its run to who asks next."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sr_domain.run.outcome import Outcome
from sr_domain.runner import ScenarioRunner
from sr_plugins import build_runner
from sr_plugins.aio import in_thread
from sr_ports import BadInput
from tests.kit import Lab, request
from tests.plugins.conftest import Site, site
from tests.plugins.worlds import SOUND, offered, sealed
from tests.worlds import small_world

__all__ = ["site"]

LAW = """
    import time
    from pathlib import Path
    from sr_ports import hookimpl

    class Law:
        kind = "theirs"

        def digest(self, bundle):
            here = Path({folder!r})
            (here / "judging").touch()
            while not (here / "go").exists():
                time.sleep(0.01)
            return bundle.sha256([one.path for one in bundle.files()])

    @hookimpl
    def sr_hashing_laws():
        return [Law()]
    """
ENGINE = """
import os, time
from pathlib import Path
here = Path({folder!r})
(here / "judging").write_text(str(os.getpid()))
while not (here / "go").exists():
    time.sleep(0.01)
raise SystemExit(3)
"""


LASTING = ("sr-sink", "sr-law-starter")
"""Threads of a runner, not of a call: of its sinks, and of what starts its law workers."""


THERE: set[int | None] = set()
"""Threads that another test of this process left behind."""


@pytest.fixture(autouse=True)
def _begun() -> None:
    THERE.clear()
    THERE.update(one.ident for one in threading.enumerate())


def ours() -> list[str]:
    """This project's threads that are of a call."""
    names = [one.name for one in threading.enumerate() if one.ident not in THERE]
    return [one for one in names if one.startswith("sr-") and not one.startswith(LASTING)]


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it, the loop free."""
    while not holds():
        await asyncio.sleep(0.01)


def submit(asked: Any) -> Callable[[ScenarioRunner], Outcome]:
    return lambda runner: runner.submit(asked)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab.memory(tmp_path)


def test_what_is_awaited_is_answered_and_the_loop_goes_on_meanwhile(lab: Lab) -> None:
    asked, free = request(engine_run_root=lab.world(small_world())), threading.Event()

    def when_free(runner: ScenarioRunner) -> Outcome:
        free.wait()  # for ever, were the loop not free to set it
        return runner.submit(asked)

    async def main() -> Outcome:
        waiting = asyncio.create_task(in_thread(lab.runner(), when_free))
        await asyncio.sleep(0)
        free.set()
        return await waiting

    outcome = asyncio.run(main())
    assert (outcome.state, ours()) == ("READY", [])


def test_many_calls_at_once_on_one_runner(tmp_path: Path) -> None:
    profile, root = offered(tmp_path, "sha256_bundle_digest"), sealed(tmp_path, SOUND)
    keys = [f"key-{number}" for number in range(6)]

    async def main() -> list[Outcome]:
        with build_runner(profile) as runner:
            asked = [request(key, output_ids=["orders"], engine_run_root=root) for key in [*keys, *keys]]
            return await asyncio.gather(*(in_thread(runner, submit(one)) for one in asked))

    outcomes = asyncio.run(main())
    assert len({one.run_id for one in outcomes if one.state == "READY"}) == len(keys)
    assert all(one.state == "READY" or one.in_flight for one in outcomes)
    assert ours() == []


@pytest.mark.parametrize("error", [BadInput, StopIteration, KeyboardInterrupt, asyncio.CancelledError])
def test_what_a_call_raises_is_raised_where_it_is_awaited(lab: Lab, error: type[BaseException]) -> None:
    def fails(runner: ScenarioRunner) -> Outcome:
        if error is BadInput:
            return runner.submit({})
        raise error

    async def main() -> None:
        with pytest.raises(RuntimeError if error is StopIteration else error):  # as of any coroutine (PEP 479)
            await in_thread(lab.runner(), fails)

    asyncio.run(main())
    assert ours() == []


def test_a_call_sees_the_context_of_who_awaits_it(lab: Lab) -> None:
    trace = contextvars.ContextVar("trace", default="none")

    async def main() -> str:
        trace.set("mine")
        return await in_thread(lab.runner(), lambda _: trace.get())

    assert asyncio.run(main()) == "mine"


# cancellation

HOLDERS = ["a law in a worker", "a law in this process", "an engine"]
POLICY = {"policy_id": "p", "revision": "1", "attempt_limit": 1}


def held_up(tmp_path: Path, site: Site, by: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A profile and a request whose run does not go on until the file ``go`` is there."""
    asked = request(output_ids=["orders"], engine_run_root=sealed(tmp_path, SOUND))
    if by == "an engine":
        command = [sys.executable, "-c", ENGINE.format(folder=str(tmp_path))]
        profile = offered(tmp_path, "sha256_bundle_digest")
        engine = {"invoker": {"adapter": "subprocess", "command": command}}
        return {**profile, **engine}, {**asked, "requested_strategy": "FORCE_INVOKE"}
    site.install("foreign-law", LAW.format(folder=str(tmp_path)))
    isolation = "none" if by == "a law in this process" else "foreign"
    return {**offered(tmp_path, "theirs"), "evidence": {"law_isolation": isolation}}, asked


async def cancelled(runner: ScenarioRunner, asked: Any, begun: Path, times: int = 1) -> None:
    """Cancel a submission that has begun, so many times."""
    waiting = asyncio.create_task(in_thread(runner, submit(asked)))
    await until(begun.exists)
    for _ in range(times):
        waiting.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("by", HOLDERS)
def test_a_call_that_is_cancelled_gives_its_lease_up_and_leaves_no_thread(
    tmp_path: Path, site: Site, by: str, times: int
) -> None:
    profile, asked = held_up(tmp_path, site, by)

    async def main() -> list[str]:
        with build_runner(profile, policy=POLICY) as runner:
            await cancelled(runner, asked, tmp_path / "judging", times)
            return ours()

    left = asyncio.run(main())
    assert left == []
    if by == "an engine":
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "judging").read_text()), 0)
    (tmp_path / "go").touch()
    with build_runner(profile, policy=POLICY) as other:
        outcome = other.submit(asked)
    assert not outcome.in_flight
    assert outcome.state == ("FAILED" if by == "an engine" else "READY")


@pytest.mark.parametrize("by", HOLDERS)
def test_its_twin_that_is_not_cancelled_keeps_the_run(tmp_path: Path, site: Site, by: str) -> None:
    profile, asked = held_up(tmp_path, site, by)

    async def main() -> tuple[Outcome, Outcome]:
        with build_runner(profile, policy=POLICY) as runner, build_runner(profile, policy=POLICY) as other:
            waiting = asyncio.create_task(in_thread(runner, submit(asked)))
            await until((tmp_path / "judging").exists)
            busy = await in_thread(other, submit(asked))
            (tmp_path / "go").touch()
            return busy, await waiting

    busy, outcome = asyncio.run(main())
    assert busy.in_flight
    assert outcome.state == ("FAILED" if by == "an engine" else "READY")


def test_a_time_limit_ends_a_call_as_cancelling_does(tmp_path: Path, site: Site) -> None:
    profile, asked = held_up(tmp_path, site, HOLDERS[0])

    async def main() -> None:
        with build_runner(profile, policy=POLICY) as runner:
            async with asyncio.timeout(0):
                await in_thread(runner, submit(asked))

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    (tmp_path / "go").touch()
    with build_runner(profile, policy=POLICY) as other:
        assert other.submit(asked).state == "READY"


def test_a_loop_that_ends_ends_its_calls(tmp_path: Path, site: Site) -> None:
    profile, asked = held_up(tmp_path, site, "an engine")
    with build_runner(profile, policy=POLICY) as runner:

        async def main() -> None:
            waiting = asyncio.create_task(in_thread(runner, submit(asked)))
            await until((tmp_path / "judging").exists)
            assert not waiting.done()

        asyncio.run(main())
        assert ours() == []
        (tmp_path / "go").touch()
        assert runner.submit(asked).state == "FAILED"
