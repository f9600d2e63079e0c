"""The suite for engines of any kind holds for a subprocess and for a function of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_adapters.subprocess.invoker import SubprocessInvoker
from sr_ports import EngineInvoker, ReasonCode
from sr_ports.conformance.engines import PATIENT_S, Act, Engines, InvokerLaws
from tests.conformance.broken.invokers import InvokerSuite

LIMIT = 1 << 16
SCRIPT = """
import os, sys, time
open(os.path.join({seen!r}, str(os.getpid())), "w")
sys.stdout.buffer.write({out!r})
sys.stderr.buffer.write({err!r})
if {echoes}:
    sys.stdout.buffer.write(sys.argv[1].encode())
sys.stdout.flush()
sys.stderr.flush()
time.sleep(600 if {waits} else 0)
sys.exit({fails} * 3)
"""


class TestSubprocess(InvokerLaws):
    @pytest.fixture
    def log_limit_bytes(self) -> int:
        return LIMIT

    @pytest.fixture
    def invoker_for(self, tmp_path: Path) -> Engines:
        seen = tmp_path / "seen"
        seen.mkdir()

        def make(act: Act, *, timeout_s: float = PATIENT_S) -> EngineInvoker:
            script = tmp_path / "engine.py"
            said = {"out": act.out, "err": act.err, "echoes": act.echoes, "waits": act.waits, "fails": act.fails}
            script.write_text(SCRIPT.format(seen=str(seen), **said), "utf-8")
            command = [sys.executable, "-S", str(script), "{scenario_id}"]
            return SubprocessInvoker(
                command, runs_root=str(tmp_path / "runs"), timeout_seconds=timeout_s, log_limit_bytes=LIMIT
            )

        return make

    @pytest.fixture
    def running(self, tmp_path: Path) -> Callable[[], int]:
        return lambda: sum(alive(path.name) for path in (tmp_path / "seen").iterdir())

    @pytest.fixture
    def unstartable(self, tmp_path: Path) -> dict[ReasonCode, EngineInvoker]:
        runs = str(tmp_path / "runs")
        return {ReasonCode.ENGINE_COMMAND_MISSING: SubprocessInvoker(["/no/such/program"], runs_root=runs)}


def alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


class TestFunction(InvokerSuite):
    __test__ = True
    kind = ScriptedInvoker
