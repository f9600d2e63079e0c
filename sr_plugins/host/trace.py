"""``SR_TRACE_PLUGINS=1``: which plugins were asked, what was chosen, and what was skipped and why; on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

VARIABLE = "SR_TRACE_PLUGINS"
_OFF = ("", "0")


def tracer() -> Callable[[str], None]:
    """Takes a sentence about a plugin: told once each where the variable is set, else to nobody."""
    if os.environ.get(VARIABLE, "") in _OFF:
        return _untold
    told: set[str] = set()

    def trace(sentence: str) -> None:
        if sentence not in told:
            told.add(sentence)
            _write(sentence)

    return trace


def _untold(sentence: str) -> None:
    """Nobody asked."""


def _write(sentence: str) -> None:
    import contextlib

    from sr_domain.encoding.redact import without_passwords
    from sr_ports import one_line

    with contextlib.suppress(OSError, ValueError):  # a stream that is closed changes nothing
        sys.stderr.write(f"plugins: {one_line(without_passwords(sentence))}\n")
