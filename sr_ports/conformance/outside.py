"""What an adapter or law takes from outside of what it was given: files of this machine, and its wall clock."""

from __future__ import annotations

import datetime as calendar
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from sr_ports.conformance.between import homes

_EVENTS = ("open", "os.listdir", "os.scandir", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
           "socket.connect", "socket.getaddrinfo", "sqlite3.connect", "urllib.Request", "mmap.__new__")  # fmt: skip
_CODE = (".py", ".pyc", ".so")
_HEARD = threading.local()
_LISTENS = threading.Lock()
_listening: list[bool] = []


@contextmanager
def heard() -> Iterator[list[str]]:
    """What this thread opens, lists or starts meanwhile, one line each; what Python itself imports is left out."""
    with _LISTENS:
        if not _listening:  # there is no way to take a hook away again
            sys.addaudithook(_hear)
            _listening.append(True)
    events: list[str] = []
    _HEARD.events = events
    try:
        yield events
    finally:
        del _HEARD.events


def _hear(event: str, args: tuple[Any, ...]) -> None:
    events = getattr(_HEARD, "events", None)
    if events is None or event not in _EVENTS:
        return
    what = str(args[0]) if args else ""
    if not what.endswith(_CODE) and not _imports():
        events.append(f"{event} {what}")


def _imports() -> bool:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
    return False


@contextmanager
def wall_clock_ahead(adapter: object, seconds: float) -> Iterator[None]:
    """This process's wall clock is ahead: `time.time` and `datetime.now`, also where the adapter's modules have them.

    What counts seconds and never steps (`time.monotonic`) goes on as it did, and so does every server's clock.
    """
    shift = timedelta(seconds=seconds)
    real_time, real_ns, real = time.time, time.time_ns, calendar.datetime
    ahead = {
        id(real_time): lambda: real_time() + seconds,
        id(real_ns): lambda: real_ns() + int(seconds * 1e9),
        id(real): _calendar_ahead(real, shift),
    }
    with pytest.MonkeyPatch.context() as patch:
        for module in (time, calendar, *_modules(adapter)):
            for name, value in list(vars(module).items()):
                if id(value) in ahead:
                    patch.setattr(module, name, ahead[id(value)])
        yield


def _modules(adapter: object) -> list[Any]:
    tops = frozenset(homes(adapter))
    return [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in tops]


def _calendar_ahead(real: type[calendar.datetime], shift: timedelta) -> type[calendar.datetime]:
    class Meta(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Ahead(real, metaclass=Meta):  # type: ignore[misc,valid-type]
        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> calendar.datetime:
            return real.now(tz) + shift

        @classmethod
        def utcnow(cls) -> calendar.datetime:
            return real.now(calendar.UTC).replace(tzinfo=None) + shift

        @classmethod
        def today(cls) -> calendar.datetime:
            return real.now() + shift

    return Ahead
