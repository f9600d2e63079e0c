"""The subprocess invoker: one engine attempt is one process tree on this machine."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from sr_adapters.places import require_posix
from sr_adapters.subprocess.environment import DENY, engine_environment
from sr_adapters.subprocess.process import Exit, Limits, Stop, SupervisedEngine
from sr_adapters.subprocess.settings import TIMEOUT_S, SubprocessSettings
from sr_adapters.subprocess.template import Unresolved, placeholder_values, render
from sr_domain.encoding.redact import redact
from sr_ports import EngineCall, EngineResult, ReasonCode, Wiring, one_line

INVOCATION_ENV = "SR_ENGINE_INVOCATION_JSON"
ROOT_ENV = "SR_ENGINE_RUN_ROOT"

_LEAST_LOG_BYTES = 256
_NOT_RUN = (126, 127)
"""What env and shells end with when they could not start what they were to start."""
_SAFE_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


@attrs.define
class _Refused(Exception):
    """The attempt cannot be started."""

    reason: ReasonCode
    detail: str


@attrs.frozen
class _Launch:
    """Everything that is decided before the process is made."""

    arguments: list[str]
    env: dict[str, str]
    engine_run_root: str


def _arguments(command: Iterable[str]) -> tuple[str, ...]:
    return tuple(command)


@attrs.frozen
class SubprocessInvoker:
    """Runs a command list with ``{placeholders}``, without a shell (spec: behaviour, "Attempts").

    `command`: see `template.render`. `cwd`: the engine's working directory, None for SR's own.
    `timeout_seconds`: the engine's time. `runs_root`: where ``engine_runs/run_id=../attempt_no=..``
    is made when a call names no root. `log_limit_bytes`: kept of each of stdout and stderr, the
    last of them, without secrets. `grace_seconds`: between SIGTERM and SIGKILL. `env_deny`, `env_allow`: name
    patterns of what the engine does not, and does after all, get of SR's environment.

    The engine is ended whole when its first process ends, on timeout, when cancelled, and when
    SR dies. What escapes: on other systems than Linux, a process that leaves the engine's
    group; anywhere, one that runs as another user or is stuck in the kernel (`detail` says so).
    """

    command: tuple[str, ...] = attrs.field(converter=_arguments)
    cwd: str | None = attrs.field(default=None, kw_only=True)
    timeout_seconds: float = attrs.field(
        default=TIMEOUT_S, kw_only=True, validator=[attrs.validators.gt(0), attrs.validators.lt(math.inf)]
    )
    runs_root: str = attrs.field(kw_only=True)
    log_limit_bytes: int = attrs.field(default=1 << 20, kw_only=True, validator=attrs.validators.ge(_LEAST_LOG_BYTES))
    grace_seconds: float = attrs.field(default=2.0, kw_only=True, validator=attrs.validators.ge(0))
    env_deny: Sequence[str] = attrs.field(default=DENY, kw_only=True)
    env_allow: Sequence[str] = attrs.field(default=(), kw_only=True)

    def invoke(
        self, call: EngineCall, *, cancelled: Callable[[], bool], progress: Callable[[str], None]
    ) -> EngineResult:
        """Run the engine to its end; see the port's laws. What `cancelled` or `progress` raise passes
        through, after the engine was ended. Raises `BadInput` on a system that cannot run engines at all."""
        require_posix()
        if cancelled():
            return EngineResult(ReasonCode.ENGINE_CANCELLED, call.engine_run_root, detail="cancelled before it started")
        try:
            launch = self._prepare(call)
            engine = self._start(launch)
        except _Refused as refused:
            return EngineResult(refused.reason, call.engine_run_root, detail=one_line(redact(refused.detail)))
        with engine:
            ended = engine.follow(cancelled, progress)
        return self._result(launch, ended)

    def unready(self) -> str | None:
        """Why no engine can be started here: no command, or no such program; see `Readiness`."""
        if not self.command or not self.command[0]:
            return "the invoker has no command"
        if "{" in self.command[0]:  # which program it is depends on the run
            return None
        from sr_adapters.subprocess.program import why_missing

        env = engine_environment(os.environ, {}, deny=self.env_deny, allow=self.env_allow)
        return why_missing(self.command[0], self.cwd, env)

    def describe(self) -> str:
        """The program; its arguments may hold what is nobody's business."""
        if not self.command:
            return "subprocess: no command"
        return one_line(f"subprocess: {redact(self.command[0])} ({len(self.command) - 1} arguments)")

    def _prepare(self, call: EngineCall) -> _Launch:
        if not self.command or not self.command[0]:
            raise _Refused(ReasonCode.ENGINE_COMMAND_MISSING, "the invoker has no command")
        root = call.engine_run_root or self._own_root(call)
        whole = _invocation_json(call.invocation)
        values = placeholder_values(call.invocation, whole, call.attempt_no, _local(root))
        try:
            arguments = render(self.command, values)
        except Unresolved as exc:
            detail = f"the engine command has no value for {exc.part}"
            raise _Refused(ReasonCode.ENGINE_COMMAND_TEMPLATE_UNRESOLVED, detail) from exc
        extra = {INVOCATION_ENV: whole, ROOT_ENV: _local(root)}
        env = engine_environment(os.environ, extra, deny=self.env_deny, allow=self.env_allow)
        if call.engine_run_root is None:
            _make_folder(root)
        return _Launch(arguments, env, root)

    def _own_root(self, call: EngineCall) -> str:
        run_id = str(call.invocation.get("run_id", ""))
        if not _SAFE_SEGMENT.fullmatch(run_id):
            raise _Refused(ReasonCode.ENGINE_INVOCATION_INVALID, f"run_id {run_id!r} cannot name a folder")
        folder = Path(self.runs_root) / "engine_runs" / f"run_id={run_id}" / f"attempt_no={call.attempt_no}"
        return str(folder.absolute())

    def _start(self, launch: _Launch) -> SupervisedEngine:
        limits = Limits(self.timeout_seconds, self.grace_seconds, self.log_limit_bytes)
        try:
            return SupervisedEngine(launch.arguments, cwd=self.cwd, env=launch.env, limits=limits)
        except ValueError as exc:  # a NUL or an unencodable character in an argument
            raise _Refused(ReasonCode.ENGINE_INVOCATION_INVALID, f"a value cannot be an argument: {exc}") from exc
        except OSError as exc:
            raise _Refused(*self._unstartable(exc.errno or 0, launch)) from exc

    def _result(self, launch: _Launch, ended: Exit) -> EngineResult:
        reason, detail = self._verdict(launch, ended)
        if ended.left:
            detail += f"; {ended.left} of its processes could not be ended"
        return EngineResult(
            reason=reason,
            engine_run_root=launch.engine_run_root,
            stdout=ended.stdout,
            stderr=ended.stderr,
            detail=one_line(redact(detail)),
            exit_code=ended.code,
        )

    def _verdict(self, launch: _Launch, ended: Exit) -> tuple[ReasonCode | None, str]:
        if ended.stop is Stop.CANCELLED:
            return ReasonCode.ENGINE_CANCELLED, "cancelled while it ran"
        if ended.stop is Stop.TIMEOUT:
            return ReasonCode.ENGINE_TIMEOUT, f"ended after {self.timeout_seconds:g} seconds"
        if ended.errno is not None:
            return self._unstartable(ended.errno, launch)
        if ended.code == 0:
            return None, "exit code 0"
        from sr_adapters.subprocess.program import first_line_hint  # needed when an engine fails, not before

        hint = first_line_hint(launch.arguments[0], self.cwd, launch.env) if ended.code in _NOT_RUN else ""
        return ReasonCode.ENGINE_EXIT_NONZERO, "; ".join(filter(None, (_ending(ended), hint)))

    def _unstartable(self, number: int, launch: _Launch) -> tuple[ReasonCode, str]:
        if number == errno.E2BIG:  # the command is the profile's and short: the values are at fault
            return ReasonCode.ENGINE_INVOCATION_INVALID, "a value is too long to be an argument"
        from sr_adapters.subprocess.program import why_not

        return why_not(number, launch.arguments[0], self.cwd, launch.env)


def _ending(ended: Exit) -> str:
    """How it failed, with the last line of its standard error, which usually says why."""
    if ended.code is None:
        how = "its supervisor was killed"
    else:
        how = f"exit code {ended.code}" if ended.code > 0 else f"ended by {_signal_name(-ended.code)}"
    lines = ended.stderr.decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f"{how}: {last}" if last else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _local(root: str) -> str:
    """A plain path made absolute, since the engine may run in another folder; a URI as it is."""
    return root if "://" in root else str(Path(root).absolute())


def _make_folder(root: str) -> None:
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise _Refused(ReasonCode.ENGINE_ROOT_MISSING, f"the engine run root cannot be made: {exc}") from exc


def _invocation_json(invocation: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(invocation), sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    except (TypeError, ValueError) as exc:
        raise _Refused(ReasonCode.ENGINE_INVOCATION_INVALID, f"the invocation is not JSON: {exc}") from exc


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def build_subprocess(wiring: Wiring[SubprocessSettings]) -> SubprocessInvoker:
    """The invoker of a profile's ``invoker`` section."""
    settings = wiring.settings
    return SubprocessInvoker(
        settings.command, cwd=settings.cwd, timeout_seconds=settings.timeout_s, runs_root=wiring.runtime_root
    )
