"""The subprocess invoker: one engine attempt is one process tree on this machine."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from sr_adapters.places import require_posix
from sr_adapters.subprocess.environment import engine_environment
from sr_adapters.subprocess.settings import TIMEOUT_S, EngineEnvironment, SubprocessSettings
from sr_adapters.subprocess.template import Unresolved, placeholder_values, render, why_unfit
from sr_ports import EngineCall, EngineResult, Leftover, ReasonCode, Unreachable, Wiring, one_line

if TYPE_CHECKING:  # most commands run no engine
    from sr_adapters.subprocess.process import Exit, SupervisedEngine
    from sr_adapters.subprocess.seen import Note

INVOCATION_ENV, ROOT_ENV = "SR_ENGINE_INVOCATION_JSON", "SR_ENGINE_RUN_ROOT"
TRACE_ENV = "TRACEPARENT"
RUN_ENV, ATTEMPT_ENV = "SR_RUN_ID", "SR_ATTEMPT_NO"
_PINS = ("manifest_fingerprint", "parameter_hash", "seed", "scenario_id")
"""Given as ``SR_`` and the name in capitals, where the invocation has them."""

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

    @property
    def own(self) -> dict[str, str]:
        """What of the environment no process of another attempt has."""
        return {name: self.env[name] for name in (RUN_ENV, ATTEMPT_ENV, ROOT_ENV) if name in self.env}


def _arguments(command: Iterable[str]) -> tuple[str, ...]:
    return tuple(command)


@attrs.frozen
class SubprocessInvoker:
    """Runs a command list with ``{placeholders}``, without a shell (spec: behaviour, "Attempts").

    `command`: see `template.render`. `cwd`: the engine's working directory, None for SR's own.
    `timeout_seconds`: the engine's time. `runs_root`: where ``engine_runs/run_id=../attempt_no=..``
    is made when a call names no root. `log_limit_bytes`: kept of each of stdout and stderr, the
    last of them, without secrets. `grace_seconds`: between SIGTERM and SIGKILL. `env`: what the engine gets of
    SR's environment and besides; what it is asked for comes on top, in ``SR_*`` variables.

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
    env: EngineEnvironment = attrs.field(default=EngineEnvironment(), kw_only=True)

    def invoke(
        self, call: EngineCall, *, cancelled: Callable[[], bool], progress: Callable[[str], None]
    ) -> EngineResult:
        """Run the engine to its end; see the port's laws. What `cancelled` or `progress` raise passes
        through, after the engine was ended. Raises `BadInput` on a system that cannot run engines at all,
        `Unreachable(STORE_FULL)` where there is no room for the folder that it needs."""
        require_posix()
        if cancelled():
            return EngineResult(ReasonCode.ENGINE_CANCELLED, call.engine_run_root, detail="cancelled before it started")
        try:
            launch = self._prepare(call)
            engine = self._start(launch)
        except _Refused as refused:
            return EngineResult(refused.reason, call.engine_run_root, detail=_masked(refused.detail))
        note, whose = self._note(), _whose(call)
        try:
            with engine:
                ended = engine.follow(cancelled, progress, lambda pids: note.write(*whose, pids, launch.own))
        finally:
            if not engine.escaped.left:
                note.remove(*whose)
        return self._result(launch, ended, engine.escaped)

    def unready(self) -> str | None:
        """Why no engine can be started here: no command, no such program, or a template that no run fills;
        see `Readiness`."""
        if not self.command or not self.command[0]:
            return "the invoker has no command"
        unfit = why_unfit(self.command)
        if unfit is not None:
            return unfit
        if "{" in self.command[0]:  # which program it is depends on the run
            return None
        from sr_adapters.subprocess.program import why_unusable

        return why_unusable(self.command[0], self.cwd, engine_environment(os.environ, {}, passed=self.env.passed))

    def unready_for(self, invocation: Mapping[str, Any]) -> str | None:
        """Which placeholder of the command this invocation has no value for; see `ReadinessFor`."""
        try:
            render(self.command, placeholder_values(invocation, "", 1, ""))
        except Unresolved as exc:
            return f"the engine command has no value for {exc.part}"
        return None

    def end_abandoned(self, run_id: str, attempt_no: int) -> Leftover:
        """End what is seen here of an attempt whose holder died; see law I6."""
        note = self._note()
        seen = note.read(run_id, attempt_no)
        if seen is None:
            return Leftover()
        found = seen.end()
        if not found.left:
            note.remove(run_id, attempt_no)
        return found

    def _note(self) -> Note:
        from sr_adapters.subprocess.seen import Note

        return Note(Path(self.runs_root) / "engine_processes")

    def describe(self) -> str:
        """The program; its arguments may hold what is nobody's business."""
        if not self.command:
            return "subprocess: no command"
        return _masked(f"subprocess: {self.command[0]} ({len(self.command) - 1} arguments)")

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
        given = _given(values) | {INVOCATION_ENV: whole, ROOT_ENV: _local(root)}
        given |= {} if call.traceparent is None else {TRACE_ENV: call.traceparent}
        env = engine_environment(os.environ, given, passed=self.env.passed, fixed=self.env.fixed)
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
        from sr_adapters.subprocess.process import Limits, SupervisedEngine

        limits = Limits(self.timeout_seconds, self.grace_seconds, self.log_limit_bytes)
        try:
            return SupervisedEngine(launch.arguments, cwd=self.cwd, env=launch.env, limits=limits, given=launch.own)
        except ValueError as exc:  # a NUL or an unencodable character in an argument
            raise _Refused(ReasonCode.ENGINE_INVOCATION_INVALID, f"a value cannot be an argument: {exc}") from exc
        except OSError as exc:
            raise _Refused(*self._unstartable(exc.errno or 0, launch)) from exc

    def _result(self, launch: _Launch, ended: Exit, escaped: Leftover) -> EngineResult:
        reason, detail = self._verdict(launch, ended)
        return EngineResult(
            reason=reason,
            engine_run_root=launch.engine_run_root,
            stdout=ended.stdout,
            stderr=ended.stderr,
            detail=_masked(detail),
            exit_code=ended.code,
            remarks=tuple(_remarks(ended, escaped)),
        )

    def _verdict(self, launch: _Launch, ended: Exit) -> tuple[ReasonCode | None, str]:
        from sr_adapters.subprocess.process import Stop

        if ended.stop is Stop.CANCELLED:
            return ReasonCode.ENGINE_CANCELLED, "cancelled while it ran"
        if ended.stop is Stop.TIMEOUT:
            return ReasonCode.ENGINE_TIMEOUT, f"ended after {self.timeout_seconds:g} seconds"
        if ended.errno is not None:
            return self._unstartable(ended.errno, launch)
        if ended.code is None:  # how the engine would have ended is not known, and it is ended by now
            return ReasonCode.ENGINE_CANCELLED, "its supervisor was killed"
        if ended.code == 0:
            return None, "exit code 0"
        from sr_adapters.subprocess.program import first_line_hint  # needed when an engine fails, not before

        hint = first_line_hint(launch.arguments[0], self.cwd, launch.env) if ended.code in _NOT_RUN else ""
        return ReasonCode.ENGINE_EXIT_NONZERO, "; ".join(filter(None, (_ending(ended.code, ended.stderr), hint)))

    def _unstartable(self, number: int, launch: _Launch) -> tuple[ReasonCode, str]:
        if number == errno.E2BIG:  # the command is the profile's and short: the values are at fault
            return ReasonCode.ENGINE_INVOCATION_INVALID, "a value is too long to be an argument"
        from sr_adapters.subprocess.program import why_not

        return why_not(number, launch.arguments[0], self.cwd, launch.env)


