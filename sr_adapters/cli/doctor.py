"""doctor, and bus tail: looking at the wired servers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs
import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import Tree, remedy_here, tell
from sr_adapters.cli.session import Session
from sr_adapters.shown import in_line

if TYPE_CHECKING:
    from sr_plugins.uses.doctor import Check

_MARK = {True: "ok", False: "BROKEN", None: "SKIPPED"}


@click.command("doctor")
@click.option("--migrate", is_flag=True, help="Bring the authority's schema up to date first.")
@click.pass_obj
def doctor_command(session: Session, migrate: bool) -> int:
    """Prove the wired servers by doing: conditional writes, leases, clock, bus.

    Works under a throw-away prefix and cleans up. Exit code 5 when something is broken,
    9 when a server could not be reached.
    """
    from sr_plugins.uses.doctor import examine, is_away

    found = examine(session.local, migrate=migrate)
    checks = [one if one.code is None else attrs.evolve(one, remedy=remedy_here(one.code, one.remedy)) for one in found]
    broken = [one for one in checks if one.ok is False]
    if session.as_json:
        session.json({"ok": not broken, "checks": [attrs.asdict(one) for one in checks]})
    else:
        _say(session, checks)
    _tell_causes(broken)
    if not broken:
        return exits.DONE
    return exits.UNREACHABLE if all(is_away(one.code) for one in broken) else exits.FAULT


def _say(session: Session, checks: Sequence[Check]) -> None:
    """What was tried, and how it went; why something is broken is told once, below."""
    rows = [(c.port, c.name, _MARK[c.ok], "told below" if c.ok is False else c.detail) for c in checks]
    session.table(["port", "check", "result", "detail"], rows)
    counts = {word: sum(_MARK[one.ok] == word for one in checks) for word in _MARK.values()}
    told = ", ".join(f"{count} {word.lower()}" for word, count in counts.items())
    session.say(f"Profile {session.profile}: {told}.")


def _tell_causes(broken: Sequence[Check]) -> None:
    """Each cause once, however many checks met it."""
    causes: dict[tuple[str | None, str], list[Check]] = {}
    for one in broken:
        causes.setdefault((one.code, one.detail), []).append(one)
    for (code, detail), met in causes.items():
        more = f" (and {len(met) - 1} more checks)" if len(met) > 1 else ""
        tell(str(code), f"{met[0].port}, {met[0].name}: {detail}{more}", met[0].remedy)


@click.group("bus", cls=Tree)
def bus_command() -> None:
    """Look at the control bus."""


@bus_command.command("tail")
@click.option("--follow", is_flag=True, help="Wait for more, until interrupted.")
@click.option("--from", "start", type=click.Choice(["latest", "start"]), default="start", show_default=True)
@click.option("--platform-run", metavar="P", help="Facts about the runs of this platform run alone.")
@click.option("--limit", type=click.IntRange(1), help="Stop after so many.")
@click.pass_obj
def tail(session: Session, follow: bool, start: str, platform_run: str | None, limit: int | None) -> int:
    """Print the control facts of all platform runs, a line each.

    With --json as one document, and with --follow as one a line.
    """
    told = session.runner.tail(from_start=start == "start", follow=follow, platform_run=platform_run)
    facts = itertools.islice(told, limit)
    if session.as_json and not follow:
        session.json({"envelopes": [attrs.asdict(envelope) for envelope in facts]})
        return exits.DONE
    any_told = False
    for envelope in facts:
        any_told = True
        if session.as_json:
            session.json_line(attrs.asdict(envelope))
        else:
            kind, run_id = envelope.attributes.get("kind", "?"), envelope.attributes.get("run_id", "?")
            session.say(f"{envelope.published_at_utc}  {kind:<16} run {run_id}  message {envelope.message_id[:16]}")
        if session.unheard:
            break
    if platform_run is not None and not any_told:
        output.tell(f"note: the bus has no control fact of platform run {in_line(platform_run)}")
    return exits.DONE
