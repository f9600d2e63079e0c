"""Path templates of the interface pack, rendered with pins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import attrs

from sr_ports.compared import Compared

TOKEN = re.compile(r"\{([^{}]*)\}")
DAY = "utc_day"
RUN = "run_id"
_SAFE = re.compile(r"[^\x00-\x1f\x7f\\{}]+")


@attrs.frozen(eq=False, repr=False)
class Unresolved(Compared):
    """Why a template cannot be rendered. `what` names the token or the fault."""

    what: str


def render(template: str, pins: Mapping[str, str], days: Sequence[str] = ()) -> str | Unresolved:
    """The relative path of a template, its pins filled; ``{run_id}`` and ``{utc_day}`` stay (see `filled`)."""
    tokens = set(TOKEN.findall(template))
    unknown = sorted(tokens - set(pins) - {DAY})
    if unknown:
        return Unresolved(f"no pin fills {{{unknown[0]}}}")
    if DAY in tokens and not days:
        return Unresolved(f"the window covers no day for {{{DAY}}}")
    path = TOKEN.sub(lambda match: match[0] if match[1] in (DAY, RUN) else pins[match[1]], template)
    fault = path_fault(filled(path, run_id=pins[RUN], day=days[0] if days else None))
    return path if fault is None else Unresolved(fault)


def names(template: str, token: str) -> bool:
    """Whether the template has the token."""
    return "{" + token + "}" in template


def filled(path: str, *, run_id: str, day: str | None) -> str:
    """A rendered path for one engine run and one day (``YYYY-MM-DD``; None where it names none)."""
    path = path.replace("{" + RUN + "}", run_id)
    return path if day is None else path.replace("{" + DAY + "}", day)


def path_fault(path: str) -> str | None:
    """Why `path` is no plain relative path below the engine root; None when it is one."""
    if not _SAFE.fullmatch(path):
        return "the path is empty or holds a backslash, brace or control character"
    if path.startswith("/"):
        return "the path is absolute"
    if any(part in ("", ".", "..") for part in path.rstrip("/").split("/")) or path.endswith("//"):
        return "the path has an empty, . or .. part"
    return None
