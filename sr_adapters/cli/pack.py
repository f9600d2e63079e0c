"""pack: begin an interface pack, add to it, check it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from sr_adapters.cli import exits
from sr_adapters.cli.errors import Tree
from sr_adapters.cli.packs import check
from sr_adapters.cli.session import Session
from sr_ports import BadInput, ReasonCode

_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OWN = frozenset({"_sr", "runs", "pack", "sr.yaml", "request.yaml", "run_receipt.json"})


@click.group("pack", cls=Tree)
def pack_command() -> None:
    """Interface packs: which gates vouch for which outputs, and where their files lie."""


pack_command.add_command(check, "check")


@pack_command.command("new")
@click.argument("name")
@click.option("--from", "data", metavar="DIR", help="Outputs of this folder: a top folder or file is one.")
@click.pass_obj
def new(session: Session, name: str, data: str | None) -> int:
    """Write a commented pack into the folder NAME: one gate over its outputs."""
    from sr_plugins.documents.pack_new import new_pack

    outputs = [] if data is None else list(_outputs(Path(data)))
    made = new_pack(Path(name), outputs)
    if session.as_json:
        session.json({"pack": name, "files": [str(one) for one in made], "outputs": [one for one, _ in outputs]})
        return exits.DONE
    if outputs:
        session.table(["output", "files"], outputs)
    session.say(*(f"wrote {one}" for one in made))
    session.say(f"next: {session.command('pack', 'add', 'output', 'ID', 'TEMPLATE', '--pack', name)}")
    return exits.DONE


def _outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """What lies in a folder, as outputs: ids with templates. Raises `BadInput`."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise BadInput(
            ReasonCode.PACK_INVALID, f"{folder} cannot be read: {error.strerror}", "check the path"
        ) from error
    for one in entries:
        if one.name.startswith(".") or one.name in _OWN:
            continue
        template = one.name if one.is_file() else f"{one.name}/**/*{_suffix(one)}"
        yield (
            _ID.sub("_", one.stem if one.is_file() else one.name).strip("_") or "data",
            _DAY.sub("{utc_day}", template),
        )


def _suffix(folder: Path) -> str:
    """The one ending that all files below have, else none."""
    found = {path.suffix for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
    return next(iter(found)) if len(found) == 1 else ""


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
    from sr_plugins.documents.profile import load_profile

    pack = folder or load_profile(session.profile).engine.interface_pack
    if pack == BUILTIN:
        raise click.UsageError("the shipped pack is not changed: give --pack, or a profile that names a pack")
    path = add_it(Path(pack), output_id, template, gate_id)
    if session.as_json:
        session.json({"pack": str(pack), "files": [str(path)], "outputs": [output_id]})
    else:
        session.say(f"added {output_id} to {path}", f"next: {session.command('pack', 'check', str(pack))}")
    return exits.DONE
