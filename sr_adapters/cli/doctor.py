"""doctor, and bus tail: looking at the wired servers."""

from __future__ import annotations

import itertools

import attrs
import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import Tree, remedy_here, tell
from sr_adapters.cli.session import Session
from sr_adapters.shown import in_line

_MARK = {True: "ok", False: "BROKEN", None: "-"}


@click.command("doctor")
@click.option("--migrate", is_flag=True, help="Bring the authority's schema up to date first.")
@click.pass_obj
def doctor_command(session: Session, migrate: bool) -> int:
    """Prove the wired servers by doing: conditional writes, leases, clock, bus.

    Works under a throw-away prefix and cleans up. Exit code 5 when something is broken,
    9 when a server could not be reached.
    """
    from sr_plugins.uses.doctor import examine
    from sr_ports import REASONS, Kind, ReasonCode

    found = examine(session.runner, migrate=migrate)
    checks = [one if one.code is None else attrs.evolve(one, remedy=remedy_here(one.code, one.remedy)) for one in found]
    broken = [one for one in checks if one.ok is False]
    if session.as_json:
        session.json({"ok": not broken, "checks": [attrs.asdict(one) for one in checks]})
    else:
        session.table(["port", "check", "result", "detail"], [(c.port, c.name, _MARK[c.ok], c.detail) for c in checks])
        if not broken:
            session.say(f"Profile {session.profile}: all that is wired works.")
    for one in broken:
        tell(str(one.code), f"{one.port}, {one.name}: {one.detail}", one.remedy)
    if not broken:
        return exits.DONE
    answered = (ReasonCode.STORE_UNSAFE, ReasonCode.CLOCK_SKEW)  # whoever answers so was reached
    codes = [ReasonCode(str(one.code)) for one in broken]
    unreachable = all(REASONS[code].kind is Kind.UNREACHABLE and code not in answered for code in codes)
    return exits.UNREACHABLE if unreachable else exits.FAULT


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
