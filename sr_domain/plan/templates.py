"""Path templates of the interface pack, rendered with pins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from sr_ports.compared import Compared

TOKEN = re.compile(r"\{([^{}]*)\}")
DAY = "utc_day"
_SAFE = re.compile(r"[^\x00-\x1f\x7f\\{}]+")


@attrs.frozen(eq=False, repr=False)
class Unresolved(Compared):
    """Why a template cannot be rendered. `what` names the token or the fault."""

    what: str


def render(template: str, pins: Mapping[str, str], days: Sequence[str] = ()) -> tuple[str, ...] | Unresolved:
    """The concrete relative paths of a template: one, or one a day where it has ``{utc_day}``."""
    tokens = set(TOKEN.findall(template))
    unknown = sorted(tokens - set(pins) - {DAY})
    if unknown:
        return Unresolved(f"no pin fills {{{unknown[0]}}}")
    spread: Sequence[str] = days if DAY in tokens else ("",)
    if not spread:
        return Unresolved(f"the window covers no day for {{{DAY}}}")
    paths = tuple(
        TOKEN.sub(lambda match, day=day: day if match[1] == DAY else pins[match[1]], template)  # type: ignore[misc]
        for day in spread
    )
    for path in paths:
        fault = path_fault(path)
        if fault:
            return Unresolved(fault)
    return paths


def path_fault(path: str) -> str | None:
    """Why `path` is no plain relative path below the engine root; None when it is one."""
    if not _SAFE.fullmatch(path):
        return "the path is empty or holds a backslash, brace or control character"
    if path.startswith("/"):
        return "the path is absolute"
    if any(part in ("", ".", "..") for part in path.rstrip("/").split("/")) or path.endswith("//"):
        return "the path has an empty, . or .. part"
    return None
