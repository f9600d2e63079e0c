"""open and diff: the files that a run proved, and how two runs differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.naming import complete_outputs, run_argument
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_domain.queries.reading import ProvenPart


@click.command("open")
@run_argument("facts", metavar="RUN|VIEW")
@click.argument("output_id", metavar="OUTPUT", shell_complete=complete_outputs)
@click.option("--engine-run-root", metavar="R", help="Where the bytes are now; default: the view's own root.")
@click.option("--fast", is_flag=True, help="Skip the bytes.")
@click.option("--key", metavar="PATH", help="A public key (PEM) whose holder must have signed the view.")
@click.option("--allow-superseded", is_flag=True, help="A run that another has corrected is no fault.")
@click.pass_obj
def open_command(
    session: Session,
    facts: str,
    output_id: str,
    engine_run_root: str | None,
    fast: bool,
    key: str | None,
    allow_superseded: bool,
) -> int:
    """The exact files of a proven output, one a line: no others belong to it, whatever else lies there.

    The view is checked first, then every byte of the output unless --fast is given: what is at fault prints no path.
    """
    from sr_plugins.uses.consumer import open_facts
    from sr_plugins.uses.facts import named_files

    progress = output.tell if session.narrates else lambda line: None
    superseded: Literal["refuse", "allow"] = "allow" if allow_superseded else "refuse"
    with open_facts(facts, session.loaded, key, superseded, engine_run_root, progress=progress) as opened:
        files = named_files(opened, output_id, proven=not fast)
        session.tell_superseded(opened.run_id, opened.successors)
        _say_files(session, opened.run_id, output_id, files)
    return exits.DONE


def _say_files(session: Session, run_id: str, output_id: str, files: Iterable[ProvenPart]) -> None:
    if session.as_json:
        told = ({"path": one.uri, "sha256": one.sha256} for one in files)
        session.json_rows({"run_id": run_id, "output_id": output_id}, "files", told)
        return
    for one in files:
        output.answer(one.uri)


@click.command("diff")
@run_argument("first")
@run_argument("second")
@click.pass_obj
def diff_command(session: Session, first: str, second: str) -> int:
    """How two runs differ: pins, policy, laws, outputs and their parts. No byte is read."""
    found = session.local.diff(first, second)
    if session.as_json:
        session.json(found)
        return exits.DONE
    sides = (found["first"], found["second"])
    names = (("run", "run_id"), ("key", "run_equivalence_key"), ("state", "state"))
    rows = [(name, *(one[field] for one in sides)) for name, field in names]
    for group in ("pins", "policy", "laws"):
        rows += [(name, _word(pair["first"]), _word(pair["second"])) for name, pair in found[group].items()]
    session.table(["", "first", "second"], rows)
    _say_outputs(session, found["outputs"])
    return exits.DONE


def _word(value: Any) -> str:
    import json

    return value if isinstance(value, str) else "" if value is None else json.dumps(value, sort_keys=True)


def _say_outputs(session: Session, outputs: Mapping[str, Any]) -> None:
    same, differ = outputs["same"], outputs["differ"]
    session.say(f"{same} output{'s' * (same != 1)} with the same bytes, {len(differ)} with others")
    for one in differ:
        session.say(f"{one['output']}: {one['first'][:12]} -> {one['second'][:12]}")
        for name, mark in (("added", "+"), ("removed", "-"), ("changed", "~")):
            session.say(*(f"  {mark} {path}" for path in one.get(name, ())))
        if "unnamed" in one:
            session.say(f"  and {one['unnamed']} parts more that differ")
        if "added" not in one:
            session.say("  which parts differ cannot be told: a part list is not there")
    for side, name in (("only_first", "first"), ("only_second", "second")):
        if outputs[side]:
            session.say(f"only in the {name}: {', '.join(outputs[side])}")
