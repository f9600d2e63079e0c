"""What every suite has: a time limit for each test, and failures that quote the law that was broken."""

from __future__ import annotations

import functools
import inspect
import re
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

_LAW = re.compile(
    r"^(?:Law )?(?P<name>[A-Z][0-9]{1,2})(?:: |  ?)(?P<text>\S.*(?:\n(?!(?:Law )?[A-Z][0-9]{1,2}(?:: |  ?)\S).+)*)",
    re.MULTILINE,
)
_NAMED = re.compile(r"test_([a-z][0-9]{1,2})_(?:to_([a-z][0-9]{1,2})_)?")
_AGAIN_S = 5.0


class TimeUp(BaseException):
    """A test's time is up. No `Exception`: neither an adapter nor hypothesis takes it for something to try again."""


class Laws:
    """The base of every suite. `states`: the ports whose laws the tests are named for.

    `time_limit_s`: seconds that one test may take. A slow server's suite may set more.
    """

    states: ClassVar[tuple[type[Any], ...]] = ()
    time_limit_s: ClassVar[float] = 120.0

    @pytest.fixture(autouse=True)
    def _under_its_law(self, request: pytest.FixtureRequest) -> None:
        """Run the test within its time, and let a failure say which law it is about."""
        test = request.node.obj
        law = quoted(test, self.states)
        request.node.obj = _lawful(test, law, self.time_limit_s)


def _lawful(test: Callable[..., object], law: str, limit_s: float) -> Callable[..., object]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> object:
        alarm = Alarm(limit_s)
        try:
            alarm.set()
            try:
                return test(*args, **kwargs)
            finally:
                alarm.off()
        except (Exception, TimeUp, pytest.fail.Exception) as broken:
            if not _is_up(broken):
                broken.add_note(law)
                raise
        finally:
            alarm.off()
        # Not while the other is handled: where it was raised may have no line, and pytest shows none such.
        pytest.fail(f"it did not end within {limit_s:g} seconds, and was ended\n{law}")

    return run


def _is_up(error: BaseException | None) -> bool:
    """Whether a test ended by its time, whatever was raised while it ended."""
    while error is not None and not isinstance(error, TimeUp):
        error = error.__cause__ or error.__context__
    return error is not None


class Alarm:
    """Raises `TimeUp` once the time is up, where the system can: in the main thread of a POSIX process.

    Whoever swallows it gets another one soon. It is taken off twice: it may ring while it is taken off.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._on = False
        self._before: tuple[Any, tuple[float, float]] | None = None

    def set(self) -> None:
        if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            handler = signal.signal(signal.SIGALRM, self._ring)
            self._on = True
            self._before = handler, signal.setitimer(signal.ITIMER_REAL, self._limit_s, _AGAIN_S)

    def off(self) -> None:
        self._on = False
        if self._before is not None:
            handler, left = self._before
            signal.setitimer(signal.ITIMER_REAL, *left)
            signal.signal(signal.SIGALRM, handler)
            self._before = None

    def _ring(self, _number: int, _frame: object) -> None:
        if self._on:
            raise TimeUp


def laws_of(port: type[Any]) -> Mapping[str, str]:
    """The laws that a port's docstring states, by number, each in one line."""
    found = _LAW.finditer(inspect.cleandoc(port.__doc__ or ""))
    return {one["name"]: " ".join(one["text"].split()) for one in found}


def quoted(test: Callable[..., object], ports: tuple[type[Any], ...]) -> str:
    """What a failure of the test says: the law that its name begins with, else what the test itself is about."""
    stated = {name: (port, text) for port in ports for name, text in laws_of(port).items()}
    named = _NAMED.match(getattr(test, "__name__", ""))
    law = stated.get(named[1].upper()) if named else None
    if named and law and not named[2]:
        return f"law {named[1].upper()} of {law[0].__name__}: {law[1]}"
    about = inspect.getdoc(test) or "every law of it"
    return f"{' and '.join(port.__name__ for port in ports) or 'the port'}: {about}"
