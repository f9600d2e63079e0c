"""pack: begin an interface pack, add to it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.errors import Tree
from sr_adapters.cli.packs import check
from sr_adapters.cli.session import Session

if TYPE_CHECKING:
    from sr_adapters.own_data.infer import Layout


@click.group("pack", cls=Tree)
def pack_command() -> None:
    """Interface packs: which gates vouch for which outputs, and where their files lie."""


pack_command.add_command(check, "check")


@pack_command.command("new")
@click.argument("name")
@click.option("--from", "data", metavar="DIR", help="Outputs of this folder, as sr init reads it.")
@click.pass_obj
def new(session: Session, name: str, data: str | None) -> int:
    """Write a commented pack into the folder NAME: one gate over its outputs."""
    from sr_plugins.documents.pack_new import new_pack

    layout = None if data is None else _inferred(data)
    outputs = [] if layout is None else [(one.output_id, one.template) for one in layout.outputs]
    made = new_pack(Path(name), outputs)
    if session.as_json:
        session.json({"pack": name, "files": [str(one) for one in made], "outputs": [one for one, _ in outputs]})
        return exits.DONE
    if layout is not None:
        session.table(["output", "files are"], outputs)
        for note in layout.notes:
            output.tell(f"note: {note}")
    session.say(*(f"wrote {one}" for one in made))
    more = ("add", "output", "ID", "TEMPLATE", "--pack", name)
    session.say(f"  next: {session.command('pack', *(('check', name) if outputs else more))}")
    return exits.DONE


def _inferred(data: str) -> Layout:
    """What lies in a folder, as ``sr init`` reads it. Raises `BadInput`."""
    from sr_adapters.cli.own_data import refusals
    from sr_adapters.own_data.infer import infer
    from sr_adapters.sealing import scan

    with refusals():
        return infer(scan(data))


@pack_command.group("add", cls=Tree)
def add() -> None:
    """Add to a pack."""


@add.command("output")
@click.argument("output_id", metavar="ID")
@click.argument("template")
@click.option("--pack", "folder", metavar="DIR", help="The pack; default: the profile's.")
@click.option("--gate", "gate_id", metavar="GATE", help="The gate that it requires; default: the pack's only one.")
@click.pass_obj
def add_output(session: Session, output_id: str, template: str, folder: str | None, gate_id: str | None) -> int:
    """Add an output to the catalogue. TEMPLATE is a file, a folder (ends in /) or a glob, below the engine root."""
    from sr_plugins.documents.pack import BUILTIN
    from sr_plugins.documents.pack_new import add_output as add_it

    pack = folder or session.loaded.engine.interface_pack
    if pack == BUILTIN:
        raise click.UsageError("the shipped pack is not changed: give --pack, or a profile that names a pack")
    path = add_it(Path(pack), output_id, template, gate_id)
    if session.as_json:
        session.json({"pack": str(pack), "files": [str(path)], "outputs": [output_id]})
    else:
        session.say(f"added {output_id} to {path}", f"  next: {session.command('pack', 'check', str(pack))}")
    return exits.DONE
