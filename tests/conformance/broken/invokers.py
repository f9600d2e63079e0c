"""Engine invokers that break a law each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from sr_adapters.memory.invoker import ScriptedInvoker
from sr_ports import EngineCall, EngineResult, ReasonCode
from sr_ports.conformance.engines import PATIENT_S, Act, Engines, InvokerLaws
from tests.conformance.broken.making import suites


class RunsTheCancelled(ScriptedInvoker):
    def invoke(self, call: EngineCall, **more: Any) -> EngineResult:
        return super().invoke(call, **{**more, "cancelled": lambda: False})


class RaisesOnFailure(ScriptedInvoker):
    def invoke(self, call: EngineCall, **more: Any) -> EngineResult:
        result = super().invoke(call, **more)
        if result.reason is not None and not more["cancelled"]():
            raise RuntimeError("the engine failed")
        return result


class ShowsSecrets(ScriptedInvoker):
    def invoke(self, call: EngineCall, **more: Any) -> EngineResult:
        return self.behaviour(call)


class KeepsTheHead(ScriptedInvoker):
    def invoke(self, call: EngineCall, **more: Any) -> EngineResult:
        result = self.behaviour(call)
        keep = self.log_limit_bytes
        return attrs.evolve(result, stdout=result.stdout[:keep], stderr=result.stderr[:keep])


class SplitsValues(ScriptedInvoker):
    """As a shell would."""

    def invoke(self, call: EngineCall, **more: Any) -> EngineResult:
        result = super().invoke(call, **more)
        return attrs.evolve(result, stdout=b" ".join(result.stdout.split()))


class InvokerSuite(InvokerLaws):
    """A function is over when it returns: nobody ends it from outside."""

    __test__ = False
    kind: ClassVar[Callable[..., ScriptedInvoker]]

    @pytest.fixture
    def log_limit_bytes(self) -> int:
        return 1 << 16

    @pytest.fixture
    def invoker_for(self) -> Engines:
        def make(act: Act, *, timeout_s: float = PATIENT_S) -> ScriptedInvoker:
            def behaviour(call: EngineCall) -> EngineResult:
                echoed = str(call.invocation["scenario_binding"]["scenario_id"]).encode() if act.echoes else b""
                reason = ReasonCode.ENGINE_EXIT_NONZERO if act.fails else None
                return EngineResult(reason, None, act.out + echoed, act.err, "failed" if act.fails else "")

            return type(self).kind(behaviour, log_limit_bytes=1 << 16)

        return make

    @pytest.fixture
    def running(self) -> Callable[[], int]:
        return lambda: 0

    @pytest.fixture
    def endless(self) -> Engines:
        pytest.skip("a function cannot be ended from outside")


globals().update(suites(InvokerSuite, [
    (RunsTheCancelled, "I2"), (RaisesOnFailure, "I1"), (ShowsSecrets, "I5"), (KeepsTheHead, "I4"), (SplitsValues, "I3"),
]))  # fmt: skip
