"""What the laws of engine invokers work with: engines that hold file locks, and ways to run them."""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from sr_ports import EngineCall, EngineInvoker, EngineResult
from sr_ports.conformance.engines import run

HOLD = """
import fcntl, os, signal, subprocess, sys, time
def hold(name):
    held = open(name, "w")
    fcntl.flock(held, fcntl.LOCK_EX)
    held.write("held")
    held.flush()
    return held
def child(name, *, deaf=False, away=False):
    "Fork a process that holds the lock `name` and sleeps; returns when it holds it."
    if os.fork() == 0:
        if away:
            os.setsid()
            if os.fork():
                os._exit(0)
        if deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        kept = hold(name)
        time.sleep(60)
        os._exit(0)
    while not (os.path.exists(name) and os.path.getsize(name)):
        time.sleep(0.005)
"""
"""The first lines of an engine's script: `hold` takes a lock, `child` leaves a process that holds one."""


class InvokerFactory(Protocol):
    """Makes an invoker whose engine is a Python script.

    The script's first argument is the invocation's scenario id, its second the engine run
    root. `timeout_s`: the engine's time in seconds.
    """

    def __call__(self, script: str, *, timeout_s: float = 30.0) -> EngineInvoker: ...


class CallFactory(Protocol):
    """Makes a call that fits the contract; `overrides` replace entries of its invocation."""

    def __call__(self, **overrides: Any) -> EngineCall: ...


def was_held(lock: Path) -> bool:
    """Whether some process has got as far as taking `lock`."""
    return lock.exists() and lock.read_text() == "held"


def is_free(lock: Path) -> bool:
    """Whether no process holds `lock`, which some process must have held."""
    assert was_held(lock), "the engine's process never ran"
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def run_into_timeout(invoker_for: InvokerFactory, script: str, call: EngineCall, locks: Sequence[Path]) -> EngineResult:
    """The result of a script that never ends, with time enough to take its locks on any machine."""
    for timeout_s in (0.4, 2.0, 10.0):
        result = run(invoker_for(script, timeout_s=timeout_s), call)
        if all(map(was_held, locks)):
            return result
    raise AssertionError("the engine's processes never ran")
