"""A service and its answers: a document of its contract, or the error that the service refused by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sr_adapters.client.transport import Question, Reply, Transport
from sr_domain.encoding.contracts import problem
from sr_domain.run import names
from sr_ports import REASONS, BadInput, Fault, Kind, NotFound, ReasonCode, SrError, Unreachable

_T = TypeVar("_T")
_REFUSED = 400
_RAISED: Mapping[Kind, Callable[[ReasonCode, str, str | None], SrError]] = {
    Kind.USAGE: BadInput,
    Kind.MISSING: NotFound,
    Kind.UNREACHABLE: Unreachable,
    Kind.FAULT: Fault,
}
"""What the runner raises of a kind of trouble; of any other, the family itself."""


class Service:
    """What answers at the other end of `transport`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def told(self, question: Question, contract: str, run: str = "") -> tuple[dict[str, Any], str]:
        """The document that answers, and what an error beside it says. Raises what the service refused by.

        `run`: as it was named, for the error that there is none.
        """
        reply = self._transport.ask(question)
        document, said = reply.document, ""
        if reply.status >= _REFUSED:
            error = self._refusal(reply)
            if not isinstance(reply.document.get("answer"), dict):
                missing = error.code is ReasonCode.RUN_NOT_FOUND and run.startswith(names.KEY)
                raise names.no_run(run) if missing else error
            document, said = reply.document["answer"], error.what
        wrong = problem(contract, document)
        if wrong is not None:
            raise self._unfit(f"its answer is none of this release: {wrong.what}")
        return document, said

    def _refusal(self, reply: Reply) -> SrError:
        """The error that a problem document tells (RFC 9457)."""
        code, what = str(reply.document.get("reason_code", "")), str(reply.document.get("detail", ""))
        if code not in ReasonCode.__members__:
            told = f" {code}" if code else ""
            return self._unfit(f"it refuses with {reply.status}{told}, which this release does not know: {what}")
        reason, remedy = ReasonCode(code), reply.document.get("remedy")
        raised = _RAISED.get(REASONS[reason].kind, SrError)
        return raised(reason, what, None if remedy is None else str(remedy))

    def value(self, made: Callable[..., _T], *given: Any) -> _T:
        """What `made` makes of an answer. Raises `Unreachable` for one that it cannot."""
        try:
            return made(*given)
        except (ValueError, KeyError, TypeError, ExceptionGroup) as error:
            raise self._unfit(f"its answer is none of this release: {type(error).__name__}: {error}") from error

    def _unfit(self, what: str) -> Unreachable:
        return Unreachable(ReasonCode.SERVICE_ANSWER_INVALID, f"{self._transport.place}: {what}")


def about(run: str, *more: str, **asked: Any) -> Question:
    """A question about a run: by its id where the name has it, else by the prefix that was given."""
    name = names.id_in(run) or run
    return Question("POST" if "body" in asked else "GET", ("v1", "runs", name, *more), **asked)
