"""What every command shares: options, the runner built on demand, and ways to answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.answers import hides, versioned
from sr_adapters.cli import output
from sr_adapters.cli.errors import as_typed, remedy_here, running, tell
from sr_adapters.cli.far import local_only
from sr_adapters.shown import folded, in_line

if TYPE_CHECKING:
    from datetime import datetime

    from sr_adapters.cli.use_cases import UseCases
    from sr_adapters.client.remote import RemoteRunner
    from sr_domain.run.callers import Actor
    from sr_domain.run.outcome import NextStep, Outcome
    from sr_domain.runner import ScenarioRunner
    from sr_plugins.documents.profile import Profile
    from sr_ports import Identity, ReasonCode, SrError

PROFILE, REQUEST = "sr.yaml", "request.yaml"
"""The working folder's own, as ``sr init`` writes them."""
SUPERSEDED = "READY (superseded)"
ACTOR_HELP = "Who asks, a mere claim; default: whom SR_TOKEN proves, else this machine's user."
_OWN_RIGHT = frozenset({"submit", "retry", "resume", "reemit", "recover", "doctor"})
"""Commands that need another right than reading, and the one that looks into why nobody is let in."""
STYLES = {
    "READY": "green",
    SUPERSEDED: "yellow",
    "FAILED": "red",
    "QUARANTINED": "magenta",
    "WAITING_EVIDENCE": "yellow",
}


