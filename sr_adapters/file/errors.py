"""The edge of this adapter: an `OSError` becomes an `Unreachable` that names place and cause."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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


@contextmanager
def port_errors(doing: str, codes: Mapping[int, ReasonCode], otherwise: ReasonCode) -> Iterator[None]:
    """Raise any `OSError` of the block as `Unreachable`: `codes` by errno, else `otherwise`.

    An `OutcomeUnknown` passes, and learns what was being done.
    """
    try:
        yield
    except OutcomeUnknown as exc:
        raise OutcomeUnknown(f"it is not known whether this was done: {doing}: {exc.what}") from exc
    except OSError as exc:
        number = exc.errno or 0
        where = f" ({os.fsdecode(exc.filename)})" if isinstance(exc.filename, (str, bytes)) else ""
        what = f"cannot {doing}: {exc.strerror or exc}{where}"
        raise Unreachable(codes.get(number, otherwise), what, _REMEDIES.get(number)) from exc
