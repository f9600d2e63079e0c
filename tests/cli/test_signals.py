"""Signals: which end a command, in what order, and which are left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from sr_adapters.cli import signals
from sr_adapters.subprocess.supervisor import ENDING

PROGRAM = """
import json, os, signal, sys, time
from sr_adapters.cli import signals

def told(number, before=None):
    '''What a process of its own makes of one signal.'''
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.signal(number, signal.SIG_DFL)
        if before is not None:
            signal.signal(number, before)
        signals.listen()
        try:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
            time.sleep(0)
            os.write(writable, b"nothing")
        except KeyboardInterrupt:
            try:
                time.sleep(0.01)  # whatever was sent twice has come by now
                os.write(writable, f"{signals.exit_code()} {signals.sender()}".encode())
            except KeyboardInterrupt:
                os.write(writable, b"broke off")
        os._exit(0)
    os.close(writable)
    said = os.read(readable, 100).decode()
    os.close(readable)
    _, status = os.waitpid(pid, 0)
    return said or f"died of {os.WTERMSIG(status)}"

numbers = json.loads(sys.argv[1])
print(json.dumps({
    "default": {n: told(n) for n in numbers},
    "ignored": {n: told(n, signal.SIG_IGN) for n in numbers},
    "taken": {n: told(n, lambda *_: None) for n in numbers},
}))
"""


def test_every_signal_that_ends_a_process_is_the_same_orderly_end() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([int(number) for number in ENDING])],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    names = {int(one): one.name for one in signal.Signals}
    assert said["default"] == {
        str(int(n)): f"{128 + n} " + ("the keyboard" if n == signal.SIGINT else names.get(n, f"signal {n}"))
        for n in ENDING
    }
    assert set(said["ignored"].values()) == {"nothing"}
    assert set(said["taken"].values()) == {"nothing"}


def test_what_ends_a_process_is_what_the_system_says() -> None:
    for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU"):
        assert getattr(signal, f"SIG{name}") in ENDING
    for name in ("KILL", "STOP", "CHLD", "CONT", "TSTP", "WINCH", "PIPE", "SEGV", "ABRT"):
        assert getattr(signal, f"SIG{name}") not in ENDING


def test_without_a_signal_the_keyboard_is_meant() -> None:
    assert (signals.exit_code(), signals.sender()) == (130, "the keyboard")
