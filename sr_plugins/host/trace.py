"""``SR_TRACE_PLUGINS=1``: which plugins were asked, what was chosen, and what was skipped and why; on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable


def tracer(unquoted: Callable[[str], str]) -> Callable[[str], None]:
    """Takes a sentence about a plugin, and tells it, once. `unquoted`: takes out what nobody is to see."""
    told: set[str] = set()

    def trace(sentence: str) -> None:
        if sentence not in told:
            told.add(sentence)
            _write(unquoted(sentence))

    return trace


def _write(sentence: str) -> None:
    import contextlib

    from sr_ports import one_line
    from sr_ports.masking import without_passwords

    with contextlib.suppress(OSError, ValueError):  # a stream that is closed changes nothing
        sys.stderr.write(f"plugins: {one_line(without_passwords(sentence))}\n")
