"""Threads with a bound: so many calls at once, so many that wait, and one thread more only where none moves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from sr_adapters.http.pool import Busy, Pool


def test_so_many_run_so_many_wait_and_one_more_is_refused() -> None:
    async def play() -> None:
        pool, free = Pool("test", threads=2, backlog=1), threading.Event()
        calls = [pool.begin(lambda: free.wait(10)) for _ in range(3)]
        with pytest.raises(Busy):
            pool.begin(lambda: None)
        assert pool.load == 3
        await asyncio.sleep(0)
        assert calls[2].cancel(), "who waits may be called off"
        free.set()
        assert await asyncio.gather(*map(asyncio.wrap_future, calls[:2])) == [True, True]
        again = pool.begin(threading.current_thread)
        assert (await asyncio.wrap_future(again)).name == "test", "and then there is room"
        pool.end()

    asyncio.run(play())


def test_what_a_call_raises_is_its_own() -> None:
    async def play() -> None:
        pool = Pool("test", threads=1, backlog=5)
        bad, good = pool.begin(lambda: 1 // 0), pool.begin(lambda: 7)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wrap_future(bad)
        assert await asyncio.wrap_future(good) == 7
        pool.end()

    asyncio.run(play())


def names_of(pool: Pool, count: int, work: Callable[[], object]) -> int:
    """How many threads worked on so many calls."""
    seen: set[int] = set()

    def noted() -> None:
        seen.add(threading.get_ident())
        work()

    async def play() -> None:
        await asyncio.gather(*(asyncio.wrap_future(pool.begin(noted)) for _ in range(count)))

    asyncio.run(play())
    return len(seen)


def test_calls_that_wait_get_threads_and_calls_that_are_short_share_one() -> None:
    patient = Pool("test", threads=8, backlog=100, patience_s=0.05)
    assert names_of(patient, 8, lambda: time.sleep(0.4)) > 1, "nobody waits for eight of them in a row"
    assert names_of(Pool("test", threads=8, backlog=100, patience_s=5.0), 50, lambda: None) == 1


def test_the_end_begins_nothing_and_names_what_runs() -> None:
    async def play() -> None:
        pool, free, begun = Pool("test", threads=1, backlog=5), threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            free.wait(10)

        running, waiting = pool.begin(work), pool.begin(lambda: None)
        assert begun.wait(10)
        assert pool.end() == (running,)
        assert waiting.cancelled()
        with pytest.raises(Busy):
            pool.begin(lambda: None)
        free.set()
        await asyncio.wrap_future(running)

    asyncio.run(play())
