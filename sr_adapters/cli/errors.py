"""What went wrong, in one line; and which command says so: no remedy sends anybody back to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from sr_adapters.answers import hides_nothing, sentence
from sr_adapters.cli import output
from sr_adapters.shown import short_digests
from sr_ports import REASONS, ReasonCode

_words: list[str] = []
_options: list[str] = []
_ABOUT_A_RUN = r"\bsr (?=(?:quarantine )?[a-z]+(?: --[a-z-]+)* [0-9a-f]{32}\b)"
_AGAIN = ("give the command again", "the same command asks again")


class Tree(click.Group):
    """A group that notes which of its commands is run."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), 1)
            if not near or near[0] in error.format_message():  # newer releases of click say it of most groups
                raise
            raise click.UsageError(f"No such command {args[0]!r}; did you mean {near[0]}?", ctx) from error
        if name is not None:
            _words.append(name)
        return name, command, rest


def begin() -> None:
    """A command line begins, of which a process may give many: no command is known yet, and no profile was read."""
    _words.clear()
    _options.clear()
    hides_nothing()


def typed_with(options: Iterable[str]) -> None:
    """The options of this command line that a command to type next needs, too."""
    _options[:] = options


def as_typed(text: str) -> str:
    """A sentence whose commands about a run can be typed as they stand here: with this command line's own options."""
    if not _options:
        return text
    import shlex

    return re.sub(_ABOUT_A_RUN, lambda _: f"sr {shlex.join(_options)} ", text)


def running() -> str:
    """The command of this command line, without its arguments: ``quarantine show``."""
    return " ".join(_words)


def remedy_here(code: ReasonCode | str, remedy: str, command: str | None = None) -> str:
    """The remedy, or the code's other one where it names the very command that tells it (default: the running)."""
    if (running() if command is None else command) == "retry":  # each time a run of the series has ended
        remedy = re.sub(r"\bsr retry [0-9a-f]{32}( asks again)?", lambda found: _AGAIN[bool(found[1])], remedy)
    if not names(remedy, running() if command is None else command):
        return remedy
    reason = REASONS[ReasonCode(code)]
    return remedy.replace(reason.remedy, reason.otherwise) if reason.remedy in remedy else reason.otherwise


def names(remedy: str, command: str) -> bool:
    """Whether a remedy names the command. Its own ``--help`` is help all the same."""
    return bool(command) and re.search(rf"\bsr {re.escape(command)}\b(?! --help)", remedy) is not None


def tell(code: ReasonCode | str, what: Any, remedy: str | None = None, *, word: str = "error") -> None:
    """The one line that every error is, on stderr, after the story that led to it.

    `code`: a reason code, or a finding's own of a pack check. `remedy`: None for the code's own.
    `word`: what it is instead of an error.
    """
    output.story_first()
    step = as_typed(remedy_here(code, REASONS[ReasonCode(code)].remedy if remedy is None else remedy))
    told = sentence(what)
    output.tell(f"{word}[{code}]: {short_digests(told) if output.narrow() else told};", step)
