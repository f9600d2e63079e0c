"""What each page of the console shows: read from truth, each time anew."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from sr_adapters.console.looking import Looking, Shown
from sr_adapters.console.run_page import run_page
from sr_adapters.console.words import state_mark
from sr_adapters.http.actors import Action
from sr_adapters.http.cursors import CURSOR, cursor_of, place_of
from sr_domain.encoding.times import parse_instant
from sr_domain.record.states import RunState
from sr_ports import BadInput, ReasonCode, SrError

if TYPE_CHECKING:
    from sr_domain.queries.listing import Asked, Place
    from sr_domain.run.outcome import Outcome

_PAGE = 25
_FACTS = 100
_OWED = 20
_RUN_NAME = re.compile(r"key:.+|[0-9a-f]{6,32}")
_FINAL = ("READY", "FAILED", "QUARANTINED")
_RUNNING = ("OPEN", "PLANNED", "EXECUTING", "VERIFYING")
CHIPS: tuple[tuple[str, str, tuple[str, ...] | None], ...] = (
    ("", "All", None),
    ("running", "Running", _RUNNING),
    ("waiting", "Waiting", (RunState.WAITING_EVIDENCE.value,)),
    ("ready", "READY", (RunState.READY.value,)),
    ("failed", "Failed", (RunState.FAILED.value,)),
    ("quarantined", "Quarantined", (RunState.QUARANTINED.value,)),
)


def runs(looking: Looking) -> Shown:
    """The runs, the newest first; a name of a run in the search leads to it."""
    query, runner = looking.query, looking.runner
    words = query.get("q", "").strip()
    found = _named(looking, words)
    if found is not None:
        return Shown(to=f"/runs/{found}")
    asked, cursor = asked_of(query, words), query.get("cursor")
    listed = runner.listing(asked, limit=_PAGE, after=None if not cursor else behind(cursor))
    rows = runner.rows(listed.rows)
    further = looking.url(cursor=cursor_of(listed.last)) if listed.more and listed.last is not None else None
    top = listed.first if cursor is None else None
    counts = looking.counts.told()
    return Shown(
        "runs.html",
        {
            "rows": [(row, *state_mark(row.state, row.superseded_by)) for row in rows],
            "chips": [
                (name, word, counts.totals[name], looking.url(state=name or None, cursor=None))
                for name, word, _ in CHIPS
            ],
            "chosen": query.get("state", ""),
            "words": words,
            "since": query.get("since", ""),
            "total": listed.total,
            "next": further,
            "first": looking.url(cursor=None) if cursor else None,
            "standing": counts.standing,
            "top": None if top is None else cursor_of(top),
            "narrowed": bool(words or query.get("state") or query.get("since")),
        },
    )


def behind(cursor: str) -> Place:
    """The place of a cursor. Raises `BadInput(PARAMETER_INVALID)` for what is none."""
    if not re.fullmatch(CURSOR, cursor):
        raise BadInput(ReasonCode.PARAMETER_INVALID, "cursor is none that a page of this list ended with")
    return place_of(cursor)


def _named(looking: Looking, words: str) -> str | None:
    """The id of the run that the words name; None for words that name none."""
    if not _RUN_NAME.fullmatch(words):
        return None
    try:
        return looking.runner.run_id(words)
    except SrError:
        return None


def asked_of(query: Mapping[str, str], words: str) -> Asked:
    """Which runs are asked for. Raises `BadInput(PARAMETER_INVALID)`."""
    from sr_domain.queries.listing import Asked

    states = {name: states for name, _, states in CHIPS}
    if query.get("state", "") not in states:
        raise BadInput(ReasonCode.PARAMETER_INVALID, "state is none of the chips above the table")
    try:
        since = parse_instant(_instant(query["since"])) if query.get("since") else None
    except ValueError as error:
        raise BadInput(ReasonCode.PARAMETER_INVALID, "since must be a day or an instant in UTC") from error
    return Asked(states[query.get("state", "")], since, words or None)


def _instant(text: str) -> str:
    """A day, or an instant as a form has it, as an instant in UTC."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return f"{text}T00:00:00Z"
    return f"{text}:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text) else text


def run(looking: Looking) -> Shown:
    """One run."""
    told = looking.runner.dossier(looking.run)
    page, why = run_page(told), told.explanation
    events = told.timeline.events
    return Shown(
        "run.html",
        {
            "page": page,
            "may_resume": looking.may(Action.RESUME),
            "may_reemit": looking.may(Action.REEMIT),
            "open": why.state not in _FINAL or (why.state == RunState.READY and not told.published),
            "last": events[-1].event_id if events else "",
        },
    )


def report(looking: Looking) -> Shown:
    """The same page as a file."""
    from sr_adapters.console.render import style

    return Shown("report.html", {"page": run_page(looking.runner.dossier(looking.run)), **style()})


def quarantines(looking: Looking) -> Shown:
    """Every quarantined run."""
    return Shown("quarantines.html", {"records": looking.runner.quarantined()})


def quarantine(looking: Looking) -> Shown:
    """What differs: both sides of each conflict."""
    from sr_adapters.answers import spelled

    record = looking.runner.quarantine(looking.run)
    told = looking.runner.explain(record["run_id"])
    return Shown("quarantine.html", {"record": record, "why": told, "next": spelled(told.next)})


def pack(looking: Looking) -> Shown:
    """What the gates cover."""
    from sr_adapters.console.pack_page import pack_page

    return Shown("pack.html", {"pack": pack_page(looking.runner.pack, looking.query.get("q", "").strip())})


def bus(looking: Looking) -> Shown:
    """The last control facts, and what the bus is owed."""
    kind = looking.query.get("kind", "")
    last: deque[Any] = deque(maxlen=_FACTS)
    kinds: dict[str, int] = {}
    for envelope in looking.runner.tail():
        own = envelope.attributes.get("kind", "")
        kinds[own] = kinds.get(own, 0) + 1
        if kind in ("", own):
            last.append(envelope)
    return Shown(
        "bus.html", {"facts": list(last)[::-1], "kinds": sorted(kinds.items()), "kind": kind, "owed": _owed(looking)}
    )


def _owed(looking: Looking) -> Sequence[Outcome]:
    """READY runs that the bus has not been told of."""
    found: list[Outcome] = []
    for run_id in islice(looking.runner.unsettled(), 10 * _OWED):
        try:
            outcome = looking.runner.status(run_id)
        except SrError:  # its own page says what is wrong with it
            continue
        if outcome.state is RunState.READY and len(found) < _OWED:
            found.append(outcome)
    return found


def health(looking: Looking) -> Shown:
    """Whether the wiring is sound."""
    import json

    service, now = looking.service, looking.now
    answer = service.ready.asked()
    authority: str | None = None
    try:
        at = looking.runner.ports.authority.now()
        authority = f"{abs((at - now).total_seconds()):.3f}"
        theirs: Any = at
    except SrError as error:
        theirs = error
    counted = service.metrics()
    lines = [] if counted is None else counted.decode("utf-8", "replace").splitlines()
    return Shown(
        "health.html",
        {
            "told": json.loads(answer.body),
            "standing": looking.counts.told().standing,
            "skew": authority,
            "theirs": theirs,
            "drops": [one for one in lines if "dropped" in one and not one.startswith("#")],
            "counts": counted is not None,
            "profile": service.profile.name,
        },
    )
