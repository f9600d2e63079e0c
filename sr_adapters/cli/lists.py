"""list: the runs known here, the newest first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli.far import local_only
from sr_adapters.cli.instants import instant
from sr_adapters.cli.session import REQUEST, Session, shown_state
from sr_domain.record.states import RunState

if TYPE_CHECKING:
    from sr_domain.queries.listing import Asked

_STATES = [state.value for state in RunState]
_AGES = ((timedelta(days=2), "d", 86_400), (timedelta(hours=2), "h", 3600), (timedelta(minutes=2), "min", 60))
_WORDS = [*_STATES, *(f"!{one}" for one in _STATES)]


@click.command("list")
@click.option(
    "--state",
    type=click.Choice(_WORDS),
    metavar="STATE",
    help=f"Runs in this state: {', '.join(_STATES)}; with ! before it, in any other.",
)
@click.option("--key", metavar="GLOB", help="Runs whose key fits, as 'orders-*'.")
@click.option("--since", metavar="T", help="Told of since then: 90s, 30m, 12h, 7d, a day, or an instant in UTC.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--ready", is_flag=True, help="READY runs of every platform run, from the object store alone.")
@click.pass_obj
def list_command(
    session: Session, state: str | None, key: str | None, since: str | None, limit: int, ready: bool
) -> int:
    """The runs known here, the newest first; with --ready by platform run."""
    if ready and state not in (None, RunState.READY):
        raise click.UsageError("--ready lists READY runs: leave --state out")
    from sr_domain.queries.listing import Asked

    asked = Asked(_states(state), None if since is None else instant(session, since), key)
    if ready and session.server is not None:
        raise local_only("list --ready")
    if ready:
        return _list_ready(session, asked, limit)
    found = session.runner.listing(asked, limit=limit)
    if session.as_json:
        counted = {} if found.total is None else {"total": found.total}
        session.json({"runs": session.rows(found.rows), "more": found.more, **counted})
    elif found.rows:
        now = session.now()
        headers = ["run", "state", "key", "age", "reason", "updated"]
        session.table(headers, [_listed(row, now) for row in found.rows])
        if found.more:
            of = ", there are more" if found.total is None else f" of {found.total:,}"
            session.say(f"{len(found.rows):,}{of}{' shown' if found.total else ''}: raise --limit")
    else:
        session.say(*_none_known(session, state, narrowed=key is not None or since is not None))
    return session.troubles(found.rows)


def _states(word: str | None) -> tuple[str, ...] | None:
    if word is None:
        return None
    return tuple(one for one in _STATES if one != word[1:]) if word.startswith("!") else (word,)


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that tells: 3 s, 12 min, 5 h, 9 d."""
    past = max(now - then, timedelta())
    for least, unit, length in _AGES:
        if past >= least:
            return f"{past.total_seconds() // length:.0f} {unit}"
    return f"{past.total_seconds():.0f} s"


def _age(row: Mapping[str, Any], now: datetime) -> str:
    from sr_domain.encoding.times import parse_instant

    at = row.get("updated_at_utc")
    return "" if at is None else age(parse_instant(str(at)), now)


def _listed(row: Mapping[str, Any], now: datetime) -> list[Any]:
    state = shown_state(row.get("state"), row.get("superseded_by"))
    key, reason, updated = (row.get(name) for name in ("run_equivalence_key", "reason_code", "updated_at_utc"))
    return [row.get("run_id"), state, key, _age(row, now), reason, updated]


def _none_known(session: Session, state: str | None, *, narrowed: bool) -> Iterator[str]:
    """Why the list is empty, where it was looked, and how to begin."""
    if narrowed:
        yield "No run known here fits that: sr list lists them all"
    elif state is not None:
        yield f"No run known here is {state}." if not state.startswith("!") else f"Every run known here is {state[1:]}."
    elif session.server is None and session.runner.ready_runs(limit=1)[0]:
        yield f"No runs in this platform run yet. READY runs of every other: {session.command('list', '--ready')}"
    else:
        yield f"No runs here yet: {session.where()}"
        if os.path.isfile(REQUEST):  # noqa: PTH113 - as the profile is looked for
            yield f"  next: {session.command('submit', REQUEST)}"
        else:
            yield "  next: sr init DATA, with a folder of your own data; or sr demo, for a small world that is made up"


def _list_ready(session: Session, asked: Asked, limit: int) -> int:
    rows, more = session.runner.ready_runs(asked, limit=limit)
    if session.as_json:
        session.json({"runs": session.rows(rows), "more": more})
        return session.troubles(rows)
    if rows:
        now = session.now()
        shown = [[*_listed(row, now)[:4], row.get("platform_run_id"), row.get("updated_at_utc")] for row in rows]
        session.table(["run", "state", "key", "age", "platform run", "updated"], shown)
    count = f"{len(rows)} READY run{'' if len(rows) == 1 else 's'} shown, of the newest platform run first"
    narrowed = asked.key is not None or asked.since is not None
    told = (
        count
        if rows
        else f"No {'READY run of this store is asked for by that' if narrowed else 'run of this store is READY'}."
    )
    session.say(f"{told}; there may be more: raise --limit" if more else told)
    return session.troubles(rows)
