"""An engine that is a Python function."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from sr_ports import EngineCall, EngineResult, ReasonCode, one_line
from sr_ports.errors import described
from sr_ports.masking import redact, redact_bytes


@attrs.frozen
class ScriptedInvoker:
    """Runs `behaviour` as the engine, in the calling thread.

    The port's laws hold as far as a function can keep them: a call that is cancelled
    beforehand does not run it, what it raises is a failed attempt, logs keep their last
    `log_limit_bytes` and no secret. A running function cannot be ended.
    """

    behaviour: Callable[[EngineCall], EngineResult]
    log_limit_bytes: int = attrs.field(default=1 << 20, kw_only=True, validator=attrs.validators.gt(0))

    def invoke(
        self, call: EngineCall, *, cancelled: Callable[[], bool], progress: Callable[[str], None]
    ) -> EngineResult:
        """Call the function once; its output goes to `progress` afterwards, line by line."""
        if cancelled():
            return EngineResult(ReasonCode.ENGINE_CANCELLED, call.engine_run_root, detail="cancelled before it started")
        try:
            result = self.behaviour(call)
        except Exception as exc:  # noqa: BLE001 - the function is the engine: whatever it does is a result (law I1)
            detail = one_line(redact(described(exc)))
            return EngineResult(ReasonCode.ENGINE_EXIT_NONZERO, call.engine_run_root, detail=detail)
        stdout, stderr = redact_bytes(result.stdout), redact_bytes(result.stderr)
        for line in stdout.decode("utf-8", "replace").splitlines():
            progress(one_line(line))
        keep = -self.log_limit_bytes
        return attrs.evolve(result, stdout=stdout[keep:], stderr=stderr[keep:], detail=redact(result.detail))

    def describe(self) -> str:
        """The function's name."""
        return f"scripted: {getattr(self.behaviour, '__name__', type(self.behaviour).__name__)}"
