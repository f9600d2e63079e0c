"""Path templates of the interface pack, rendered with pins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from sr_ports.compared import Compared

TOKEN = re.compile(r"\{([^{}]*)\}")
DAY = "utc_day"
YEAR, MONTH, MONTHDAY = "utc_y", "utc_m", "utc_d"
DAY_TOKENS = (DAY, YEAR, MONTH, MONTHDAY)
"""A day as ``YYYY-MM-DD``, and its three parts, for paths that spell it otherwise."""
RUN = "run_id"
_STAY = frozenset({*DAY_TOKENS, RUN})
_SAFE = re.compile(r"[^\x00-\x1f\x7f\\{}]+")


@attrs.frozen(eq=False, repr=False)
class Unresolved(Compared):
    """Why a template cannot be rendered. `what` names the token or the fault."""

    what: str


def render(template: str, pins: Mapping[str, str], days: Sequence[str] = ()) -> str | Unresolved:
    """The relative path of a template, its pins filled; ``{run_id}`` and what names the day stay (see `filled`)."""
    unknown = unfilled(template, pins)
    if unknown is not None:
        return Unresolved(unknown)
    if names_day(template) and not days:
        return Unresolved(f"the window covers no day for {{{DAY}}}")
    path = TOKEN.sub(lambda match: match[0] if match[1] in _STAY else pins[match[1]], template)
    fault = path_fault(filled(path, run_id=pins[RUN], day=days[0] if days else None))
    return path if fault is None else Unresolved(fault)


def unfilled(template: str, pins: Iterable[str]) -> str | None:
    """Which tokens of a template no pin fills, and which pins there are; None where all are filled."""
    known = dict.fromkeys((*pins, *DAY_TOKENS))
    unknown = [token for token in dict.fromkeys(TOKEN.findall(template)) if token not in known]
    if not unknown:
        return _part_of_a_day(template)
    import difflib

    near = difflib.get_close_matches(unknown[0], known, 1)
    meant = f"; did you mean {_spelt(near)}?" if near else ""
    return f"no pin fills {_spelt(unknown)}; the pins are {_spelt(known)}{meant}"


def _part_of_a_day(template: str) -> str | None:
    """That a template names parts of the day and not all of it: several days would have one path."""
    lacking = [one for one in DAY_TOKENS[1:] if not names(template, one)]
    if names(template, DAY) or not 0 < len(lacking) < len(DAY_TOKENS) - 1:
        return None
    return f"a day is named whole or not at all: {_spelt(lacking)} is lacking"


def _spelt(tokens: Iterable[str]) -> str:
    return ", ".join(f"{{{token}}}" for token in tokens)


def names(template: str, token: str) -> bool:
    """Whether the template has the token."""
    return "{" + token + "}" in template


def names_day(template: str) -> bool:
    """Whether the template has a path for each day: it names the day whole, at once or in its three parts."""
    return names(template, DAY) or all(names(template, one) for one in DAY_TOKENS[1:])


def filled(path: str, *, run_id: str, day: str | None) -> str:
    """A rendered path for one engine run and one day (``YYYY-MM-DD``; None where it names none)."""
    path = path.replace("{" + RUN + "}", run_id)
    if day is None:
        return path
    for token, text in zip(DAY_TOKENS, (day, *day.split("-")), strict=True):
        path = path.replace("{" + token + "}", text)
    return path


def path_fault(path: str) -> str | None:
    """Why `path` is no plain relative path below the engine root; None when it is one."""
    if not _SAFE.fullmatch(path):
        return "the path is empty or holds a backslash, brace or control character"
    if path.startswith("/"):
        return "the path is absolute"
    if any(part in ("", ".", "..") for part in path.rstrip("/").split("/")) or path.endswith("//"):
        return "the path has an empty, . or .. part"
    return None
