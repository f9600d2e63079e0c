"""Calling a hashing law: what the view raised is the world's, whatever else is raised is the law's own fault."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs

from sr_domain.evidence.bundle import Bundle, BundleAbsent, is_hex64
from sr_domain.evidence.law_view import asked, law_view
from sr_domain.evidence.provided_law import LawStopped, ProvidedLaw, WatchedLaw
from sr_ports import EvidenceFault, PartsLaw, ReasonCode, Unreachable
from sr_ports.errors import described, foreseen
from sr_ports.masking import redact


class LawFault(Exception):
    """A law gave no judgement: a fault of this worker's, of which the evidence says nothing. Its `what` goes on
    record: a law may quote secrets, which are masked."""

    def __init__(self, code: ReasonCode, what: str) -> None:

        super().__init__(code, what)
        self.code = code
        self.what = redact(what)


@attrs.define(eq=False, repr=False)
class _Heard:
    """What the view raised: the last of it, and the first that is not about the evidence."""

    last: BaseException | None = None
    world: BaseException | None = None

    def __call__(self, error: BaseException) -> None:
        self.last = error
        if self.world is None and not isinstance(error, EvidenceFault | BundleAbsent):
            self.world = error


def law_digest(provided: ProvidedLaw, bundle: Bundle) -> str:
    """The law's digest of a bundle, lower-case hex64.

    Raises what the view raised (`EvidenceFault`, `BundleAbsent`, `Unreachable`, `LeaseLost`), an
    `EvidenceFault` or `Unreachable` of the law's own, and `LawFault` for all else.
    """
    heard = _Heard()
    try:
        digest = _answer(provided, bundle, heard)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if error is heard.last:
            raise
        if isinstance(error, EvidenceFault) and foreseen(error):
            raise
        if isinstance(error, Unreachable) and foreseen(error):
            from sr_ports.masking import redact

            raise Unreachable(error.code, redact(error.what), redact(error.remedy)) from error
        if heard.world is not None:  # the law kept it to itself
            raise heard.world from error
        raise _fault(provided, error) from error
    if heard.world is not None:
        raise heard.world
    if not is_hex64(digest):
        raise LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: it gave no sha256 digest")
    return str(digest).lower()


def _answer(provided: ProvidedLaw, bundle: Bundle, heard: _Heard) -> Any:
    """What the law says; one over parts is given those, which the bundle reads."""
    law, view = provided.law, law_view(bundle, heard)
    if isinstance(law, WatchedLaw):
        return law.watched(view, partial(asked, partial(bundle.guard, 0), heard))
    if isinstance(law, PartsLaw):
        return law.digest_parts(asked(lambda: tuple(bundle.parts()), heard))
    return law.digest(view)


def _fault(provided: ProvidedLaw, error: BaseException) -> LawFault:
    if not isinstance(error, LawStopped):
        return LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: {described(error)}")
    if error.late:
        return LawFault(ReasonCode.LAW_TIMEOUT, f"{provided.by} was ended: {error.why}")
    return LawFault(ReasonCode.LAW_FAILED, f"{provided.by} failed: {error.why}")
