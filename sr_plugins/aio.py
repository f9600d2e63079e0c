"""Runners in an event loop: a call has a thread of its own, and cancelling who awaits it ends the call.

    outcome = await in_thread(runner, lambda one: one.submit(request))

A runner may be used from any number of threads at once, and so by any number of tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from sr_domain.runner import ScenarioRunner

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(runner: ScenarioRunner, work: Callable[[ScenarioRunner], T]) -> T:
    """What `work` gives, called with `runner` in a thread of its own. Raises what it raises.

    Cancelled, it asks the runner's call to end and waits until it has: the engine or law that ran is ended, the lease
    is given up, and the thread is gone when `asyncio.CancelledError` goes on. Nothing is lost: the same call made
    again, by any worker, goes on from there. `work` uses the runner that it is given, which is the same one as
    `runner.until` gives. Threads are not bounded here: whoever makes many calls at once bounds those.
    """
    cancelled = threading.Event()
    call = _Call(asyncio.get_running_loop(), lambda: work(runner.until(cancelled.is_set)))
    try:
        await asyncio.wait([call.ended])
    except asyncio.CancelledError:
        cancelled.set()
        while not call.ended.done():
            with contextlib.suppress(asyncio.CancelledError):  # asked twice: it ends no sooner
                await asyncio.wait([call.ended])
        raise
    finally:
        if call.ended.done():
            call.thread.join()  # it said that it ended as the last thing it did
    return call.answer()


class _Call(Generic[T]):
    """A call in a thread, begun. `ended`: done when the call is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Callable[[], T]) -> None:
        self._loop, self._work = loop, work
        self._answer: list[T] = []
        self._error: list[BaseException] = []
        self.ended: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()
        # No daemon: a process that ends waits for the run to be put down, as it does for asyncio's own threads.
        self.thread = threading.Thread(target=context.run, args=(self._run,), name="sr-call", daemon=False)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._answer.append(self._work())
        except BaseException as error:  # noqa: BLE001 - carried to who awaits it, and raised there
            self._error.append(error)
        with contextlib.suppress(RuntimeError):  # the loop was closed, and nobody waits
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def answer(self) -> T:
        """What the call gave. Raises what it raised. Once."""
        if self._error:
            raise self._error.pop()
        return self._answer.pop()
