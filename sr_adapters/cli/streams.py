"""Standard output belongs to the answers: while a command runs, whatever else writes there writes to stderr.

A plugin may print when it is imported, in a hook or at any later time, from any thread; a library
may write to descriptor 1, and a program that a plugin starts inherits it. So from a command's
first line on, descriptor 1 is standard error's, and the real standard output is kept aside.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO, Any, NamedTuple


class Aside(NamedTuple):
    """Descriptor 1, kept aside. `former`: the stream that was on it. `stream`: the same, on a descriptor of its own."""

    former: Any
    stream: IO[str]

    @classmethod
    def of(cls, former: Any) -> Aside | None:
        """Move descriptor 1 to standard error; None where the stream is another's, which stays as it is."""
        if _descriptor(former) != 1:
            return None
        with suppress(OSError, ValueError):
            former.flush()
        aside = cls(former, _copy(former))
        point_1_at(2)
        return aside

    def restore(self) -> None:
        """Give descriptor 1 back, for callers who go on in this process."""
        with suppress(OSError, ValueError):
            self.stream.flush()
        with suppress(OSError, ValueError):
            self.former.flush()  # what was written to the object itself belongs to stderr, too
        point_1_at(self.stream.fileno())
        with suppress(OSError, ValueError):
            self.stream.close()


def point_1_at(number: int) -> None:
    """Make descriptor 1 what `number` is; /dev/null where that is closed."""
    try:
        os.dup2(number, 1)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def _descriptor(stream: Any) -> int | None:
    try:
        number: int = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return number


def _copy(former: Any) -> IO[str]:
    """A stream like `former` on a descriptor of its own, which no child process inherits."""
    lines = 1 if former.line_buffering or former.write_through else -1
    return open(os.dup(1), "w", buffering=lines, encoding=former.encoding, errors=former.errors)  # noqa: PTH123
