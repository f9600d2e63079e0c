"""One conditional write, tried until it is certain what became of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

import attrs

from sr_adapters.s3.errors import (
    DRIVER_ERRORS,
    NEVER_SENT,
    STORE,
    Cause,
    Words,
    cause_of,
    is_throttled,
    key_is_missing,
    may_have_acted,
    status_of,
    translate,
)
from sr_adapters.s3.trail import Trail
from sr_ports import OutcomeUnknown, SrError, Stored, Unreachable

_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0
_PRECONDITION = 412
_CONFLICT = 409
_CLIENT_ERRORS = range(400, 500)


@attrs.frozen
class Seen:
    """An object found by looking. `trail`: None when something else wrote it."""

    stored: Stored
    trail: Trail | None


@attrs.define
class ConditionalWrite:
    """`put` writes under a condition, once; `look` reads what is there now.

    `mine`: the trail that the write carries. `etag`: what `If-Match` asks for; None for a create. `words`: in which its
    troubles are told.
    """

    put: Callable[[], Stored]
    look: Callable[[], Seen | None]
    mine: Trail
    etag: str | None
    where: str
    tries: int
    words: Words = STORE
    _doubt: bool = False

    def run(self) -> Stored | None:
        """The object as written, or None when the condition did not hold.

        Raises `Unreachable` when nothing was written, `OutcomeUnknown` when that cannot be told.
        A repeated put carries the same id, so whichever of the tries took effect is recognised.
        """
        last: BaseException | None = None
        for attempt in range(self.tries):
            if attempt:
                _wait(attempt)
            try:
                return self.put()
            except DRIVER_ERRORS as error:
                if self._is_refusal(error):
                    return self._after_refusal(error)
                if not _worth_another(error):
                    last = error
                    break
                self._doubt = self._doubt or may_have_acted(error)
                last = error
        return self._give_up(last)

    def _is_refusal(self, error: BaseException) -> bool:
        return status_of(error) == _PRECONDITION or (self.etag is not None and key_is_missing(error))

    def _after_refusal(self, error: BaseException) -> Stored | None:
        """Refused, though perhaps by one's own first try; or by one that something in between sent again."""
        seen = self._see(error)
        if seen is None:
            if self.etag is None:
                raise Unreachable(
                    translate(error, self.where, self.words).code, f"{self.where}: refused, yet nothing is there"
                )
            return None
        return self._settle(seen)

    def _settle(self, seen: Seen) -> Stored | None:
        found = seen.trail
        if found is not None and found.write == self.mine.write:
            return seen.stored
        if not self._doubt:
            return None
        if found is None:
            raise self._unknown()
        for write, etag in found.before:
            if write == self.mine.write:
                return attrs.evolve(seen.stored, etag=etag)  # taken effect, and replaced since
        if found.whole or any(etag == self.etag for _, etag in found.before) or seen.stored.etag == self.etag:
            return None
        raise self._unknown()

    def _give_up(self, last: BaseException | None) -> Stored | None:
        """Every try failed. Without doubt nothing was written; with it, what is there may tell."""
        if last is None:
            raise AssertionError("a write is tried at least once")
        if not self._doubt:
            if self._is_about_a_missing_key(last):
                return None
            raise translate(last, self.where, self.words) from last
        seen = self._see(last)
        if seen is not None and seen.stored.etag != self.etag:
            return self._settle(seen)
        raise self._unknown() from last  # a try may still be on its way

    def _is_about_a_missing_key(self, last: BaseException) -> bool:
        """Whether an answer unlike any known cause is this store's way to refuse `If-Match` on a missing key."""
        odd = status_of(last) in _CLIENT_ERRORS and cause_of(last) is Cause.OTHER
        if self.etag is None or not odd:
            return False
        try:
            return self.look() is None
        except SrError:
            return False  # the first error tells more than that of the look

    def _see(self, error: BaseException) -> Seen | None:
        try:
            return self.look()
        except SrError as trouble:
            if self._doubt:
                raise self._unknown() from error
            raise trouble from error

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self.where}: the answer to a write was lost, and what is there does not settle it")


def _worth_another(error: BaseException) -> bool:
    """Not for an answer that will stay the same: no rights, no bucket, another region."""
    conflict = status_of(error) == _CONFLICT
    return conflict or is_throttled(error) or may_have_acted(error) or isinstance(error, NEVER_SENT[:3])


def _wait(attempt: int) -> None:
    longest: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
    time.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - spreads rivals, guards nothing
