"""The edge of this adapter: an `OSError` becomes an `Unreachable` that names place and cause."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from sr_ports.errors import OutcomeUnknown, Unreachable
from sr_ports.reasons import ReasonCode

ROOT_GONE = errno.ESTALE
"""What `tree` raises for a root that was there before and is not now."""

FULL: Mapping[int, ReasonCode] = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), ReasonCode.STORE_FULL)
DENIED: Mapping[int, ReasonCode] = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ReasonCode.STORE_DENIED)

_REMEDIES = {
    errno.ELOOP: "remove the symbolic link: none is followed here",
    errno.ENOTDIR: "move away the file that is where a folder must be",
    errno.EISDIR: "move away the folder that is where a file must be",
}


class port_errors:  # noqa: N801 - a context manager; a class, for each call of the store enters one
    """Raise any `OSError` of the block as `Unreachable`: `codes` by errno, else `otherwise`.

    An `OutcomeUnknown` passes, and learns what was being done.
    """

    __slots__ = ("_codes", "_doing", "_otherwise")

    def __init__(self, doing: str, codes: Mapping[int, ReasonCode], otherwise: ReasonCode) -> None:
        self._doing, self._codes, self._otherwise = doing, codes, otherwise

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        doing = self._doing
        if isinstance(exc, OutcomeUnknown):
            raise OutcomeUnknown(f"it is not known whether this was done: {doing}: {exc.what}") from exc
        if not isinstance(exc, OSError):
            return
        number = exc.errno or 0
        where = f" ({os.fsdecode(exc.filename)})" if isinstance(exc.filename, (str, bytes)) else ""
        what = f"cannot {doing}: {exc.strerror or exc}{where}"
        raise Unreachable(self._codes.get(number, self._otherwise), what, _REMEDIES.get(number)) from exc
