"""The command tree. Commands are imported when they are called: start-up stays lean."""

from __future__ import annotations

import importlib
import os
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

import click

from sr_adapters.answers import error_document, error_node, sentence
from sr_adapters.cli import exits, output, signals
from sr_adapters.cli.errors import Tree, begin, remedy_here, tell, typed_with
from sr_adapters.cli.far import refuse_from_afar
from sr_adapters.cli.session import Session, own_profile
from sr_ports import REASONS, Kind, ReasonCode, SrError
from sr_ports.errors import described, foreseen

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Build a small sealed world and take it to READY, telling the story."),
    "init": ("init", "From a folder of data: a profile, a pack and a request."),
    "seal": ("seal", "Write the index and flag that prove own data, and the request that names them."),
    "engine": ("engine", "Run a program as the engine of a run, and seal what it wrote."),
    "check": ("check", "Prove a folder now: no run, no record."),
    "submit": ("runs", "Submit a run request and follow it."),
    "plan": ("plans", "Compile and explain the plan of a request; writes nothing."),
    "status": ("waits", "Where a run is."),
    "wait": ("waits", "Wait until a run is READY."),
    "list": ("lists", "The runs known here."),
    "show": ("views", "A run's record as a timeline."),
    "facts": ("views", "A run's facts view: what consumers may read."),
    "open": ("opens", "The exact files of a proven output, one a line."),
    "diff": ("opens", "How two runs differ."),
    "explain": ("explains", "Why a run is where it is, and what to do next."),
    "report": ("report", "A run's page as one HTML file."),
    "resume": ("runs", "Finish what waits or was left by a crash."),
    "retry": ("retry", "Ask again after a failure, under the next free key."),
    "reemit": ("ops", "Publish READY or a terminal fact again, from truth."),
    "recover": ("recover", "Set aside what stands where truth should, and go on."),
    "quarantine": ("ops", "Runs whose evidence contradicts itself."),
    "session": ("ops", "Begin a new platform run."),
    "verify": ("proofs", "For consumers: re-prove a facts view and the bytes it names."),
    "audit": ("audit", "Chain, order, fences, refs and status of runs."),
    "governance": ("governance", "Governance facts, with what proves them."),
    "doctor": ("doctor", "Prove the wired servers by doing."),
    "bus": ("doctor", "Look at the control bus."),
    "plugins": ("plugins", "Adapters and laws: what there is, what it takes, new ones, and whether one is sound."),
    "profile": ("profile", "Check a wiring profile; its JSON Schema for editors."),
    "pack": ("pack", "Begin an interface pack, add to it, check it."),
    "contracts": ("packs", "Check an interface pack against itself and its contracts."),
    "policy": ("packs", "Seal a policy profile after a change."),
    "serve": ("serve", "The always-on service: the same use cases over HTTP."),
    "auth": ("auth", "Hash a token, or make one, for those who may work here."),
    "completion": ("completion", "Lines that make a shell complete commands, run ids, keys and gates."),
}


