"""init: from a folder of data to a profile, a pack and a request."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.session import Session
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_adapters.own_data.infer import Layout
    from sr_adapters.own_data.own_gates import OwnGate


@click.command("init")
@click.argument("data", required=False, default=".")
@click.option("--name", metavar="N", help="What this world is called, in keys too; default: the folder's name.")
@click.option("--engine", metavar="CMD", help="The program that makes the data; {engine_run_root} is where it writes.")
@click.option("--force", is_flag=True, help="Write over sr.yaml, pack/ and request.yaml.")
@click.pass_obj
def init_command(session: Session, data: str, name: str | None, engine: str | None, force: bool) -> int:
    """From a folder of data: write sr.yaml, pack/ and request.yaml into the working folder.

    DATA is a folder; default: the working folder. Its top folders and files are the outputs, a date in a path is
    the day. Nothing in DATA is touched: sr seal writes index and flag there.
    """
    from sr_adapters.cli.own_data import check_apart, folder_name, refusals
    from sr_adapters.own_data.infer import infer
    from sr_adapters.own_data.names import fitting
    from sr_adapters.own_data.own_gates import OwnGate, check_outside, own_gate, told
    from sr_adapters.sealing import SealRefused, scan

    check_apart(data)
    with refusals():
        tree = scan(data)
        if engine is not None and not tree.files:
            raise SealRefused(f"{data} holds no sample of what the engine makes", "run it once, and give what it wrote")
        found = None if engine is not None else own_gate(data, tree)
        own = found if isinstance(found, OwnGate) else None
        if own is not None:
            check_outside(data, own)
        layout = infer(tree) if own is None else own.layout()
    called = fitting(folder_name(data) if name is None else name) or "data"
    command = None if engine is None else _command(engine)
    documents = _documents(layout, called, data, command, own)
    _write(documents, force=force)
    notes = [*layout.notes, *_more_notes(layout, name, called)]
    notes += told(own, data) if own is not None else [found] if isinstance(found, str) else []
    if command is not None and "{" not in command[0] and shutil.which(command[0]) is None:
        notes.append(f"no program {command[0]} is found here: a run would fail; put it on PATH, or give its place")
    _tell(session, layout, called, notes, list(documents), sealed=engine is not None or own is not None)
    return exits.DONE


def _command(engine: str) -> list[str]:
    """The engine's words. Raises `BadInput`."""
    try:
        words = shlex.split(engine)
    except ValueError as error:
        raise BadInput(
            ReasonCode.USAGE, f"--engine {engine!r} cannot be split: {error}", "quote it as a shell"
        ) from error
    if not words:
        raise BadInput(ReasonCode.USAGE, "--engine names no program", "give the program and its arguments")
    return words


def _documents(
    layout: Layout, name: str, data: str, command: Sequence[str] | None, gate: OwnGate | None
) -> dict[str, str]:
    from sr_adapters.own_data import documents as own
    from sr_adapters.own_data.requests import engine_request, own_request, unsealed_request

    gate_id = f"gate.{name}"
    ids = [one.output_id for one in layout.outputs]
    start = None
    gates = own.gates_text(gate_id, layout.outputs)
    if gate is not None:
        gates = own.own_gates_text(gate_id, gate.law, gate.flag, layout.outputs)
        request, comment = own_request(name, layout.window, ids, data, gate.fingerprint), "What to prove."
    elif command is None:
        request, comment = (
            unsealed_request(layout.window, ids, data),
            "sr seal fills in what names the data: do that next.",
        )
    else:
        request, comment = engine_request(name, command, layout.window, ids, {}), "A run that the engine makes."
        here = ["sr"] if shutil.which("sr") else ["{python}", "-m", "sr_adapters.cli"]
        start = [*here, "engine", "--", *command]
    return {
        own.PROFILE: own.profile_text(name, start),
        own.GATES: gates,
        own.OUTPUTS: own.outputs_text(gate_id, layout.outputs),
        own.REQUEST: own.request_text(request, comment),
    }


def _write(documents: dict[str, str], *, force: bool) -> None:
    """All files prepared, then put in their places. Raises `BadInput`, and leaves everything as it was."""
    from sr_plugins.documents.files import replace_files

    there = [name for name in documents if Path(name).exists()]
    if there and not force:
        shown = _folded(there)
        what = f"{', '.join(shown)} {'is' if len(shown) == 1 else 'are'} there already"
        raise BadInput(ReasonCode.USAGE, what, "add --force to write over what is there, or go to another folder")
    try:
        replace_files({Path(name).absolute(): text.encode() for name, text in documents.items()})
    except OSError as error:
        what = f"{error.filename or 'the working folder'} cannot be written: {error.strerror}"
        raise BadInput(ReasonCode.USAGE, what, "go to a folder that you may write to") from error


def _folded(names: Sequence[str]) -> list[str]:
    """Files by what lies in the working folder: those of a folder as the folder."""
    return list(dict.fromkeys(name.partition("/")[0] + ("/" if "/" in name else "") for name in names))


def _more_notes(layout: Layout, name: str | None, called: str) -> list[str]:
    notes = []
    if layout.window is None:
        notes.append(
            "no path names a day as 2026-01-31: the window of the request says nothing; sr seal --window sets it"
        )
    if name is not None and called != name:
        notes.append(f"the name {name!r} is written {called}")
    return notes


def _tell(
    session: Session, layout: Layout, name: str, notes: Sequence[str], written: Sequence[str], *, sealed: bool
) -> None:
    from sr_adapters.cli.own_data import days_cell
    from sr_domain.evidence.progress import amount

    if session.as_json:
        session.json(_document(layout, name, notes, written))
        return
    rows = [
        (
            one.output_id,
            one.template,
            one.files,
            amount(one.size),
            days_cell(one.days[0], one.days[-1]) if one.days else "",
        )
        for one in layout.outputs
    ]
    session.table(["output", "files are", "files", "size", "days"], rows)
    for note in notes:
        output.tell(f"note: {note}")
    session.say(f"wrote {', '.join(_folded(written))}")
    session.say(f"  next: {'sr submit request.yaml' if sealed else 'sr seal'}")


def _document(layout: Layout, name: str, notes: Sequence[str], written: Sequence[str]) -> dict[str, Any]:
    outputs = [
        {
            "output_id": one.output_id,
            "path_template": one.template,
            "files": one.files,
            "size": one.size,
            "days": list(one.days),
        }
        for one in layout.outputs
    ]
    window = None if layout.window is None else {"first": layout.window[0], "last": layout.window[1]}
    return {"name": name, "outputs": outputs, "window": window, "notes": list(notes), "written": list(written)}
