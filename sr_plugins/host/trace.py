"""``SR_TRACE_PLUGINS=1``: which plugins were asked, what was chosen, and what was skipped and why; on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def tracer() -> Callable[[str], None]:
    """Takes a sentence about a plugin, and tells it, once."""
    told: set[str] = set()

    def trace(sentence: str) -> None:
        if sentence not in told:
            told.add(sentence)
            _write(sentence)

    return trace


def _write(sentence: str) -> None:
    import contextlib

    from sr_ports import one_line
    from sr_ports.masking import without_passwords

    environment: Any = sys.modules.get("sr_plugins.documents.environment")  # not loaded: nothing was filled in
    told = sentence if environment is None else environment.unquoted(sentence)
    with contextlib.suppress(OSError, ValueError):  # a stream that is closed changes nothing
        sys.stderr.write(f"plugins: {one_line(without_passwords(told))}\n")