class Commands(Tree):
    """A group that knows its commands by name and imports them on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(f"sr_adapters.cli.{entry[0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return output.apart(command, refuse_from_afar)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click takes it for the answer's, which never raises, and exits with 1
            raise SrError(ReasonCode.INTERNAL, f"BrokenPipeError: {error}") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[1]) for name, entry in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with sr demo, or with a folder of your own data: sr init DATA.",
)
@click.option("--profile", metavar="NAME|PATH", help="Wiring profile; default: $SR_PROFILE, ./sr.yaml, local.")
@click.option("--policy", metavar="PATH", help="Policy profile; default: the profile's, else the shipped one.")
@click.option("--server", metavar="URL", help="Ask this service instead; default: $SR_SERVER. Its token: $SR_TOKEN.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else there.")
@click.option("-v", "--verbose", is_flag=True, help="Tell more; show tracebacks of bugs.")
@click.option("--wide", is_flag=True, help="Cut and drop nothing to fit the terminal.")
@click.version_option(package_name="scenario-runner", prog_name="sr")
@click.pass_context
def sr(
    ctx: click.Context,
    profile: str | None,
    policy: str | None,
    server: str | None,
    as_json: bool,
    verbose: bool,
    wide: bool,
) -> None:
    """Scenario Runner: proves, by reading every byte, that every gate of a run passed, then says READY."""
    server = server or os.environ.get("SR_SERVER") or None
    if server is not None and (profile or policy):
        raise click.UsageError(
            "a service has its own profile and policy: leave out --profile and --policy, or --server"
        )
    named = profile or os.environ.get("SR_PROFILE") or own_profile()
    ctx.obj = Session(named, policy, as_json, verbose, wide, server)
    typed_with(ctx.obj.options)


_FLAGS = frozenset({"--json", "-v", "--verbose", "--wide"})
_VERBOSE = frozenset({"-v", "--verbose"})
_VALUED = frozenset({"--profile", "--policy", "--server"})


def _hoist(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """The global options, which may also follow the command (``sr status ID --json``), and the words that are left.

    What follows ``--``, or the program of ``sr engine``, is not this command line's own.
    """
    own: list[str] = []
    rest: list[str] = []
    left = deque(args)
    while left and left[0] != "--" and not (rest[:1] == ["engine"] and rest[1:]):
        word = left.popleft()
        if word in _FLAGS or word.partition("=")[0] in _VALUED - {word}:
            own.append(word)
        elif word not in _VALUED:
            rest.append(word)
        elif left and not left[0].startswith("-"):
            own += [word, left.popleft()]
        else:  # it would take the command for its value: alone, it is said to need one
            return [*own, word], []
    return own, [*rest, *left]


def run(args: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code, which tells what was done, whatever became of the answer."""
    own, rest = _hoist(sys.argv[1:] if args is None else args)
    begin()
    with output.opened():
        if "_SR_COMPLETE" in os.environ:
            from sr_adapters.cli.completion import complete

            return complete(sr, os.environ["_SR_COMPLETE"])
        told, code = _run([*own, *rest], as_json="--json" in own, verbose=not _VERBOSE.isdisjoint(own))
        output.answers().flush()
        if not told and (why := output.unwritten()) is not None:
            output.tell(f"warning: the answer cannot be written: {why}; what the command did is done")
        return code


def _run(args: list[str], *, as_json: bool, verbose: bool) -> tuple[bool, int]:
    """Whether an error line was told, and the exit code. The outer edge: no traceback passes without -v."""
    try:
        result: Any = sr.main(args=args, prog_name="sr", standalone_mode=False)
        return False, result if isinstance(result, int) else exits.DONE
    except SrError as error:
        if not foreseen(error):
            return True, _bug(error, as_json=as_json, verbose=verbose)
        if verbose and error.kind is Kind.FAULT:
            _traceback()
        return True, _fail(error.code.value, error.what, error.remedy, exits.exit_for_error(error), as_json)
    except click.ClickException as error:
        helps = isinstance(error, click.exceptions.NoArgsIsHelpError)
        if helps and not as_json:
            output.answer(error.format_message())
            return False, exits.USAGE
        what = "Missing command" if helps else error.format_message().rstrip(".")
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "sr"
        return True, _fail("USAGE", what, f"see {path} --help", exits.USAGE, as_json)
    except (click.Abort, KeyboardInterrupt):
        code = ReasonCode.INTERRUPTED
        what, remedy = f"stopped by {signals.sender()}", REASONS[code].remedy
        return True, _fail(code.value, what, remedy, signals.exit_code(), as_json)
    except BaseException as error:  # noqa: BLE001 - the outer edge: a bug, or a plugin's SystemExit, ends in one line too
        return True, _bug(error, as_json=as_json, verbose=verbose)


def _bug(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    if verbose:
        _traceback()
    return _fail(
        "INTERNAL", described(error), "this is a bug: run again with -v and report the traceback", exits.BUG, as_json
    )


def _traceback() -> None:
    import traceback

    traceback.print_exc()


def _fail(code: str, what: str, remedy: str, exit_code: int, as_json: bool) -> int:
    """Say what went wrong: one line on stderr, and the document on stdout where JSON was asked for."""
    if as_json:
        error = error_node(code, sentence(what), remedy_here(code, remedy))
        output.document(error_document(error, exit_code))
    tell(code, what, remedy)
    return exit_code
