"""seal: the index and flag that an engine owes, over own data, and the request that names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from sr_adapters.cli import exits, output
from sr_adapters.cli.session import REQUEST, Session
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from sr_adapters.own_data.selection import Selection
    from sr_plugins.documents.profile import Profile


@click.command("seal")
@click.argument("data", required=False)
@click.option("--params", metavar="FILE", help="What the data were made with, YAML or JSON; default: nothing.")
@click.option("--window", metavar="A..B", help="These days alone: 2026-01-01..2026-01-31.")
@click.option("--day", metavar="D", help="This day alone: 2026-01-31.")
@click.pass_obj
def seal_command(session: Session, data: str | None, params: str | None, window: str | None, day: str | None) -> int:
    """Write index and flag below DATA/_sr, the flag last, and request.yaml into the working folder.

    DATA is a folder; default: the one that request.yaml names. Every byte of the days that are sealed is read once.
    Sealing again what is sealed writes nothing.
    """
    from sr_adapters.cli.own_data import span

    asked, world = span(window, day), _world(session)
    parameters = _parameters(params)
    if data is None and world.command is not None and "engine_run_root" not in world.before:
        return _for_engine(session, world, parameters, asked)
    root = data if data is not None else str(world.before.get("engine_run_root", "."))
    selection, sealed = _sealed(world, root, asked) if world.own is None else _proven(world, root, asked)
    from sr_adapters.own_data.requests import sealed_request

    request = sealed_request(
        world.profile.name,
        selection.window,
        list(world.templates),
        root,
        fingerprint=sealed.fingerprint,
        parameters=parameters,
        before=world.before,
    )
    _write(request, "What to prove: the data that sr seal sealed.")
    _tell_notes(root, world.profile.name, selection)
    _tell(session, root, selection, sealed, request)
    return exits.DONE


@attrs.frozen
class _World:
    """What the working folder says. `templates`: by output id. `before`: the request that stands, empty for none.

    `command`: the engine's own, None where no engine is wired by ``sr engine``. `own`: law and flag of data that came
    with their own proof.
    """

    profile: Profile
    templates: Mapping[str, str]
    before: Mapping[str, Any]
    command: list[str] | None
    own: tuple[str, str] | None = None


@attrs.frozen
class _Sealed:
    """What names the data, and how many there are. `written`: whether anything was written beside them."""

    fingerprint: str
    files: int
    size: int
    written: bool


def _world(session: Session) -> _World:
    from sr_adapters.cli.documents import read_request
    from sr_adapters.own_data.own_gates import OWN_LAWS
    from sr_plugins.documents.pack import load_pack
    from sr_plugins.documents.profile import SHIPPED

    if session.profile in SHIPPED:
        what = "there is no sr.yaml in this folder: nothing says what the data are"
        raise BadInput(ReasonCode.DATA_UNFIT, what, "describe them first: sr init DATA")
    profile = session.loaded
    pack = load_pack(profile.engine.interface_pack)
    templates = {one.output_id: one.path_template for one in pack.outputs.values()}
    before = read_request(REQUEST) if Path(REQUEST).exists() else {}
    words = [] if profile.invoker is None else list(profile.invoker.settings.get("command", ()))
    command = words[words.index("--") + 1 :] if "engine" in words and "--" in words else None
    gates = [(one.method.kind, one.passed_flag_path_template) for one in pack.gates.values()]
    own = gates[0] if len(gates) == 1 and gates[0][0] in OWN_LAWS else None
    return _World(profile, templates, before, command, own)


def _parameters(file: str | None) -> Any:
    """The document that the data were made with. Raises `BadInput`."""
    if file is None:
        return {}
    from sr_plugins.documents.files import read_config
    from sr_plugins.documents.yaml import load_document

    return load_document(read_config(Path(file), ReasonCode.USAGE, "parameters"), what=file)


def _sealed(world: _World, root: str, asked: tuple[str, str] | None) -> tuple[Selection, _Sealed]:
    from sr_adapters.cli.own_data import SealProgress, refusals
    from sr_adapters.own_data.selection import select
    from sr_adapters.sealing import RECEIPT, SealRefused, scan, seal

    with refusals():
        selection = select(scan(root), world.templates, asked, _window_of(world.before))
        if Path(root, RECEIPT).exists():  # one file cannot speak for several seals, and another's is a conflict
            raise SealRefused(f"{RECEIPT} of an engine's run lies in {root}", "move it away: own data need none")
        done = seal(root, paths=selection.paths, progress=SealProgress())
    return selection, _Sealed(done.manifest_fingerprint, len(done.parts), done.size, done.written)


def _proven(world: _World, root: str, asked: tuple[str, str] | None) -> tuple[Selection, _Sealed]:
    """Data that came with their own proof: nothing is written beside them."""
    from sr_adapters.cli.own_data import refusals
    from sr_adapters.own_data.own_gates import gate_of
    from sr_adapters.own_data.selection import select
    from sr_adapters.sealing import scan

    with refusals():
        gate = gate_of(*(world.own or ("", "")), root, scan(root))
        selection = select(gate.tree, world.templates, asked, _window_of(world.before))
    taken = frozenset(selection.paths)
    size = sum(one.size for one in gate.tree.files if one.path in taken)
    return selection, _Sealed(gate.fingerprint, len(taken), size, written=False)


def _window_of(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """The days of a request's window, where it is of whole days."""
    from datetime import date, timedelta

    window = request.get("window")
    try:
        first, end = (str(window[name])[:10] for name in ("window_start_utc", "window_end_utc"))  # type: ignore[index]
        last = (date.fromisoformat(end) - timedelta(1)).isoformat()
        return (first, last) if date.fromisoformat(first).isoformat() <= last else None
    except (TypeError, KeyError, ValueError, OverflowError):
        return None