class Session:
    """One command line's options and answers."""

    def __init__(
        self,
        profile: str,
        policy: str | None,
        as_json: bool,
        verbose: bool,
        wide: bool = False,
        server: str | None = None,
    ) -> None:
        self.wide = wide
        self.server = server
        self.profile = profile
        self.policy = policy
        self.as_json = as_json
        self.verbose = verbose
        self._user: Identity | None = None

    @property
    def runner(self) -> UseCases:
        """The run authority: the service that was named, else the runner of the chosen profile."""
        return self.local if self.server is None else self.remote

    @cached_property
    def remote(self) -> RemoteRunner:
        """The service that was named, which is asked when something is needed of it. Raises `BadInput(USAGE)`."""
        from sr_adapters.client.remote import RemoteRunner

        return RemoteRunner.at(str(self.server), os.environ)

    @cached_property
    def local(self) -> ScenarioRunner:
        """The runner of the chosen profile, built when first needed and closed at the end.

        Raises `BadInput(LOCAL_COMMAND)` where a service was named.
        """
        from sr_plugins import build_runner

        if self.server is not None:
            raise local_only(running())
        runner = build_runner(self.loaded, policy=self.policy, narrate=self.narrates)
        root = click.get_current_context().find_root()
        root.call_on_close(runner.close)
        root.call_on_close(lambda: self._tell(runner.notices))
        if runner.settings.proven and running().partition(" ")[0] not in _OWN_RIGHT:
            self.require("read", runner)
        return runner

    def actor(self, claim: str | None = None) -> Actor:
        """Who gives this command line. `claim`: what ``--actor`` says. Raises as `identity.identity`.

        A token is asked for its actor each time: a command that goes on for long works on nothing once it proves
        nobody. A service finds out by itself who asks, and is told no more than the claim.
        """
        return self._actor(self.local, claim) if self.server is None else claim

    def identity(self) -> Identity:
        """Who gives this command line, to the runner of this process; a token is asked each time."""
        return self._actor(self.local)

    def _actor(self, runner: ScenarioRunner, claim: str | None = None) -> Identity:
        from sr_adapters.cli.identity import identity
        from sr_domain.run.rights import OS

        if claim is None and self._user is not None:
            return self._user
        who = identity(runner, claim)
        self._user = who if who.mode == OS else None
        return who

    def require(self, action: str, runner: ScenarioRunner | None = None) -> None:
        """Return for an actor who may do this. Raises `BadInput`: `AUTH_UNPROVEN`, `AUTH_DENIED`.

        A service decides that itself of whatever it is asked.
        """
        from sr_adapters.cli.identity import denial
        from sr_ports import BadInput, ReasonCode

        if self.server is not None:
            return
        runner = self.local if runner is None else runner
        who = self._actor(runner)
        if not runner.allows(action, who):
            raise BadInput(ReasonCode.AUTH_DENIED, denial(who.actor, action, runner.settings))

    @cached_property
    def loaded(self) -> Profile:
        """The chosen profile, read when first needed."""
        return self.read(self.profile)

    def read(self, source: str | Mapping[str, Any]) -> Profile:
        """A profile; from now on no message of this command line quotes what it took from the environment."""
        from sr_plugins.documents.profile import load_profile

        profile = load_profile(source)
        hides(profile.taken.unquoted)
        return profile

    def any_profile(self) -> Profile:
        """The profile; one that lets any plugin in where its environment is not set, which no plugin decides."""
        from sr_plugins.documents.profile import Profile
        from sr_ports import BadInput, ReasonCode

        try:
            return self.loaded
        except BadInput as error:
            if error.code is not ReasonCode.ENV_UNSET:
                raise
            return Profile()

    def _tell(self, notices: Iterable[str]) -> None:
        for notice in notices if sys.exc_info()[0] is None else ():  # an error is one line
            output.tell(f"note: {notice}")

    @property
    def narrates(self) -> bool:
        """Whether the story is told on stderr while it happens."""
        return self.verbose or (sys.stderr.isatty() and not self.as_json)

    @property
    def unheard(self) -> bool:
        """Whether the answer has no place any more: who prints without end may stop."""
        return output.answers().lost is not None

    def command(self, *words: str) -> str:
        """A command to type next, with the profile and policy of this one, quoted for the shell."""
        import shlex

        return shlex.join(["sr", *self.options, *words])

    @property
    def options(self) -> list[str]:
        """The service, or profile and policy, of this command line, where another would take others."""
        if self.server is not None:
            return ["--server", self.server]
        profile = [] if self.profile == own_profile() else ["--profile", self.profile]
        return profile + ([] if self.policy is None else ["--policy", self.policy])

    def spelled(self, step: NextStep, code: ReasonCode | None, command: Callable[..., str] | None = None) -> str:
        """A next step in words. `code`: why it is needed. `command`: how to write a command; default: ready to type."""
        typed = (command or self.command)(*step.command.split(), step.run_id) if step.command else ""
        before = step.before if code is None else remedy_here(code, step.before)
        told = f"{before}{typed}{step.after}"
        return as_typed(told) if command is None else told

    def now(self) -> datetime:
        """The time by which ages are told: the runner's clock, or with a service this machine's."""
        if self.server is None:
            return self.local.ports.clock.now()
        from datetime import UTC, datetime

        return datetime.now(UTC)

    def where(self) -> str:
        """Where is looked for runs, for people."""
        return f"profile {self.profile}, {self.local.ports.store.location()}" if self.server is None else self.server

    def denial(self, outcome: Outcome, action: str = "submit") -> str:
        """Who was refused what, and who may; a service says that itself. `action`: where the outcome has none."""
        if self.server is not None:
            return str(getattr(outcome, "said", outcome.message))
        from sr_adapters.cli.identity import denial

        return denial(outcome.actor, outcome.action or action, self.local.settings)

    def run_id(self, run: str) -> str:
        """The id of a run by any name of it."""
        return self.runner.run_id(run)

    def tell_superseded(self, run_id: str, chain: Sequence[str]) -> None:
        """On stderr: that a run which may be read all the same has a successor."""
        if chain:
            told = f"run {run_id} was superseded by {chain[0]}"
            newest = "" if chain[-1] == chain[0] else f", the newest is {chain[-1]}"
            output.tell(f"note: {told}{newest}: {self.command('facts', chain[-1])}")

    def json(self, document: Mapping[str, Any]) -> None:
        """The one document of a ``--json`` answer."""
        output.document(versioned(document), indent=2)

    def json_rows(self, head: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same, of a document whose last field is a list that may be long: it is written row by row."""
        output.document_of_rows(versioned(head), name, rows)

    def artifact(self, document: Any) -> None:
        """A stored document as the answer, just as it is."""
        output.document(document, indent=2)

    def json_line(self, document: Any) -> None:
        """One document of a stream of them, on a line of its own."""
        output.document(document)

    def say(self, *lines: str) -> None:
        """Lines for people, on stdout; on a terminal broken between words where they are longer than it is wide."""
        for line in lines:
            output.say(line)

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Rows of an answer; what could not be read of some has its remedy as the running command should say it."""

        def told(trouble: Mapping[str, str]) -> dict[str, str]:
            return {**trouble, "remedy": remedy_here(trouble["reason_code"], trouble["remedy"])}

        return [{**row, "trouble": told(row["trouble"])} if "trouble" in row else row for row in rows]

    def troubles(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Tell what could not be read of some rows of an answer, on stderr; the worst exit code of it."""
        from sr_adapters.cli import exits
        from sr_ports import ReasonCode

        found = [(row["run_id"], row["trouble"]) for row in rows if "trouble" in row]
        for run_id, trouble in found:
            tell(trouble["reason_code"], f"run {run_id}: {trouble['message']}")
        return exits.worst(exits.exit_for(ReasonCode(trouble["reason_code"])) for _, trouble in found)

    def traceback(self, error: SrError) -> None:
        """With -v, how an error that is a bug came about; on stderr."""
        from sr_ports import ReasonCode

        if self.verbose and error.code is ReasonCode.INTERNAL and error.__cause__ is not None:
            import traceback

            traceback.print_exception(error.__cause__)

    @property
    def room(self) -> int | None:
        """Columns that a line of the answer may take; None where nothing is cut: in a pipe, or with ``--wide``."""
        from sr_adapters.cli import tables

        return tables.width() if output.answers().isatty() and not self.wide else None

    def pairs(self, pairs: Iterable[tuple[str, Any]]) -> None:
        """Named values, aligned; on a terminal a path that is too long is cut in the middle."""
        shown = [(name, in_line(str(value))) for name, value in pairs if value not in (None, "")]
        width = max((len(name) for name, _ in shown), default=0)
        room = self.room if shown else None
        for name, value in shown:
            line = f"  {name:<{width}}  {_cut(value, room, width + 4)}"
            output.answer(line if room is None else folded(line, room, width + 4))

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> None:
        """Rows to compare: ruled, coloured and fitted on a terminal, aligned plain text elsewhere."""
        texts = [["" if cell is None else in_line(str(cell)) for cell in row] for row in rows]
        if output.answers().isatty():
            from sr_adapters.cli.ruled import ruled

            ruled(headers, texts, title, self.room, STYLES)
            return
        widths = [max(len(row[i]) for row in [list(headers), *texts]) for i in range(len(headers))]
        for row in [[header.upper() for header in headers], *texts]:
            output.answer("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cut(value: str, room: int | None, before: int) -> str:
    """A path or digest in the room that is left on its line; any other value as it is."""
    from sr_adapters.cli import tables

    if room is None or before + len(value) <= room or " " in value:
        return value
    return tables.middle(value, max(room - before, 20)) if "/" in value else tables.short_hex(value)


def state_text(state: str | None) -> str:
    """A run state, coloured on a terminal (click drops the colour elsewhere)."""
    return click.style(state or "UNKNOWN", fg=STYLES.get(state or "", "blue"), bold=True)


def seconds(value: float | None) -> str:
    """A duration for people: 3 ms, 1.24 s, 4 min 05 s, 2 h 10 min."""
    if value is None:
        return ""
    if abs(value) < 1:
        return f"{value * 1000:.0f} ms"
    if abs(value) < 60:  # noqa: PLR2004 - a minute
        return f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"  # noqa: PLR2004 - an hour


def counted(number: int, what: str) -> str:
    """How many of something, for people: 1 gate, 2 gates."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def own_profile() -> str:
    """The profile of a command line that names none: the working folder's own, else the shipped local one."""
    return PROFILE if os.path.isfile(PROFILE) else "local"  # noqa: PTH113 - pathlib would cost every start its import


def bare_command(*words: str) -> str:
    """A command as documents name it: without the options of this command line."""
    return " ".join(("sr", *words))


def shown_state(state: str | None, superseded_by: object) -> str:
    """A run's state for people, who must not take a run for READY that another has corrected."""
    return SUPERSEDED if state == "READY" and superseded_by else state or ""


def ref_lines(node: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The refs of an answer, named for people."""
    names = ("facts_view_ref", "ready_signal_ref", "quarantine_ref", "status_ref", "record_ref", "plan_ref")
    return [(name.removesuffix("_ref").replace("_", " "), node[name]) for name in names if name in node]