def _masked(text: str) -> str:
    """The text in one line, without secrets."""
    from sr_ports.masking import redact

    return one_line(redact(text))


def _whose(call: EngineCall) -> tuple[str, int]:
    return str(call.invocation.get("run_id", "")), call.attempt_no


def _remarks(ended: Exit, escaped: Leftover) -> Iterator[str]:
    """What the engine did besides ending: nothing of it is to go unseen."""
    behind = ended.behind + escaped.ended + escaped.left
    left = ended.left + escaped.left
    if behind:
        yield f"it left {behind} process{'es' * (behind > 1)} behind when it ended"
    if left:
        yield f"{left} of its processes could not be ended"
    if ended.halted:
        times = "once" if ended.halted == 1 else f"{ended.halted} times"
        yield f"its supervisor was stopped by a signal {times}, and continued"


def _ending(code: int, stderr: bytes) -> str:
    """How it failed, with the last line of its standard error, which usually says why."""
    how = f"exit code {code}" if code > 0 else f"ended by {_signal_name(-code)}"
    lines = stderr.decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f"{how}: {last}" if last else how


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _given(values: Mapping[str, str]) -> dict[str, str]:
    """What the engine is asked for, as variables; a pin that the invocation lacks is absent."""
    named = {RUN_ENV: "run_id", ATTEMPT_ENV: "attempt_no", **{f"SR_{pin.upper()}": pin for pin in _PINS}}
    return {name: values[key] for name, key in named.items() if key in values}


def _local(root: str) -> str:
    """A plain path made absolute, since the engine may run in another folder; a URI as it is."""
    return root if "://" in root else str(Path(root).absolute())


def _make_folder(root: str) -> None:
    """Make it. Raises `Unreachable(STORE_FULL)` where the disk is full, which says nothing of the engine."""
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            what = f"the engine run root {root} cannot be made: {exc.strerror}"
            raise Unreachable(ReasonCode.STORE_FULL, what) from exc
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
        settings.command,
        cwd=settings.cwd,
        timeout_seconds=settings.timeout_s,
        runs_root=wiring.runtime_root,
        env=settings.env,
    )
