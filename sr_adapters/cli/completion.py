"""completion: what a shell offers while a command is typed. Whatever goes wrong, it offers nothing and says nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sr_adapters.cli.session import Session

_MOST = 50
_KEY = "key:"
ASKED = "_SR_COMPLETE"
_PLAIN = re.compile(r"[A-Za-z0-9_.,:@%+=/-]+")
"""What no shell takes apart."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> int:
    """The lines that make a shell complete commands, run ids, keys and gates: eval "$(sr completion bash)"."""
    from click.shell_completion import get_completion_class

    session: Session = ctx.obj
    script = _source(get_completion_class(shell), ctx.find_root().command)
    if session.as_json:
        session.json({"shell": shell, "script": script})
    else:
        output.answer(script)
    return exits.DONE


def _source(kind: Any, command: click.Command) -> str:
    """The shell's own lines. The shell itself is not started to ask for its version."""
    made = kind(command, {}, "sr", ASKED)
    return str(made.source_template % made.source_vars())


def complete(sr: click.Command, asked: str) -> int:
    """Answer a shell that completes a command line, which is in its variables. `asked`: such as ``bash_complete``."""
    from click.shell_completion import get_completion_class

    shell, _, what = asked.partition("_")
    kind = get_completion_class(shell)
    if kind is None or what not in ("complete", "source"):
        return exits.BUG
    output.answer(_source(kind, sr) if what == "source" else kind(sr, {}, "sr", ASKED).complete())
    return exits.DONE


def runs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Ids of the newest runs that begin so, or keys after ``key:``. None of a service: it may take long to answer."""

    def ask(session: Session) -> list[CompletionItem]:
        if ctx.find_root().params.get("server") or os.environ.get("SR_SERVER"):
            return []
        from click.shell_completion import CompletionItem

        from sr_domain.queries.listing import Asked

        rows = session.runner.listing(Asked(), limit=_MOST).rows
        if incomplete.startswith(_KEY):
            keys = [f"{_KEY}{row['run_equivalence_key']}" for row in rows if "run_equivalence_key" in row]
            return [CompletionItem(key) for key in keys if key.startswith(incomplete) and _PLAIN.fullmatch(key)]
        named = {str(row["run_id"]): row for row in rows if str(row["run_id"]).startswith(incomplete)}
        told = {run_id: f"{row['state']} {row.get('run_equivalence_key', '')}" for run_id, row in named.items()}
        return [CompletionItem(run_id, help=words) for run_id, words in told.items()]

    return _asked(ctx, ask)


def gates(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The gates of the shipped pack that begin so."""

    def ask(session: Session) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from sr_plugins.documents.pack import BUILTIN, load_pack

        return [CompletionItem(one) for one in load_pack(BUILTIN).gates if one.startswith(incomplete)]

    return _asked(ctx, ask)


def outputs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The outputs of the profile's pack that begin so."""

    def ask(session: Session) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from sr_plugins.documents.pack import load_pack

        pack = load_pack(session.loaded.engine.interface_pack)
        return [CompletionItem(one) for one in pack.outputs if one.startswith(incomplete)]

    return _asked(ctx, ask)


def _asked(ctx: click.Context, ask: Callable[[Session], list[CompletionItem]]) -> list[CompletionItem]:
    """What `ask` finds with the options of the command line that is being typed."""
    from sr_adapters.cli.session import Session

    given = ctx.find_root().params
    profile = given.get("profile") or os.environ.get("SR_PROFILE") or "local"
    session = Session(profile, given.get("policy"), as_json=True, verbose=False)
    try:
        with ctx.find_root():
            return ask(session)
    except Exception:  # noqa: BLE001 - a shell that completes has no place for an error
        return []
