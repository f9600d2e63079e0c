"""What a check found, as values."""

from __future__ import annotations

from typing import Literal

import attrs

from sr_ports import one_line

Severity = Literal["error", "warning"]


@attrs.frozen
class Finding:
    """One thing found. `where`: the gate, output or file. `what`: one sentence. Both are one printable line."""

    severity: Severity
    code: str
    where: str = attrs.field(converter=one_line)
    what: str = attrs.field(converter=one_line)


def error(code: str, where: str, what: str) -> Finding:
    """A fault that breaks the thing checked."""
    return Finding("error", code, where, what)


def warning(code: str, where: str, what: str) -> Finding:
    """A fault that touches single parts of it."""
    return Finding("warning", code, where, what)
