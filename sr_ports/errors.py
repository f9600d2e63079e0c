"""One small family of errors: a stable code, a kind, a sentence and a remedy.

Adapters turn driver errors into these at their edge, with ``raise ... from``. A refusal
that the design foresees is a returned value, not one of these (spec: house, "Errors").
"""

from __future__ import annotations

from sr_ports.kinds import Kind
from sr_ports.reasons import REASONS, ReasonCode


class SrError(Exception):
    """A failure with a stable reason code.

    `code`: what callers and artifacts branch on. `what`: one sentence naming the thing.
    `remedy`: what to do; the table's when not given.
    """

    def __init__(self, code: ReasonCode, what: str, remedy: str | None = None) -> None:
        super().__init__(code, what, remedy)
        self.code = code
        self.what: str = one_line(what)
        self.remedy: str = one_line(remedy if remedy is not None else REASONS[code].remedy)

    @property
    def kind(self) -> Kind:
        return REASONS[self.code].kind

    def __str__(self) -> str:
        return f"error[{self.code.value}]: {self.what}; {self.remedy}"


class BadInput(SrError):
    """A request, profile, policy or pack is wrong. Nothing was written."""


class NotFound(SrError):
    """What was named is certainly not there."""


class Unreachable(SrError):
    """A store, bus or authority failed to answer. The same call may be made again."""


class OutcomeUnknown(Unreachable):
    """A write's answer was lost: neither done nor failed. Never counts as either."""

    def __init__(self, what: str) -> None:
        super().__init__(ReasonCode.OUTCOME_UNKNOWN, what)

    def __reduce__(self) -> tuple[type[OutcomeUnknown], tuple[str]]:
        return (OutcomeUnknown, (self.what,))


class LeaseLost(SrError):
    """The token no longer owns the resource. Stop writing; never retry with it."""

    def __init__(self, resource: str, fence: int, code: ReasonCode = ReasonCode.LEASE_LOST) -> None:
        why = "is outdated: a newer holder has written" if code is ReasonCode.FENCED else "is no longer held"
        super().__init__(code, f"lease on {resource} (fence {fence}) {why}")
        self.resource = resource
        self.fence = fence

    def __reduce__(self) -> tuple[type[LeaseLost], tuple[str, int, ReasonCode]]:
        return (LeaseLost, (self.resource, self.fence, self.code))


class Stopped(SrError):
    """The caller asked the call to end early. What it held was given up and nothing is lost: made again, it goes on."""

    def __init__(self, what: str = "the call was asked to end early") -> None:
        super().__init__(ReasonCode.INTERRUPTED, what)

    def __reduce__(self) -> tuple[type[Stopped], tuple[str]]:
        return (Stopped, (self.what,))


class Fault(SrError):
    """Stored truth breaks a law, or a bug would have. Nothing more is written."""


class EvidenceFault(SrError):
    """Engine output that contradicts itself or tries to leave its root: always a conflict.

    `path`: the first file at fault, relative to the engine root, where that can be told.
    """

    def __init__(self, code: ReasonCode, what: str, path: str | None = None) -> None:
        super().__init__(code, what)
        self.path = path

    def __reduce__(self) -> tuple[type[EvidenceFault], tuple[ReasonCode, str, str | None]]:
        return (EvidenceFault, (self.code, self.what, self.path))


class CutShort(EvidenceFault):
    """A file that merely ends too early: it may still be being written. A conflict from the evidence deadline on."""


_CONTROL = dict.fromkeys((*range(32), 127), " ")


def one_line(text: str, limit: int = 600) -> str:
    """Fold `text` to one printable line of at most `limit` characters."""
    folded = " ".join(text.translate(_CONTROL).split())
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


def described(error: BaseException) -> str:
    """Class and text of an exception. Raises nothing, also where the exception's own text does."""
    kind = type(error).__name__
    try:
        return f"{kind}: {error}".removesuffix(": ")
    except BaseException as failed:  # noqa: BLE001 - of whatever class: somebody is about to be told of `error`
        return f"{kind} (its text cannot be read: {type(failed).__name__})"


def foreseen(error: BaseException) -> bool:
    """Whether `error` is a whole `SrError`. One whose class never called `SrError.__init__` says nothing to act on,
    and counts as any other exception."""
    if not isinstance(error, SrError):
        return False
    try:
        parts: tuple[object, ...] = (error.code, error.what, error.remedy)
    except BaseException:  # noqa: BLE001 - a property of a plugin's class may raise anything
        return False
    return isinstance(parts[0], ReasonCode) and isinstance(parts[1], str) and isinstance(parts[2], str)
