"""Path templates of the interface pack, rendered with pins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

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
    unknown = unfilled(template, pins)
    if unknown is not None:
        return Unresolved(unknown)
    if names(template, DAY) and not days:
        return Unresolved(f"the window covers no day for {{{DAY}}}")
    path = TOKEN.sub(lambda match: match[0] if match[1] in (DAY, RUN) else pins[match[1]], template)
    fault = path_fault(filled(path, run_id=pins[RUN], day=days[0] if days else None))
    return path if fault is None else Unresolved(fault)


def unfilled(template: str, pins: Iterable[str]) -> str | None:
    """Which tokens of a template no pin fills, and which pins there are; None where all are filled."""
    known = dict.fromkeys((*pins, DAY))
    unknown = [token for token in dict.fromkeys(TOKEN.findall(template)) if token not in known]
    if not unknown:
        return None
    import difflib

    near = difflib.get_close_matches(unknown[0], known, 1)
    meant = f"; did you mean {_spelt(near)}?" if near else ""
    return f"no pin fills {_spelt(unknown)}; the pins are {_spelt(known)}{meant}"


def _spelt(tokens: Iterable[str]) -> str:
    return ", ".join(f"{{{token}}}" for token in tokens)


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