def _for_engine(session: Session, world: _World, parameters: Any, asked: tuple[str, str] | None) -> int:
    """The engine makes and seals the data itself: the request alone is written, for its window."""
    from sr_adapters.own_data.requests import engine_request

    window = asked or _window_of(world.before)
    request = engine_request(
        world.profile.name, world.command or [], window, list(world.templates), parameters, world.before
    )
    _write(request, "A run that the engine makes.")
    if session.as_json:
        session.json({"root": None, "request": REQUEST, **_named(request), "files": 0, "size": 0, "written": False})
    else:
        session.say(
            f"the engine makes {', '.join(world.templates)}, and seals them", f"  key  {request['run_equivalence_key']}"
        )
        session.say(f"  next: {session.command('submit', REQUEST)}")
    return exits.DONE


def _write(request: dict[str, Any], comment: str) -> None:
    from sr_adapters.own_data.documents import request_text
    from sr_plugins.documents.files import replace_file

    path, text = Path(REQUEST).absolute(), request_text(request, comment).encode()
    try:
        if not path.is_file() or path.read_bytes() != text:
            replace_file(path, text)
    except OSError as error:
        what = f"{REQUEST} cannot be written: {error.strerror}"
        raise BadInput(ReasonCode.USAGE, what, "go to a folder that you may write to") from error


def _named(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: request[name] for name in ("run_equivalence_key", "manifest_fingerprint", "parameter_hash", "window")}


def _tell_notes(root: str, name: str, selection: Selection) -> None:
    from sr_adapters.cli.own_data import init_command_line
    from sr_adapters.sealing.errors import shown

    anew = init_command_line(root, name)
    if selection.outside:
        count = len(selection.outside)
        more = f" and {count - 1:,} more are" if count > 1 else " is"
        output.tell(f"note: {shown(selection.outside[0])}{more} in no output of the pack: to take them in: {anew}")
    for output_id in selection.undivided:
        what = f"{output_id} is not told apart by day: files of other days are sealed with it"
        output.tell(f"note: {what}; to see why, and describe them anew: {anew}")


def _tell(session: Session, root: str, selection: Selection, sealed: _Sealed, request: Mapping[str, Any]) -> None:
    from sr_adapters.cli.own_data import days_text, sealed_text
    from sr_adapters.own_data.requests import NO_DAY

    if session.as_json:
        told = {"files": sealed.files, "size": sealed.size, "written": sealed.written}
        session.json({"root": root, "request": REQUEST, **_named(request), **told})
        return
    days = "" if selection.window == NO_DAY else f", {days_text(*selection.window)}"
    session.say(sealed_text(sealed.files, sealed.size, f"{root}{days}", again=not sealed.written))
    session.pairs([("fingerprint", sealed.fingerprint), ("key", request["run_equivalence_key"])])
    session.say(f"  next: {session.command('submit', REQUEST)}")
